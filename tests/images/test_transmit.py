"""Correction of the ratio for the transmit field."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.bids.transmit import transmit_map
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.transmit import Asymmetry, asymmetry, factor, fit_slope, mirrored, relative

SHAPE, MM = (29, 24, 20), 6.0
AFFINE = np.diag([MM, MM, MM, 1.0])
AFFINE[:3, 3] = (-84.0, -70.0, -60.0)
EVERYWHERE = np.ones(SHAPE, bool)


def places() -> np.ndarray:
    return np.moveaxis(np.indices(SHAPE), 0, -1) * MM + AFFINE[:3, 3]


def person(seed: int, slope: float, noise: float = 0.05) -> tuple[Volume, Volume]:
    """Return a symmetric ratio seen through a field that is tilted differently in everybody."""
    rng = np.random.default_rng(seed)
    mm = places()
    tilt, depth = rng.normal(0.08, 0.03), rng.normal(0.2, 0.04)
    field = 1.1 + tilt * mm[..., 0] / 80 - depth * (mm**2).sum(axis=-1) / 80**2
    anatomy = 1.5 + 0.3 * np.cos(mm[..., 0] / 30) * np.sin(mm[..., 1] / 25)
    values = anatomy * np.exp(noise * rng.standard_normal(SHAPE)) * factor(field, slope)
    return Volume(values.astype(np.float32), AFFINE), Volume(field.astype(np.float32), AFFINE)


def fitted(slope: float, n: int = 8):
    return fit_slope([asymmetry(*person(k, slope), EVERYWHERE) for k in range(n)])


@pytest.mark.parametrize("slope", [0.0, 0.4, 0.7, 1.3])
def test_the_slope_that_was_applied_comes_back(slope):
    found = fitted(slope)
    assert found.slope == pytest.approx(slope, abs=0.03)
    assert found.asymmetry_after <= found.asymmetry_before * (1 + 1e-9)
    assert found.asymmetry_after == pytest.approx(0.05 * np.sqrt(2 * 7 / 8), rel=0.05)


def test_asymmetric_anatomy_does_not_move_the_slope():
    """Everybody is 20 % higher on the right, where the field is higher too."""
    lift = np.exp(0.2 * (places()[..., 0] > 0)).astype(np.float32)
    seen = [person(k, 0.7) for k in range(8)]
    people = [asymmetry(r.with_data(r.data * lift), t, EVERYWHERE) for r, t in seen]
    assert fit_slope(people).slope == pytest.approx(0.7, abs=0.03)


@pytest.mark.slow
def test_the_error_is_the_spread_of_the_slope():
    """Cohorts spread as the jackknife of one says (40 of them: 0.036, said 0.034)."""
    slopes = []
    for start in range(0, 320, 8):
        people = [asymmetry(*person(start + k, 0.7, 0.2), EVERYWHERE) for k in range(8)]
        slopes.append(fit_slope(people))
    spread = np.std([own.slope for own in slopes], ddof=1)
    said = np.sqrt(np.mean([own.se**2 for own in slopes]))
    assert said == pytest.approx(spread, rel=0.3)


def test_dividing_by_the_factor_restores_the_ratio():
    seen, field = person(3, 0.7, 0.0)
    truth, _ = person(3, 0.0, 0.0)
    np.testing.assert_allclose(seen.data / factor(field.data, 0.7), truth.data, rtol=1e-5)


@given(st.floats(-100, 100), st.floats(1.0, 9.0), st.booleans())
def test_mirrored_values_are_those_on_the_other_side(origin, mm, turned):
    affine = np.diag([-mm if turned else mm, mm, mm, 1.0])
    affine[0, 3] = -origin if turned else origin
    x = affine[0, 0] * np.arange(12) + affine[0, 3]
    volume = Volume(np.broadcast_to(x[:, None, None], (12, 2, 2)).copy(), affine)
    found = mirrored(volume)[:, 0, 0]
    inside = (-x >= x.min() - 1e-9) & (-x <= x.max() + 1e-9)
    np.testing.assert_allclose(found[inside], -x[inside], atol=1e-4)
    assert np.isnan(found[(-x < x.min() - mm) | (-x > x.max() + mm)]).all()


def test_mirroring_twice_changes_nothing_on_a_symmetric_grid():
    volume = Volume(np.random.default_rng(0).random(SHAPE), AFFINE)
    twice = mirrored(volume.with_data(mirrored(volume)))
    np.testing.assert_array_equal(twice, volume.data)


def test_voxels_not_measured_on_either_side_are_left_out():
    ratio, field = person(1, 0.7)
    holed = ratio.data.copy()
    holed[20:] = np.nan
    whole, left = (asymmetry(r, field, EVERYWHERE) for r in (ratio, ratio.with_data(holed)))
    assert np.isfinite(whole.difference).sum() == len(whole.difference) == 14 * 24 * 20
    assert np.isfinite(left.difference).sum() == 5 * 24 * 20


def test_percent_and_relative_maps_are_one():
    _, field = person(2, 0.7)
    same = relative(field.with_data(field.data * 100), EVERYWHERE)
    np.testing.assert_allclose(same.data, relative(field, EVERYWHERE).data, rtol=1e-6)


@pytest.mark.parametrize(("times", "said"), [(0.0, "no value"), (0.05, "median"), (900, "median")])
def test_a_map_of_other_units_is_refused(times, said):
    _, field = person(2, 0.7)
    with pytest.raises(SubjectError, match=said):
        relative(field.with_data(field.data * times), EVERYWHERE)


@pytest.mark.parametrize(("people", "pairs"), [(4, 600), (6, 499)])
def test_a_slope_needs_people_and_pairs(people, pairs):
    own = Asymmetry(*np.ones((3, pairs)))
    with pytest.raises(UserError, match=f"{people} people have {pairs} pairs"):
        fit_slope([own] * people)


PATHS = ["sub-01/anat/sub-01_T1w.nii.gz", "sub-01/fmap/sub-01_TB1map.nii.gz"]


def test_a_transmit_map_is_chosen_by_its_name():
    assert transmit_map(PATHS).path == PATHS[1]
    assert transmit_map(PATHS, "2").path == PATHS[1]
    sessions = [f"sub-01/ses-{k}/fmap/sub-01_ses-{k}_TB1map.nii.gz" for k in (1, 2)]
    assert transmit_map(sessions, "2").path == sessions[1]
    with pytest.raises(SubjectError, match="2 transmit maps match"):
        transmit_map(sessions)
    with pytest.raises(SubjectError, match="no transmit map"):
        transmit_map(PATHS[:1])


@pytest.mark.parametrize("fields", ["of everybody", "symmetric"])
def test_fields_that_tell_no_slope_are_refused(fields):
    seen = [person(k, 0.7) for k in range(8)]
    if fields == "of everybody":
        pairs = [asymmetry(ratio, seen[0][1], EVERYWHERE) for ratio, _ in seen]
    else:
        even = np.abs(places()[..., 0]).astype(np.float32) / 800 + 1
        pairs = [asymmetry(r, t.with_data(even), EVERYWHERE) for r, t in seen]
    with pytest.raises(UserError, match="so that no slope can be told"):
        fit_slope(pairs)


def test_nobody_tells_no_slope():
    with pytest.raises(UserError, match="0 people have 0 pairs"):
        fit_slope([])
