"""Thick 2-D slices against the fine image that they average."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.person import simulate_person
from rt1t2_dask.simulate.scanner import Scanner
from rt1t2_dask.simulate.slices import Slices

HEAD = Grid((40, 50, 61), np.eye(4))


@given(voxel=st.floats(1, 3), thick=st.floats(3, 6))
def test_slices_cover_the_head_and_lie_at_the_middle_of_their_layers(
    voxel: float, thick: float
) -> None:
    slices = Slices.of(voxel, thick)
    fine = slices.fine_grid(HEAD, 0.0)
    seen = slices.thick_grid(fine)
    assert slices.step_mm <= voxel * (1 + 1e-12)
    assert tuple(seen.voxel_mm) == pytest.approx((voxel, voxel, thick))
    assert all(n * step >= size - 1e-9 for n, step, size in zip(
        seen.shape, seen.voxel_mm, HEAD.shape, strict=True
    ))  # fmt: skip
    heights = fine.world()[0, 0, :, 2].reshape(-1, slices.layers).mean(axis=1)
    np.testing.assert_allclose(seen.world()[0, 0, :, 2], heights, atol=1e-5)


def test_a_slice_is_the_mean_of_its_layers() -> None:
    slices = Slices.of(1.0, 4.0)
    ramp = np.broadcast_to(np.arange(12.0), (2, 2, 12))
    np.testing.assert_allclose(slices.averaged(ramp)[0, 0], [1.5, 5.5, 9.5])


@pytest.mark.heavy
def test_a_scan_in_slices_is_the_same_head_averaged(head: HeadModel) -> None:
    """A fine scan without noise, averaged by hand, is the scan in slices."""
    quiet = Scanner(noise=0, bias_sd=0, gain_sd=0)
    thick = simulate_person(head, seed=4, voxel_mm=3, slice_mm=6, scanner=quiet, n_lesions=1)
    fine = simulate_person(head, seed=4, voxel_mm=3, scanner=quiet, n_lesions=1)
    for name in ("t1w", "t2w"):
        seen, whole = getattr(thick, name), getattr(fine, name)
        n = min(seen.data.shape[2], whole.data.shape[2] // 2)
        by_hand = whole.data[:, :, : 2 * n].reshape(*whole.data.shape[:2], n, 2).mean(axis=-1)
        assert np.abs(by_hand - seen.data[:, :, :n]).max() <= 1.01  # integers
        np.testing.assert_allclose(seen.grid.voxel_mm, (3, 3, 6))
    assert thick.lesion is not None and thick.lesion.grid.same_as(thick.t1w.grid)
    points = thick.t1w.grid.world().reshape(-1, 3)[::501].astype(np.float64)
    told = thick.truth.template_mm.reshape(-1, 3)[::501]
    np.testing.assert_allclose(thick.truth.subject_to_template(points), told, atol=1e-3)
    assert thick.truth.ratio_change.grid.same_as(thick.t1w.grid)


def test_slices_thinner_than_a_voxel_or_too_thick_are_refused(head: HeadModel) -> None:
    for slice_mm in (1.0, 7.0):
        with pytest.raises(ValueError, match="slice_mm"):
            simulate_person(head, seed=1, voxel_mm=2, slice_mm=slice_mm)
    with pytest.raises(UserError, match=r"slice_mm=1\.5 is thinner than voxel_mm=2"):
        _configure(Job(("+cohort=psp", "source.slice_mm=1.5")))
    assert _configure(Job(("+cohort=psp", "source.slice_mm=4"))).source.slice_mm == 4
