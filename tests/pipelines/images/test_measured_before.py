"""What is measured is decided before smoothing: lesions stay empty, half a region is no region."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from rt1t2_dask import assets
from rt1t2_dask.atlas import neuromorphometrics, on_grid
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.contrasts.regional import _means
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.engine.volumes import to_array, to_volume
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.parcels import region_means
from rt1t2_dask.pipelines.images.stages import PARCELS, SMOOTH
from rt1t2_dask.storage.parts import Lake, Part

TWO_MM = np.diag([2.0, 2.0, 2.0, 1.0])
SPACE = "MNI152NLin2009aSym"
PERILESIONAL, FAR = 0.8, 1.5


def lesioned(radius_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """A constant map, lower round a sphere where it is missing; and the sphere."""
    away = 2 * np.linalg.norm(np.indices((40, 40, 40)) - 20.0 + 0.3, axis=0)
    data = np.where(away < radius_mm + 6, PERILESIONAL, FAR).astype(np.float32)
    data[away < radius_mm] = np.nan
    return data, away < radius_mm


def smoothed(tmp_path, data: np.ndarray, edge: str) -> tuple[np.ndarray, dict]:
    lake, part = Lake(str(tmp_path)), Part("ratio", "0" * 32)
    array = to_array("ratio", Volume(data, TWO_MM), space=SPACE)
    lake.write(part, xr.Dataset({"ratio": array}), record={})
    task = SMOOTH.task({"fwhm_mm": 10.0, "edge": edge}, {"ratio": part})
    made = SMOOTH.make(Inputs(lake, task))
    return to_volume(made.dataset["smoothed"]).data, dict(made.record)


@pytest.mark.parametrize("edge", ["normalised", "spm"])
@pytest.mark.parametrize("radius_mm", [6.0, 8.0])
def test_a_lesion_does_not_come_back_with_the_values_round_it(tmp_path, radius_mm, edge):
    data, lesion = lesioned(radius_mm)
    out, record = smoothed(tmp_path, data, edge)
    assert lesion.sum() > 100
    assert np.isnan(out[lesion]).all()
    assert record["voxels_measured"] == (~lesion).sum()
    kept = smooth(Volume(data, TWO_MM), 10.0, edge).data  # SPM12's numbers, or ours, elsewhere
    np.testing.assert_array_equal(out[~lesion], kept[~lesion])
    assert np.isfinite(kept[lesion]).mean() > 0.7  # else the test could not fail


@pytest.mark.parametrize("edge", ["normalised", "spm"])
def test_what_was_measured_stays_measured_round_a_lesion(tmp_path, edge):
    data, lesion = lesioned(6.0)
    out, _ = smoothed(tmp_path, data, edge)
    inner = np.zeros(data.shape, bool)
    inner[8:-8, 8:-8, 8:-8] = True
    assert np.isfinite(out[inner & ~lesion]).all()


def regions_of(tmp_path, data: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lake, part = Lake(str(tmp_path)), Part("smooth", "0" * 32)
    array = to_array("smoothed", Volume(data.astype(np.float32), affine), space=SPACE)
    lake.write(part, xr.Dataset({"smoothed": array}), record={})
    task = PARCELS.task({}, {"smooth": part})
    atlas = neuromorphometrics(Inputs(lake, task).asset(ATLAS))
    made = region_means(Inputs(lake, task), atlas).dataset
    return made["parcels"].to_numpy(), made["coverage"].to_numpy()


GRID = Grid(
    (66, 78, 64), np.array([[3.0, 0, 0, -98], [0, 3, 0, -134], [0, 0, 3, -72], [0, 0, 0, 1]])
)


def test_a_region_under_half_measured_is_missing(tmp_path):
    atlas = neuromorphometrics(from_bytes(assets.read(assets.resolve(ATLAS)), "atlas"))
    labels = on_grid(atlas, GRID)
    chosen = {label: np.argwhere(labels == label) for label in atlas.grey[:3]}
    data = np.full(GRID.shape, 1.5)
    data[labels == atlas.grey[1]] = 1.7
    for share, where in zip((0.6, 0.45, 0.0), chosen.values(), strict=True):
        lost = where[: int(np.ceil(share * len(where)))]
        data[tuple(lost.T)] = np.nan
    means, coverage = regions_of(tmp_path, data, GRID.affine)
    assert np.isnan(means[0])
    assert coverage[0] < 0.5
    assert means[1] == pytest.approx(1.7, abs=1e-6)
    assert 0.5 < coverage[1] < 0.56
    assert np.isfinite(means[1:]).all()
    np.testing.assert_allclose(coverage[2:], 1.0)


def test_what_the_field_of_view_cuts_off_was_not_measured(tmp_path):
    """Maps that end at z = -26: a cerebellum in half is none; coverage as on the whole grid."""
    cut = 18
    affine = GRID.affine.copy()
    affine[2, 3] += 3.0 * cut
    whole = np.full(GRID.shape, 1.5)
    whole[:, :, :cut] = np.nan
    expected_means, expected = regions_of(tmp_path / "whole", whole, GRID.affine)
    means, coverage = regions_of(tmp_path / "cut", whole[:, :, cut:], affine)
    np.testing.assert_allclose(coverage, expected, atol=0.08)  # voxels of 3 mm against 1.5 mm
    sure = np.abs(expected - 0.5) > 0.08
    np.testing.assert_array_equal(np.isnan(means)[sure], np.isnan(expected_means)[sure])
    assert np.isnan(means).sum() > 5
    assert np.isfinite(means).sum() > 80


def test_effects_of_clusters_are_of_those_measured_to_half():
    labels = np.zeros((10, 10, 10), np.int32)
    labels[:5], labels[5:8] = 1, 2
    maps = [np.full(labels.shape, 1.0), np.full(labels.shape, 2.0)]
    maps[1][:3] = np.nan
    found = _means(iter(maps), labels, [1, 2])
    np.testing.assert_allclose(found, [[1.0, 1.0], [np.nan, 2.0]])
