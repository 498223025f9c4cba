"""What a contrast on fsaverage5 searched: noise of a known width, area, people not measured."""

from __future__ import annotations

import numpy as np
import pytest

from rt1t2_dask.pipelines.surface.searched import SEARCH, searched
from rt1t2_dask.pipelines.surface.template import cortex_mask, middles, search_mesh
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.surface.smooth import smoother

pytestmark = pytest.mark.assets
N = 14
FWHM_MM = 12.0
DESIGN = two_sample(["a"] * 6 + ["b"] * 8, "a", "b")


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    rng = np.random.default_rng(0)
    parts = [smoother(own, FWHM_MM)(rng.normal(size=(N, len(own.vertices)))) for own in middles()]
    return np.concatenate(parts, axis=1).astype(np.float32)


def test_the_width_is_that_of_the_kernel_and_the_area_that_of_the_cortex(noise):
    found = searched(noise, DESIGN, None, cortex_mask())
    assert tuple(found) == SEARCH
    assert found["fwhm_mm"] == pytest.approx(FWHM_MM, rel=0.06)
    assert found["vertices"] == cortex_mask().sum()
    areas = np.concatenate([own.vertex_areas for own in middles()])
    assert found["area_mm2"] == pytest.approx(areas[cortex_mask()].sum())
    faces = search_mesh().faces
    whole = np.concatenate([own.face_areas for own in middles()])
    inside = cortex_mask()[faces].all(axis=1)
    resels = whole[inside].sum() / found["fwhm_mm"] ** 2
    assert found["resels"][2] == pytest.approx(resels, rel=1e-6)


def test_vertices_that_somebody_lacks_are_searched_and_tell_nothing_of_the_width(noise):
    data = noise.copy()
    data[0, : data.shape[1] // 3] = np.nan
    tested = cortex_mask().copy()
    tested[:100] = False
    found = searched(data, DESIGN, None, tested)
    assert found["vertices"] == tested.sum()
    assert found["fwhm_mm"] == pytest.approx(FWHM_MM, rel=0.08)
    data[0] = np.nan
    found = searched(data, DESIGN, None, tested)
    assert found["fwhm_mm"] is None and found["resels"] is None
