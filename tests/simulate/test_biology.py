"""Variation of the healthy ratio and of fluid: size, smoothness, and what it must leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.anatomy import coarse_grid
from rt1t2_dask.simulate.biology import N_PARCELS, draw_biology, label_parcels
from rt1t2_dask.simulate.effects import to_index
from rt1t2_dask.simulate.fluid import added_fluid, draw_wall_mm, ventricle_swelling
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.pose import TrueWarp, smallest_jacobian
from rt1t2_dask.simulate.render import shape_of
from rt1t2_dask.stats.clusters.smoothness import fwhm_voxels

GRID = Grid((40, 40, 40), np.diag([2.0, 2.0, 2.0, 1.0]))


def test_the_field_has_the_spread_and_width_it_states() -> None:
    """Widths of the three fields, 33, 16 and 9 mm, by their roughness weigh in at 12 mm."""
    fields = np.stack([draw_biology(np.random.default_rng(s), GRID).field for s in range(40)])
    expected = np.sqrt(0.03**2 + 0.015**2 + 0.03**2 + 0.05**2)
    assert fields.std(axis=0, ddof=1).mean() == pytest.approx(expected, rel=0.1)
    local = (fields - fields.mean(axis=(1, 2, 3), keepdims=True)).reshape(40, -1)
    local = (local - local.mean(axis=0)) / local.std(axis=0, ddof=1)
    width = 2 * fwhm_voxels(iter(local.astype(float)), np.ones(GRID.shape, bool), 39.0)
    assert 9 < width.mean() < 16


def test_tissues_and_parcels_add_where_they_are() -> None:
    own = draw_biology(np.random.default_rng(1), GRID)
    zero, one = np.zeros(2, np.float32), np.ones(2, np.float32)
    labels = np.array([0, 7], np.int16)
    white = own.at(zero, zero, one, labels)
    np.testing.assert_allclose(white, own.white, rtol=1e-5)
    np.testing.assert_allclose(
        own.at(zero, one, zero, labels), own.grey + own.parcels[labels], rtol=1e-5
    )
    assert np.all(own.at(zero, zero, zero, labels) == 0)


def test_parcels_divide_the_grey_matter_evenly(head: HeadModel) -> None:
    parcels = shape_of(head).parcels
    inside = (head.brain & (head.grey > 0.5))[::2, ::2, ::2]
    sizes = np.bincount(parcels[inside], minlength=N_PARCELS) * 8
    assert len(sizes) == N_PARCELS and sizes.min() > 500
    assert 15 < np.cbrt(np.median(sizes) * 2) < 30  # mm across, half of it grey
    with pytest.raises(ValueError, match="parcels"):
        label_parcels(np.zeros(GRID.shape), GRID)


@given(share=st.floats(0, 1), sulci=st.floats(-1, 1))
def test_fluid_stays_a_share_and_pure_voxels_stay_pure(share: float, sulci: float) -> None:
    gained = float(added_fluid(np.array([share], np.float32), np.array([sulci], np.float32))[0])
    assert -1e-6 <= share + gained <= 1 + 1e-6
    if share in (0, 1):
        assert gained == 0
    assert gained * sulci >= 0


def test_a_wall_further_out_makes_larger_ventricles_and_folds_nothing(head: HeadModel) -> None:
    """Deep fluid of the template as three people have it, from the true map alone."""
    shape = shape_of(head)
    coarse = shape.surfaces.grid
    deep = np.where(head.brain, head.csf, 0).astype(np.float32)[::2, ::2, ::2]
    deep *= shape.surfaces.hull < -20
    points = coarse.world().reshape(-1, 3).astype(np.float64)
    volumes = []
    for wall_mm in (-1.0, 0.0, 1.0):
        warp = TrueWarp(np.eye(4), (), shape.swelling, wall_mm)
        index = to_index(warp.subject_to_template(points), coarse.affine).T
        volumes.append(float(map_coordinates(deep, index, order=1).sum()))
        assert smallest_jacobian(warp, coarse_grid(coarse)) > 0.3
    assert 0.8 < volumes[0] / volumes[1] < 0.95
    assert 1.1 < volumes[2] / volumes[1] < 1.4


def test_walls_differ_within_their_limits_and_no_fluid_is_an_error() -> None:
    walls = [draw_wall_mm(np.random.default_rng(s)) for s in range(300)]
    assert max(map(abs, walls)) <= 1.0 and np.std(walls) == pytest.approx(0.47, rel=0.15)
    nothing = np.zeros(GRID.shape, np.float32)
    with pytest.raises(ValueError, match="ventricles"):
        ventricle_swelling(nothing, nothing - 30, GRID)
