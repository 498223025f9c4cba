"""Zeros round and inside ready-made maps: not measured, told, and no result of their own."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.images.zeros import background

QUICK = [
    *("permute.n=0", "receptors.n_permutations=0", "receptors.spatial=none"),
    *("report.mosaics=0", "report.slices=[]"),
]
PATIENTS = 6
AFFINE = np.array([[6.0, 0, 0, -98], [0, 6, 0, -134], [0, 0, 6, -72], [0, 0, 0, 1]])
GRID = Grid((33, 39, 32), AFFINE)


def ellipsoid(shrink_mm: float) -> np.ndarray:
    """A brain of sorts, in the template's place, so many mm smaller."""
    return (
        np.linalg.norm((GRID.world() - [0, -18, 8]) / (np.array([66, 84, 66]) - shrink_mm), axis=-1)
        < 1
    )


def write_null(root: Path, label: str, seed: int, inside: np.ndarray) -> None:
    """One ratio of 1.5 for everybody, with noise, and zeros outside of a mask."""
    noise = np.random.default_rng(seed).normal(0, 0.05, GRID.shape)
    data = np.where(inside, 1.5 + noise, 0).astype(np.float32)
    nib.Nifti1Image(data, AFFINE).to_filename(root / f"{label}_T1wT2wratio.nii.gz")


def statmap(out: Path, stat: str) -> np.ndarray:
    return np.asarray(nib.load(out / f"group/contrast-patVsHc_stat-{stat}_statmap.nii.gz").dataobj)


@pytest.fixture
def tight(maps_study) -> Path:
    """No difference between the groups but that patients' masks are 8 mm tighter."""
    root, maps = maps_study()
    for k in range(len(maps)):
        write_null(root, f"sub-{k:02d}", k, ellipsoid(8.0 if k < PATIENTS else 0.0))
    return root


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_tighter_masks_of_patients_make_no_difference(tight, maps_arguments, tmp_path, caplog):
    caplog.set_level("INFO", "rt1t2_dask")
    words = [*maps_arguments, *QUICK, "smooth.fwhm_mm=10"]
    assert command(words) == 0
    out = tmp_path / "out"
    t, n = statmap(out, "t"), statmap(out, "n")
    assert np.isfinite(t).sum() > 3000
    assert np.nanmax(np.abs(t)) < 10  # 3,500 null voxels at 11 degrees of freedom: 4 to 8
    measured = sum(ellipsoid(8.0 if k < PATIENTS else 0.0).astype(int) for k in range(13))
    tested = np.isfinite(t)
    assert (n[tested] <= measured[tested]).all()
    quality = pd.read_csv(out / "group" / "quality.tsv", sep="\t")
    tighter, wide = quality["zeros_in_brain"][:PATIENTS], quality["zeros_in_brain"][PATIENTS:]
    assert tighter.min() > wide.max()
    treated = "zeros are treated as missing (source.zero_is_missing=auto)"
    assert f"{treated} in 13 of 13 maps" in caplog.text
    assert "sub-0" not in caplog.text


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_zeros_are_values_where_the_study_says_so(tight, maps_arguments, tmp_path):
    """As it was: the background is smoothed into the brain, and the masks' edge is significant."""
    words = [*maps_arguments, *QUICK, "smooth.fwhm_mm=10", "source.zero_is_missing=false"]
    assert command(words) == 0
    assert np.nanmax(np.abs(statmap(tmp_path / "out", "t"))) > 30


@pytest.mark.usefixtures("lake_before")
def test_a_voxel_beside_the_background_keeps_its_value(maps_study, maps_arguments, tmp_path):
    root, maps = maps_study(n_patients=2, n_controls=2)
    inside = ellipsoid(0.0)
    for k in range(len(maps)):
        data = np.where(inside, 1.5 + k / 10, 0).astype(np.float32)
        nib.Nifti1Image(data, AFFINE).to_filename(root / f"sub-{k:02d}_T1wT2wratio.nii.gz")
    assert command([*maps_arguments, *QUICK, "smooth.fwhm_mm=12"]) == 0
    path = next((tmp_path / "out" / "sub-00" / "anat").glob("*desc-smoothed*.nii.gz"))
    smoothed = np.asarray(nib.load(path).dataobj)
    known = np.isfinite(smoothed)
    assert known.sum() > 0.8 * inside.sum()
    np.testing.assert_allclose(smoothed[known], 1.5, rtol=1e-5)


@pytest.mark.usefixtures("lake_before")
def test_a_map_without_a_measured_voxel_is_a_failure(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study()
    write_null(root, "sub-03", 0, ellipsoid(0.0))
    outside = nib.Nifti1Image((~ellipsoid(0.0)).astype(np.uint8), AFFINE)
    outside.to_filename(root / "mask.nii.gz")
    rows = pd.read_csv(root / "participants.tsv", sep="\t")
    rows["mask"] = np.where(rows["participant_id"] == "sub-03", "mask.nii.gz", None)
    rows.to_csv(root / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    assert command([*maps_arguments, *QUICK]) == 1
    failures = pd.read_csv(tmp_path / "out" / "failures.tsv", sep="\t")
    assert failures["participant_id"].tolist() == ["sub-03"]
    assert "the ratio map has no measured voxel" in failures["reason"].item()


def test_blocks_and_outside_are_background_and_single_zeros_are_values():
    data = np.random.default_rng(0).normal(0, 1, (20, 20, 20))
    brain = np.zeros(data.shape, bool)
    brain[4:16, 4:16, 4:16] = True
    data[~brain] = 0
    data[4, 8, 8] = 0  # a voxel of the brain that touches the background
    data[10, 10, 10] = 0  # a value
    data[7:9, 7:9, 6:9] = 0  # a hole of 12 voxels
    data[12:14, 12:14, 6:8] = 0  # 8 voxels: still values
    data[1, 1, 1] = 0.3
    expected = data == 0
    expected[10, 10, 10] = False
    expected[12:14, 12:14, 6:8] = False
    np.testing.assert_array_equal(background(data, brain), expected)


def test_the_background_is_the_same_for_any_gain_and_turn():
    rng = np.random.default_rng(1)
    brain = ndimage.binary_erosion(np.ones((15, 16, 17), bool), iterations=3)
    data = np.where(ndimage.gaussian_filter(rng.normal(size=brain.shape), 1) > 0, 1.0, 0.0)
    found = background(data, brain)
    np.testing.assert_array_equal(background(-37 * data, brain), found)
    turned = background(data.T[::-1], brain.T[::-1])
    np.testing.assert_array_equal(turned, found.T[::-1])
