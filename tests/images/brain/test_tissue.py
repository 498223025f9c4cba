"""Tissue classes against heads whose tissue is known, and against the template's maps alone."""

from __future__ import annotations

import numpy as np
import pytest
from known_head import icbm
from scipy import ndimage

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.tissue import CSF, GREY, LESION, WHITE, segment
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Grid, Volume

LEVELS = {"csf": 30.0, "grey": 75.0, "white": 105.0}
VOXEL_MM = 2.0


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


@pytest.fixture(scope="module")
def fractions() -> dict[str, np.ndarray]:
    """Tissue shares of a brain that is no average: the template's maps, sharpened."""
    fine = {name: icbm(name) for name in ("t1", "gm", "wm")}
    grid = Grid((98, 116, 94), fine["t1"].affine @ np.diag([VOXEL_MM] * 3 + [1.0]))
    brain = to_grid(fine["t1"], grid, order=1).data > 20
    grey, white = (to_grid(fine[n], grid, order=1).data / 255 for n in ("gm", "wm"))
    fluid = np.clip(1 - grey - white, 0, 1) + 0.35 * ndimage.gaussian_filter(
        np.random.default_rng(1).normal(size=grid.shape), 1.2
    )
    sharp = np.stack([np.clip(s, 0, None) ** 8 for s in (fluid, grey, white)]) + 1e-9
    sharp /= sharp.sum(axis=0)
    return {"brain": brain, "prior": np.stack([1 - grey - white, grey, white]), "share": sharp}


def scan(shares: np.ndarray, noise: float = 4.0, levels: dict[str, float] = LEVELS) -> Volume:
    clean = sum(level * share for level, share in zip(levels.values(), shares, strict=True))
    rng = np.random.default_rng(0)
    noisy = np.hypot(clean + rng.normal(0, noise, clean.shape), rng.normal(0, noise, clean.shape))
    return Volume(noisy.astype(np.float32), np.diag([VOXEL_MM] * 3 + [1.0]))


def moved_prior(fractions: dict[str, np.ndarray]) -> np.ndarray:
    """The template's maps as a registration 4 mm off would bring them."""
    moved = np.roll(fractions["prior"], (2, 1), axis=(1, 2))
    return np.moveaxis(moved, 0, -1)[fractions["brain"]].astype(np.float32)


def test_tissue_is_found_far_better_than_the_maps_alone(fractions):
    brain, truth = fractions["brain"], fractions["share"].argmax(axis=0)
    prior = moved_prior(fractions)
    found = segment(scan(fractions["share"]), brain, prior).labels.data
    alone = np.full(brain.shape, -1)
    alone[brain] = prior.argmax(axis=1)
    for k, label in enumerate((CSF, GREY, WHITE)):
        right = (truth == k) & brain
        assert dice(found == label, right) > 0.88
        assert dice(found == label, right) > dice(alone == k, right) + 0.1
    assert not found[~brain].any()


def test_volumes_follow_partial_volume(fractions):
    brain = fractions["brain"]
    found = segment(scan(fractions["share"], noise=2.0), brain, moved_prior(fractions))
    for name, share in zip(("csf", "grey", "white"), fractions["share"], strict=True):
        truth_ml = share[brain].sum() * VOXEL_MM**3 / 1000
        assert found.volumes_ml[name] == pytest.approx(truth_ml, rel=0.04)


def test_gain_changes_nothing_and_means_are_those_painted(fractions):
    brain, prior = fractions["brain"], moved_prior(fractions)
    image = scan(fractions["share"])
    one = segment(image, brain, prior)
    other = segment(image.with_data(image.data * np.float32(8.0)), brain, prior)
    assert (one.labels.data != other.labels.data).mean() < 1e-4
    for name, level in LEVELS.items():
        assert one.means[name] == pytest.approx(level, rel=0.06)


def test_a_lesion_is_labelled_and_moves_no_class(fractions):
    brain, prior = fractions["brain"], moved_prior(fractions)
    image = scan(fractions["share"])
    lesion = np.zeros(brain.shape, dtype=bool)
    lesion[30:44, 50:64, 40:54] = True
    spoiled = image.with_data(np.where(lesion, np.float32(400.0), image.data))
    found = segment(spoiled, brain, prior, lesion)
    assert (found.labels.data[lesion & brain] == LESION).all()
    whole = segment(image, brain, prior)
    rest = ~ndimage.binary_dilation(lesion, iterations=2)
    assert (found.labels.data == whole.labels.data)[rest].mean() > 0.998
    for name in LEVELS:
        assert found.means[name] == pytest.approx(whole.means[name], rel=0.01)


def test_maps_that_miss_the_brain_are_one_clear_line(fractions):
    brain = fractions["brain"]
    prior = np.tile(np.float32([1.0, 0.0, 0.0]), (int(brain.sum()), 1))
    with pytest.raises(SubjectError, match="0 voxels of grey matter"):
        segment(scan(fractions["share"]), brain, prior)
