"""What a finished study says of its contrast, from its own maps by other formulas."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats

from rt1t2_dask.pipelines.contrasts.regional import parcel_columns

VOXEL_MM3 = 6.0**3


@pytest.fixture(scope="module")
def group(finished_maps) -> Path:
    return finished_maps / "out" / "group"


def statmap(group: Path, stat: str) -> np.ndarray:
    path = group / f"contrast-patVsHc_stat-{stat}_statmap.nii.gz"
    return np.asarray(nib.load(path).dataobj).astype(float)


def table(group: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(group / f"contrast-patVsHc_{name}.tsv", sep="\t", na_values="n/a")


def test_the_detectable_effect_is_found_with_the_power_it_states(group, finished_maps):
    """P(|T| > u) of a noncentral T is 80 % at the effect of the map, u of the permutations."""
    t, effect, dof, mde = (statmap(group, name) for name in ("t", "effect", "dof", "mde"))
    known = np.isfinite(mde) & (np.abs(t) > 1e-3)
    permuted = json.loads((group / "contrast-patVsHc_permutation.json").read_text())
    height, nominal = permuted["critical_05"]["max_t"], 11
    own = stats.t.isf(stats.t.sf(height, nominal), dof[known])
    maps = sorted((finished_maps / "maps").glob("*.nii.gz"))[6:]
    mean = np.mean([np.asarray(nib.load(path).dataobj) for path in maps], axis=0)
    difference = mde[known] / 100 * mean[known]
    power = stats.nct.sf(own, dof[known], difference / (effect[known] / t[known]))
    np.testing.assert_allclose(power, 0.8, atol=0.005)


def test_clusters_at_other_thresholds_are_those_that_scipy_counts(group):
    t, dof, rows = statmap(group, "t"), statmap(group, "dof"), table(group, "thresholds")
    assert len(rows) > 12
    for row in rows.to_dict("records"):
        side = 1 if row["sign"] == "positive" else -1
        with np.errstate(invalid="ignore"):
            over = stats.t.sf(side * t, dof) < row["p"]
        labels, n = ndimage.label(over, ndimage.generate_binary_structure(3, 2))
        sizes = np.bincount(labels.ravel(), minlength=n + 1)[1:] * VOXEL_MM3
        kept = sizes[sizes >= row["extent_mm3"]] if row["extent_mm3"] else sizes
        assert row["clusters"] == len(kept), row


def test_regional_q_is_benjamini_hochbergs_and_max_t_is_never_below_p(group):
    rows = table(group, "parcels")
    np.testing.assert_allclose(rows["q_fdr"], stats.false_discovery_control(rows["p"]), rtol=1e-6)
    smallest = rows.loc[rows["p"].idxmin()]
    assert smallest["p_fwe_max_t"] == rows["p_fwe_max_t"].min()
    assert (rows["p_fwe_max_t"] >= 1 / 51 - 1e-9).all()
    columns = rows.columns.tolist()
    assert columns[:2] == ["region", "name"]
    assert columns[columns.index("p") :][:3] == ["p", "q_fdr", "p_fwe_max_t"]


def test_columns_of_regions_keep_their_values_and_order():
    rows = pd.DataFrame([range(6)], columns=["t", "p", "n", "p_fwe_max_t", "region", "name"])
    rows["q_fdr"] = 6
    found = parcel_columns(rows)
    assert found.columns.tolist() == ["region", "name", "t", "p", "q_fdr", "p_fwe_max_t", "n"]
    assert found.iloc[0].tolist() == [4, 5, 0, 1, 6, 3, 2]
