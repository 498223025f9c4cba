"""No percent of a mean that zero lies near: tables, detectable effect, sensitivity, report."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import Job, _configure, command
from rt1t2_dask.pipelines.analyses import plan_analyses
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.images.plan import plan_images
from rt1t2_dask.pipelines.people.table import read_people
from rt1t2_dask.pipelines.sensitivity.analysis import Sensitivity
from rt1t2_dask.ratio.calibrate import KINDS
from rt1t2_dask.storage.parts import Lake

QUICK = [
    *("permute.n=0", "receptors.n_permutations=0", "receptors.spatial=none"),
    *("report.mosaics=0", "report.slices=[]", "contrast.extent_mm3=500"),
]


def shift(root: Path, by: float) -> None:
    """Take a number from every map."""
    for path in sorted(root.glob("*.nii.gz")):
        image = nib.load(path)
        data = image.get_fdata(dtype="float32") - np.float32(by)
        nib.Nifti1Image(data, image.affine).to_filename(path)


def table(out: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(out / "group" / f"{name}.tsv", sep="\t", na_values="n/a")


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
@pytest.mark.parametrize("by", [0.0, 1.5])
def test_maps_with_negative_values_get_no_percent(maps_study, maps_arguments, tmp_path, by):
    root, _ = maps_study()
    shift(root, by)
    assert (
        command([*maps_arguments, *QUICK, "report.edge_sensitivity=true", "smooth.fwhm_mm=6"]) == 0
    )
    out = tmp_path / "out"
    signed = by > 0
    for name in ("contrast-patVsHc_parcels", "contrast-patVsHc_effects"):
        rows = table(out, name)
        assert len(rows)
        assert rows["percent"].isna().all() == signed
        assert rows["estimate"].notna().any()
        assert set(rows["scale"]) == {"signed" if signed else "ratio"}
    assert table(out, "edge_sensitivity")["effect_percent"].isna().all() == signed
    stats = {path.name.split("_stat-")[1] for path in (out / "group").glob("*_statmap.nii.gz")}
    assert ("mdeEffect_statmap.nii.gz" in stats) is signed
    assert ("mde_statmap.nii.gz" in stats) is not signed
    page = (out / "report.html").read_text()
    assert ("No percentages: values of these maps have both signs" in page) is signed
    assert ("in the unit of the maps at the median voxel" in page) is signed
    assert ("% of the mean of hc at the median voxel" in page) is not signed


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_the_detectable_effect_is_the_same_on_either_scale(maps_study, maps_arguments, tmp_path):
    """A shift changes no effect: the percent of one scale times the mean is the other's effect."""
    root, maps = maps_study()
    words = [w for w in maps_arguments if not w.startswith("output_dir=")]
    outs = [tmp_path / "ratio", tmp_path / "signed"]
    found = []
    for out, by, stat in zip(outs, (0.0, 1.5), ("mde", "mdeEffect"), strict=True):
        shift(root, by)
        assert command([*words, *QUICK, f"output_dir={out}"]) == 0
        path = out / "group" / f"contrast-patVsHc_stat-{stat}_statmap.nii.gz"
        found.append(np.asarray(nib.load(path).dataobj))
    level = maps[6:].mean(axis=0)
    known = np.isfinite(found[0])
    np.testing.assert_allclose(
        (found[0] * level / 100)[known], found[1][known], rtol=2e-4, atol=1e-5
    )


@pytest.mark.parametrize("main", ["mrtool_style", "gm_median"])
def test_every_calibration_has_the_scale_of_its_own_maps(tmp_path, main):
    """Of the plan alone: files are known by name and checksum, nothing is read."""
    rows = []
    for k in range(8):
        label, group = f"sub-{k:02d}", "P" if k < 4 else "C"
        rows.append({"participant_id": label, "group": group})
        (tmp_path / "raw" / label / "anat").mkdir(parents=True)
        for suffix in ("T1w", "T2w"):
            path = tmp_path / "raw" / label / "anat" / f"{label}_{suffix}.nii.gz"
            path.write_text(label + suffix)
    pd.DataFrame(rows).to_csv(tmp_path / "raw" / "participants.tsv", sep="\t", index=False)
    (tmp_path / "cohort").mkdir()
    (tmp_path / "cohort" / "mine.yaml").write_text(
        "name: mine\nparticipants: participants.tsv\ngroup_column: group\n"
        "groups: {pat: P, hc: C}\nreference: hc\ncontrasts: {patVsHc: [pat, hc]}\n"
        "covariates: []\nexclude: []\n"
    )
    words = ("+cohort=mine", "source=bids", f"source.root={tmp_path / 'raw'}",
             f"calibration={main}", "report.calibration_sensitivity=true")  # fmt: skip
    config = _configure(Job((f"hydra.searchpath=[file://{tmp_path}]", *words)))
    people = read_people(config)
    images = plan_images(config, people)
    group = plan_analyses(config, Lake(str(tmp_path / "lake"), {}), people, images)
    scales = {main: contrasts_of(group)["patVsHc"].contrast.settings.scale}
    for kind, choice in group.of(Sensitivity).choices.calibrations.items():
        scales[kind] = choice.contrasts["patVsHc"].settings.scale
    assert scales == {kind: "signed" if kind == "gm_median" else "ratio" for kind in KINDS}
