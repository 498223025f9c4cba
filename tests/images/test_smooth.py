import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, ndimage, stats

from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.smooth import smooth, spm_kernel
from rt1t2_dask.images.volume import Volume

TWO_MM = np.diag([2.0, 2.0, 2.0, 1.0])


def values(shape=(24, 26, 28), seed=0):
    return np.random.default_rng(seed).normal(1.5, 0.3, shape).astype(np.float32)


@pytest.mark.assets
@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("template/avg152T1", "s10_avg152T1_f32"),
        ("spm/avg152T1_nan_f32", "s10_im0_avg152T1_nan_f32"),
        ("spm/impulse", "s10_impulse"),
    ],
)
def test_spm_edges_equal_spm12(source, result):
    assets = os.environ.get("RT1T2_ASSETS")
    reference = Path(assets).parent / "reference" / "spm_images" if assets else None
    if reference is None or not reference.is_dir():
        pytest.skip("RT1T2_ASSETS is not set: the SPM12 reference images are not here")
    home, name = source.split("/")
    path = (reference if home == "spm" else Path(assets) / home) / f"{name}.nii.gz"
    image = from_bytes(path.read_bytes(), "in", kind="map")
    spm = from_bytes((reference / f"{result}.nii.gz").read_bytes(), "spm", kind="map")
    np.testing.assert_allclose(smooth(image, 10.0, "spm").data, spm.data, atol=1e-6)


@pytest.mark.parametrize("sigma", [0.4, 1.3, 2.12])
def test_the_kernel_is_the_gaussian_seen_through_a_linear_spline(sigma):
    """Against numerical integration of the convolution's definition."""
    kernel = spm_kernel(sigma)
    radius = len(kernel) // 2
    assert radius == max(1, round(6 * sigma))
    for k in range(-radius, radius + 1):
        direct = integrate.quad(
            lambda t, k=k: stats.norm.pdf(t, scale=sigma) * max(0.0, 1 - abs(k - t)),
            k - 1,
            k + 1,
            points=[k],
        )[0]
        assert kernel[k + radius] == pytest.approx(direct, abs=1e-7)


@pytest.mark.parametrize("missing", ["hole", "surround", "all"])
def test_normalised_smoothing_equals_direct_convolution(missing):
    data = values()
    if missing == "hole":
        data[5:9, 6:12, 4:10] = np.nan
    else:
        kept = data[9:15, 0:8, 12:15].copy()
        data[:] = np.nan
        if missing == "surround":
            data[9:15, 0:8, 12:15] = kept
    out = smooth(Volume(data, TWO_MM), 6.0, "normalised").data
    kernel = spm_kernel(6.0 / 2.0 / np.sqrt(8 * np.log(2)))
    block = np.einsum("i,j,k->ijk", kernel, kernel, kernel)
    measured = np.isfinite(data)
    top = ndimage.convolve(np.where(measured, data, 0).astype(float), block, mode="constant")
    bottom = ndimage.convolve(measured.astype(float), block, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(bottom >= 0.5, top / bottom, np.nan)
    np.testing.assert_allclose(out, expected, rtol=1e-5)


def test_tissue_weights_are_the_ratio_of_smoothed_products():
    data, share = values(), np.random.default_rng(1).random((24, 26, 28)).astype(np.float32)
    data[5:9, 6:12, 4:10] = np.nan
    out = smooth(Volume(data, TWO_MM), 6.0, "normalised", tissue=share).data
    kernel = spm_kernel(6.0 / 2.0 / np.sqrt(8 * np.log(2)))
    block = np.einsum("i,j,k->ijk", kernel, kernel, kernel)
    measured = np.isfinite(data)
    top, bottom, every = (
        ndimage.convolve(own.astype(float), block, mode="constant")
        for own in (np.where(measured, data, 0) * share, measured * share, measured)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where((every >= 0.5) & (bottom >= 0.25 * every), top / bottom, np.nan)
    np.testing.assert_allclose(out, expected, rtol=1e-5)


def test_with_tissue_weights_csf_neither_enters_nor_dilutes():
    data, share = np.full((30, 30, 30), 1.5, np.float32), np.ones((30, 30, 30), np.float32)
    data[10:20, 10:20, 10:20], share[10:20, 10:20, 10:20] = 0.1, 0.0
    image = Volume(data, TWO_MM)
    out = smooth(image, 10.0, "normalised", tissue=share).data
    assert smooth(image, 10.0, "normalised").data[9, 15, 15] < 1.2
    np.testing.assert_allclose(out[np.isfinite(out)], 1.5, rtol=1e-5)
    assert np.isnan(out[15, 15, 15]) and np.isfinite(out[9, 15, 15])


def test_spms_edge_has_no_tissue_weights():
    with pytest.raises(ValueError, match="needs normalised"):
        smooth(Volume(values(), TWO_MM), 6.0, "spm", tissue=np.ones((24, 26, 28), np.float32))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(1.0, 12.0), st.floats(-5, 5))
def test_a_constant_stays_constant_whatever_is_missing(seed, fwhm, level):
    data = np.full((14, 14, 14), level, np.float32)
    data[np.random.default_rng(seed).random(data.shape) < 0.3] = np.nan
    out = smooth(Volume(data, TWO_MM), fwhm, "normalised").data
    assert np.nanmax(np.abs(out - np.float32(level))) <= 1e-5 * max(1.0, abs(level))


def test_a_hole_does_not_pull_its_rim_down_but_does_in_spms_way():
    data = np.ones((30, 30, 30), np.float32)
    data[10:20, 10:20, 10:20] = np.nan
    rim = (9, 15, 15)
    assert smooth(Volume(data, TWO_MM), 10.0, "normalised").data[rim] == pytest.approx(1, abs=1e-6)
    assert smooth(Volume(data, TWO_MM), 10.0, "spm").data[rim] < 0.8


def test_nothing_is_told_where_less_than_half_was_measured():
    data = np.full((30, 30, 30), np.nan, np.float32)
    data[:15] = 1.0
    out = smooth(Volume(data, TWO_MM), 8.0, "normalised").data[:, 15, 15]
    assert np.isfinite(out[:15]).all()
    assert np.isnan(out[15:]).all()


@pytest.mark.parametrize("edge", ["normalised", "spm"])
def test_outside_the_mask_is_missing(edge):
    inside = np.zeros((24, 26, 28), bool)
    inside[5:20, 5:20, 5:20] = True
    out = smooth(Volume(values(), TWO_MM), 6.0, edge, inside).data
    np.testing.assert_array_equal(np.isfinite(out), inside)


def test_no_width_means_no_change_and_a_negative_one_is_refused():
    image = Volume(values(), TWO_MM)
    np.testing.assert_array_equal(smooth(image, 0.0, "normalised").data, image.data)
    with pytest.raises(ValueError, match="fwhm_mm is -1"):
        smooth(image, -1.0, "normalised")


def test_the_width_is_in_mm_along_each_axis():
    impulse = np.zeros((61, 61, 61), np.float32)
    impulse[30, 30, 30] = 1
    out = smooth(Volume(impulse, np.diag([1.0, 2.0, 3.0, 1.0])), 10.0, "spm").data.astype(float)
    at = np.arange(61) - 30
    sigma = 10.0 / np.sqrt(8 * np.log(2))
    for axis, voxel in enumerate((1.0, 2.0, 3.0)):
        profile = out.sum(axis=tuple({0, 1, 2} - {axis}))
        variance = (profile * (at * voxel) ** 2).sum() / profile.sum()
        # a linear B-spline adds voxel^2 / 6 to the Gaussian's variance
        assert variance == pytest.approx(sigma**2 + voxel**2 / 6, rel=1e-3)
