import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.ratio.compute import gm_median, ratio, upper_limit, within_limit


def images(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    t1w, t2w = rng.uniform(50, 150, (2, 6, 7, 8))
    return t1w, t2w, np.ones(t1w.shape, bool)


def test_nan_exactly_where_nothing_was_measured() -> None:
    t1w, t2w, measured = images()
    measured[0, 0, 0] = False
    t2w[1, 1, 1] = 0.0
    t2w[2, 2, 2] = 1.0  # above 0, but far below 5 % of the median
    t2w[3, 3, 3] = np.nan
    t1w[4, 4, 4] = 0.0
    missing = np.zeros(t1w.shape, bool)
    for k in range(5):
        missing[k, k, k] = True
    found = ratio(t1w, t2w, measured)
    np.testing.assert_array_equal(np.isnan(found), missing)
    np.testing.assert_allclose(found[~missing], (t1w / np.where(t2w, t2w, 1))[~missing], rtol=1e-6)
    assert found.dtype == np.float32


def test_nothing_measured_gives_nan_everywhere() -> None:
    t1w, t2w, measured = images()
    assert np.isnan(ratio(t1w, t2w, ~measured)).all()


def test_gm_median_is_the_published_formula() -> None:
    """Misaki 2015: s = median GM T1w / median GM T2w, (T1w - s T2w) / (T1w + s T2w)."""
    t1w, t2w, measured = images(3)
    grey = np.zeros(t1w.shape, bool)
    grey[2:5] = True
    s = np.median(t1w[grey]) / np.median(t2w[grey])
    expected = (t1w - s * t2w) / (t1w + s * t2w)
    np.testing.assert_allclose(gm_median(t1w, t2w, measured, grey), expected, atol=1e-5)


@given(one=st.floats(0.1, 100), two=st.floats(0.1, 100))
def test_gm_median_knows_no_gain(one: float, two: float) -> None:
    t1w, t2w, measured = images(4)
    grey = t1w > 90
    np.testing.assert_allclose(
        gm_median(one * t1w, two * t2w, measured, grey),
        gm_median(t1w, t2w, measured, grey),
        atol=1e-5,
    )


def test_gm_median_without_grey_matter_is_refused() -> None:
    t1w, t2w, measured = images()
    with pytest.raises(ValueError, match="grey"):
        gm_median(t1w, t2w, measured, ~measured)


def brain_like(seed: int = 0) -> np.ndarray:
    """Log-normal grey matter, white matter and CSF, with the medians of real sessions."""
    rng = np.random.default_rng(seed)
    logs = [rng.normal(np.log(m), s, n) for m, s, n in
            ((0.8, 0.15, 6000), (1.2, 0.12, 4500), (0.35, 0.4, 1500))]  # fmt: skip
    return np.concatenate(logs).astype(np.float64)


@given(gain=st.floats(1e-6, 1e6), seed=st.integers(0, 50))
def test_the_upper_limit_goes_with_the_gain(gain: float, seed: int) -> None:
    """Whoever multiplies a person's ratio by a number takes the same voxels away."""
    values = np.exp(brain_like(seed))
    assert upper_limit(gain * values) == pytest.approx(gain * upper_limit(values), rel=1e-6)


def test_flow_voids_lie_beyond_the_limit_and_tissue_within() -> None:
    tissue = np.exp(brain_like(3))
    voids = np.array([6.0, 16.7, 43.0])
    limit = upper_limit(np.r_[tissue, voids, np.nan, 0.0])
    assert tissue.max() < limit < voids.min()
    kept = within_limit(np.r_[tissue, voids].astype(np.float32), limit)
    assert np.isnan(kept[-3:]).all()
    np.testing.assert_array_equal(kept[:-3], tissue.astype(np.float32))
    assert upper_limit(tissue) == pytest.approx(limit, rel=1e-2)  # voids do not move it


def test_a_painted_brain_of_two_values_keeps_both() -> None:
    """More than half of one grey level: no spread, and white matter is no outlier."""
    values = np.r_[np.full(700, 0.8), np.full(300, 1.6)]
    assert upper_limit(values) > 1.6
    assert upper_limit(np.array([np.nan, -1.0])) == np.inf
