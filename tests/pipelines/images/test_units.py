"""Scans in other units: masks and deformation to the bit, the ratio by the factor alone."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.simulate.cohort import GroupSpec, simulate_participant

pytestmark = pytest.mark.heavy

LABEL = "sub-HC01"
FACTORS = {"as_scanned": (1.0, 1.0), "other_units": (3.7e-5, 2.9e4)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """One simulated head, twice, at participant level."""
    base = tmp_path_factory.mktemp("units")
    spec = GroupSpec("HC", 1, 60, 10, 0)
    person = simulate_participant(template_head(), LABEL, spec, seed=3, voxel_mm=4.0, effects=())
    pair = {"T1w": person.t1w, "T2w": person.t2w}
    for name, factors in FACTORS.items():
        anat = base / name / "bids" / LABEL / "anat"
        anat.mkdir(parents=True)
        described = {"Name": "SIMULATED", "BIDSVersion": "1.8.0"}
        (base / name / "bids" / "dataset_description.json").write_text(json.dumps(described))
        for (suffix, image), factor in zip(pair.items(), factors, strict=True):
            data = (image.data.astype(np.float64) * factor).astype(np.float32)
            stored = nib.Nifti1Image(data, image.affine)
            stored.to_filename(anat / f"{LABEL}_{suffix}.nii.gz")
        words = [str(base / name / "bids"), str(base / name / "out"), "participant"]
        more = ["-w", str(base / name / "lake"), "template.voxel_mm=4", "resample.voxel_mm=null"]
        assert command([*words, *more, "cluster=synchronous"]) == 0
    return {name: base / name for name in FACTORS}


def part(folder: Path, stage: str) -> xr.Dataset:
    (key,) = (folder / "lake" / "parts" / stage).glob("*.json")
    return xr.open_zarr(key.with_suffix(""), consolidated=False)


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ("brain", "brain"),
        ("normalise", "displacement"),
        ("coregister", "rigid"),
        ("tissue", "tissue"),
    ],
)
def test_units_change_no_bit_of_registration_and_masks(runs, stage, name):
    one, other = (part(folder, stage)[name].to_numpy() for folder in runs.values())
    np.testing.assert_array_equal(one, other)


def test_the_ratio_changes_by_the_factor_alone(runs):
    path = f"out/{LABEL}/anat/{LABEL}_desc-ratio_T1wT2wratio.nii.gz"
    one, other = (nib.load(folder / path).get_fdata() for folder in runs.values())
    factor = FACTORS["other_units"][0] / FACTORS["other_units"][1]
    np.testing.assert_allclose(other, one * factor, rtol=2e-6)


def test_flags_stay(runs):
    one, other = (
        pd.read_csv(folder / "out/group/quality.tsv", sep="\t", na_values="n/a")
        for folder in runs.values()
    )
    assert one["flag"].equals(other["flag"])
    np.testing.assert_allclose(one["registration_ncc"], other["registration_ncc"])
