import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.ratio.thresholds import otsu


def two_hills(seed: int, apart: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(10, 1, 4000), rng.normal(10 + apart, 1.5, 2000)])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), apart=st.floats(5, 30))
def test_agrees_with_itk(seed: int, apart: float) -> None:
    values = two_hills(seed, apart)
    image = SimpleITK.OtsuThresholdImageFilter()
    image.SetNumberOfHistogramBins(256)
    image.Execute(SimpleITK.GetImageFromArray(values.reshape(60, 100)))
    ours = otsu(values)
    # The threshold may lie anywhere in an empty valley; the classes must be the same.
    assert np.mean((values > ours) != (values > image.GetThreshold())) < 0.01


@given(gain=st.floats(0.01, 1000), offset=st.floats(-100, 100))
def test_moves_with_gain_and_offset(gain: float, offset: float) -> None:
    values = two_hills(1, 12.0)
    assert otsu(gain * values + offset) == pytest.approx(gain * otsu(values) + offset, rel=1e-3)


def test_nothing_gives_nan() -> None:
    assert np.isnan(otsu(np.array([np.nan])))
