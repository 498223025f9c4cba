"""method=van_grinsven_2025 on the oracles' own maps gives SPM12's and JuSpace's numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.region_columns import region_columns

pytestmark = pytest.mark.assets


def study(folder: Path, cohort: str, *words: str) -> Path:
    (folder / "studies" / "cohort").mkdir(parents=True)
    (folder / "studies" / "cohort" / "oracle.yaml").write_text(cohort)
    settings = [
        "--config-dir", str(folder / "studies"), "+cohort=oracle", "source=maps",
        f"source.root={folder / 'maps'}", f"storage.url={folder / 'lake'}",
        f"output_dir={folder / 'out'}", "method=van_grinsven_2025", "smooth.fwhm_mm=0",
        "cluster=synchronous", "report.mosaics=0", "receptors.n_permutations=10",
        "report.figures=false",
    ]  # fmt: skip
    assert command([*settings, *words]) == 0
    return folder / "out" / "group"


SPM = """
name: oracle
groups: {one: '1', two: '2'}
reference: one
contrasts: {twoVsOne: [two, one]}
covariates: [age, sex]
"""


@pytest.fixture
def spm(shared, tmp_path) -> Path:
    """Outputs of SPM12 (03ac947), and its inputs as a study of maps."""
    oracle = shared / "reference" / "spm_two_sample"
    if not oracle.is_dir():
        pytest.skip("the SPM12 oracle is not beside the assets")
    (tmp_path / "maps").mkdir()
    rows = pd.read_csv(oracle / "inputs" / "design.csv", dtype=str)
    for name in rows["image"]:
        shutil.copy(oracle / "inputs" / f"{name}.nii.gz", tmp_path / "maps" / f"{name}.nii.gz")
    table = pd.DataFrame(
        {
            "participant_id": "sub-" + rows["image"].str.replace("_", ""),
            "group": rows["group"],
            "age": rows["age"],
            "sex": rows["sex"].map({"0": "F", "1": "M"}),
            "map": rows["image"] + ".nii.gz",
        }
    )
    table.to_csv(tmp_path / "maps" / "participants.tsv", sep="\t", index=False)
    return oracle


@pytest.mark.heavy
def test_contrast_is_spm12s(spm, tmp_path):
    mask = f"contrast.mask={spm / 'inputs' / 'explicit_mask.nii.gz'}"
    group = study(
        tmp_path, SPM, mask, "source.zero_is_missing=true", "contrast.extent_mm3=80", "permute.n=0"
    )
    ours = nib.load(group / "contrast-twoVsOne_stat-t_statmap.nii.gz").get_fdata()
    theirs = nib.load(spm / "out" / "cov_unequal_spmT_0001.nii.gz").get_fdata()
    tested = np.isfinite(ours)
    assert tested.sum() == (theirs != 0).sum()
    np.testing.assert_allclose(ours[tested], theirs[tested], atol=1e-4)

    clusters = pd.read_csv(group / "contrast-twoVsOne_clusters.tsv", sep="\t")
    for sign, contrast in (("positive", "con1"), ("negative", "con2")):
        own = clusters[clusters["sign"] == sign].reset_index(drop=True)
        name = f"cov_unequal_{contrast}_none0.001_k10_table.csv"
        spms = pd.read_csv(spm / "out" / name).dropna(subset=["clus_k"]).reset_index(drop=True)
        assert own["voxels"].tolist() == spms["clus_k"].astype(int).tolist()
        np.testing.assert_allclose(own["peak_t"].abs(), spms["T"], atol=1e-4)
        np.testing.assert_allclose(own["peak_zscore"].abs(), spms["Z"], rtol=1e-4)
        np.testing.assert_allclose(own["p_uncorrected"], spms["clus_punc"], rtol=1e-4)
        np.testing.assert_allclose(own["p_fwe_rft"], spms["clus_pFWE"], rtol=1e-4)
        np.testing.assert_allclose(own["q_fdr"], spms["clus_qFDR"], rtol=1e-4)
        for ours, theirs in (("p_fwe_rft", "pFWE"), ("q_fdr", "qFDR"), ("p_uncorrected", "punc")):
            np.testing.assert_allclose(own[f"extent_{ours}"], spms[f"clus_{theirs}"], rtol=1e-4)
            np.testing.assert_allclose(own[f"peak_{ours}"], spms[f"peak_{theirs}"], rtol=2e-3)
        np.testing.assert_allclose(
            own[["peak_x_mm", "peak_y_mm", "peak_z_mm"]], spms[["x", "y", "z"]], atol=1e-3
        )
    for name in ("p_fwe_permutation", "extent_p_fwe_permutation", "peak_p_fwe_permutation"):
        assert (clusters[name].isna() | (clusters[name] == "n/a")).all()


JUSPACE = """
name: oracle
groups: {pat: P, con: C}
reference: con
"""


@pytest.mark.heavy
def test_regional_means_and_receptors_are_juspaces(shared, tmp_path):
    oracle = shared / "reference" / "juspace"
    if not oracle.is_dir():
        pytest.skip("the JuSpace oracle is not beside the assets")
    (tmp_path / "maps").mkdir()
    names = [f"pat{i:02d}" for i in range(1, 9)] + [f"con{i:02d}" for i in range(1, 11)]
    for name in names:
        shutil.copy(
            oracle / "inputs" / f"{name}.nii.gz",
            tmp_path / "maps" / f"sub-{name}_T1wT2wratio.nii.gz",
        )
    table = pd.DataFrame(
        {"participant_id": names, "group": ["P" if n.startswith("p") else "C" for n in names]}
    )
    table.to_csv(tmp_path / "maps" / "participants.tsv", sep="\t", index=False)
    group = study(tmp_path, JUSPACE, "source.zero_is_missing=false")
    parcels = pd.read_csv(group / "parcels.tsv", sep="\t").set_index("participant_id")
    expected = np.vstack(
        [np.loadtxt(oracle / "out" / f"clean_{d}.csv", delimiter=",") for d in ("D1", "D2")]
    )
    np.testing.assert_allclose(parcels.to_numpy(), expected, rtol=1e-6)
    labels = np.loadtxt(oracle / "out" / "atlas_labels.csv", dtype=int)
    assert parcels.columns.tolist() == [region_columns()[k] for k in labels.ravel().tolist()]
    receptors = pd.read_csv(group / "receptors.tsv", sep="\t")
    assert len(receptors) == 17
    known = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert known["config"]["receptors"]["missing"] == "listwise"
