"""Sessions of a simulated head: the same anatomy and tissue, another scan."""

from __future__ import annotations

import numpy as np
import pytest

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.simulate.biology import Biology
from rt1t2_dask.simulate.person import simulate_person
from rt1t2_dask.simulate.session import changed, spawn_key

VOXEL_MM = 5.0
GRID_STEP_MM = 1.5


@pytest.fixture(scope="module")
def scans():
    head = template_head()
    return {
        name: simulate_person(head, seed=7, voxel_mm=VOXEL_MM, n_lesions=1, session=name)
        for name in ("", "1", "2")
    }


@pytest.mark.heavy
def test_the_same_session_is_the_same_scan(scans):
    again = simulate_person(template_head(), seed=7, voxel_mm=VOXEL_MM, n_lesions=1, session="2")
    assert np.array_equal(again.t1w.data, scans["2"].t1w.data)
    assert np.array_equal(again.t2w.data, scans["2"].t2w.data)
    assert not np.array_equal(scans["1"].t1w.data, scans["2"].t1w.data)
    centres = [scans[name].truth.lesions[0].centre_mm for name in scans]
    assert all(np.array_equal(own, centres[0]) for own in centres)


@pytest.mark.heavy
def test_the_pose_is_rigid_and_the_anatomy_the_same(scans):
    points = np.random.default_rng(0).uniform(-60, 60, (200, 3))
    for name in ("1", "2"):
        warp = scans[name].truth.warp
        turn = warp.moved[:3, :3]
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
        there = points @ turn.T + warp.moved[:3, 3]
        expected = scans[""].truth.subject_to_template(there)
        np.testing.assert_allclose(warp.subject_to_template(points), expected, atol=1e-9)
    apart = scans["1"].truth.warp.moved - scans["2"].truth.warp.moved
    assert np.abs(apart).max() > 0.1


@pytest.mark.heavy
def test_the_truth_on_the_grid_is_that_of_the_warp(scans):
    truth, grid = scans["1"].truth, scans["1"].t1w.grid
    middle = tuple(slice(n // 4, 3 * n // 4) for n in grid.shape)
    exact = truth.subject_to_template(grid.world()[middle].reshape(-1, 3))
    error = np.linalg.norm(truth.template_mm[middle].reshape(-1, 3) - exact, axis=1)
    assert np.median(error) < GRID_STEP_MM / 10
    assert error.max() < GRID_STEP_MM


def test_tissue_changes_little():
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -100.0
    grid = Grid((50, 55, 50), affine)
    before = Biology(np.zeros(grid.shape, np.float32), 0.0, 0.0, np.zeros(180))
    sds = [changed(before, np.random.default_rng(k), grid).field.std() for k in range(3)]
    assert all(0.002 < sd < 0.012 for sd in sds)


def test_streams_of_sessions_differ():
    assert spawn_key("") == ()
    assert spawn_key("1") != spawn_key("2")
    assert spawn_key("1") == spawn_key("1")
