"""Registration by mutual information: its value, its gradient, and moves that were made."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name its own manual uses
from itk_images import to_itk
from scipy import ndimage
from scipy.interpolate import BSpline
from scipy.spatial.transform import Rotation

from rt1t2_dask.images.brain.otsu import otsu_threshold
from rt1t2_dask.images.registration import mattes
from rt1t2_dask.images.registration.mattes import Level, _Pair, fit, information
from rt1t2_dask.images.registration.pose import refine
from rt1t2_dask.images.transform import about, compose, move, translation
from rt1t2_dask.images.volume import Volume

AFFINE = np.diag([2.0, 2.0, 2.5, 1.0])
MIDDLE = np.array([40.0, 44.0, 45.0])


def textured(seed: int = 0) -> Volume:
    """An ellipsoid of smooth texture in air."""
    rng = np.random.default_rng(seed)
    shape = (40, 44, 36)
    texture = ndimage.gaussian_filter(rng.standard_normal(shape), 2.5)
    index = np.indices(shape).T / (np.array(shape) - 1) * 2 - 1
    inside = (index**2).sum(axis=-1).T < 0.7
    data = np.where(inside, 100 + 40 * texture / texture.std(), 0) + rng.normal(0, 1, shape)
    return Volume(data.astype(np.float32), AFFINE)


def other_contrast(image: Volume) -> Volume:
    """Another contrast, with air all round: samples neither leave nor enter the field of view."""
    wide = np.pad(300 - image.data, 20, constant_values=300)
    return Volume(wide.astype(np.float32), image.affine @ translation((-20.0, -20, -20)))


def turned(degrees, shift_mm, stretch=1.0) -> np.ndarray:
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() * stretch
    return compose(about(turn, MIDDLE), translation(np.array(shift_mm)))


@pytest.mark.parametrize("model", ["rigid", "similarity", "affine"])
def test_the_gradient_is_that_of_finite_differences(model):
    image = textured()
    pair = _Pair.of(image, other_contrast(image), Level(2.0, 20_000, 1.0), None)
    here, radius = turned((3, -2, 4), (1.5, -1.0, 0.5)), 30.0
    found = mattes._free(pair.measure(here), radius, model)
    allowed = {"rigid": 6, "similarity": 7, "affine": 12}[model]
    basis = [mattes._free(_unit(k), 1.0, model) for k in range(12)]
    assert np.linalg.matrix_rank(np.array(basis)) == allowed
    for direction in basis:
        if not np.linalg.norm(direction):
            continue
        ahead = direction / np.linalg.norm(direction)
        small = 0.01
        up, down = (
            pair.measure(
                mattes._moved(here, pair.centre, sign * small * ahead, radius, model)
            ).value
            for sign in (1, -1)
        )
        assert (up - down) / (2 * small) == pytest.approx(found @ ahead, rel=0.05, abs=2e-4)


def _unit(k: int) -> mattes._Measured:
    whole = np.eye(12)[k]
    return mattes._Measured(0.0, whole[:3], whole[3:].reshape(3, 3))


@pytest.mark.parametrize(
    ("model", "stretch"), [("rigid", 1.0), ("similarity", 1.06), ("affine", 1.06)]
)
def test_a_move_is_found_again(model, stretch):
    image = textured()
    true = turned((6, -4, 8), (5, -4, 3), stretch)
    other = other_contrast(image)
    moved = Volume(other.data, true @ other.affine)
    levels = (Level(4.0, 20_000, 2.0), Level(0.0, 60_000, 0.5))
    found = fit(image, moved, np.eye(4), model, levels).matrix
    points = move(AFFINE, np.argwhere(image.data > 50)[::20])
    apart = np.linalg.norm(move(found, points) - move(true, points), axis=1)
    assert apart.mean() < 0.1


def test_the_value_is_that_of_its_formula():
    """By map_coordinates and SciPy's own cubic B-spline, in plain NumPy."""
    image = textured()
    other, pose = other_contrast(image), turned((4, -3, 2), (1, 2, 0))
    pair = _Pair.of(image, other, Level(0.0, 5_000, 1.0), None)
    index = move(np.linalg.inv(other.affine) @ pose, pair.points)
    values = ndimage.map_coordinates(other.data, index.T, order=1)
    low, high = np.percentile(other.data, [0.1, 99.9])
    at = np.clip((values - low) / (high - low) * 28 + 2, 2, 29.999)
    spline = BSpline.basis_element([-2, -1, 0, 1, 2], extrapolate=False)
    joint = np.zeros((32, 32))
    for row, place in zip(pair.row, at, strict=True):
        joint[row] += np.nan_to_num(spline(np.arange(32) - place))
    joint /= joint.sum()
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    met = joint > 0
    expected = (joint[met] * np.log(joint[met] / apart[met])).sum()
    assert pair.measure(pose).value == pytest.approx(expected, rel=1e-5)


def within_percentiles(image: Volume) -> Volume:
    """Clip where ours clips: then bins are those of ITK, from the least to the largest value."""
    return image.with_data(np.clip(image.data, *np.percentile(image.data, [0.1, 99.9])))


def test_the_value_is_near_that_of_itk():
    image = within_percentiles(textured())
    other = within_percentiles(other_contrast(image))
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetInterpolator(sitk.sitkLinear)
    for degrees in ((0, 0, 0), (2, 0, 1), (10, -20, 5)):
        pose = turned(degrees, (0, 1, 0))
        lps = np.diag([-1.0, -1, 1, 1]) @ pose @ np.diag([-1.0, -1, 1, 1])
        transform = sitk.AffineTransform(3)
        transform.SetMatrix(lps[:3, :3].ravel().tolist())
        transform.SetTranslation(lps[:3, 3].tolist())
        method.SetInitialTransform(transform)
        expected = -method.MetricEvaluate(to_itk(image), to_itk(other))
        assert information(image, other, pose, 100_000) == pytest.approx(expected, rel=0.1)


def test_images_that_do_not_meet_share_nothing():
    image = textured()
    assert information(image, image, translation((500.0, 0, 0)), 10_000) == 0
    assert fit(image, image, translation((500.0, 0, 0)), "rigid", [Level(0, 1000, 1.0)]) is not None


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**17])
def test_a_power_of_two_changes_no_bit(factor):
    image, levels = textured(), (Level(2.0, 20_000, 2.0),)
    other = other_contrast(image)
    plain = fit(image, other, turned((3, 0, 0), (1, 1, 0)), "affine", levels)
    scaled = [v.with_data(v.data * np.float32(factor)) for v in (image, other)]
    again = fit(*scaled, turned((3, 0, 0), (1, 1, 0)), "affine", levels)
    np.testing.assert_array_equal(plain.matrix, again.matrix)


def test_otsus_threshold_is_that_of_itk_and_parts_two_classes():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(10, 2, 4000), rng.normal(60, 8, 3000)]).astype(np.float32)
    found = otsu_threshold(values)
    method = sitk.OtsuThresholdImageFilter()
    method.SetNumberOfHistogramBins(128)
    method.Execute(sitk.GetImageFromArray(values[None]))
    assert found == pytest.approx(method.GetThreshold(), abs=0.1)
    assert ((values[:4000] > found).mean(), (values[4000:] <= found).mean()) < (0.01, 0.01)
    assert otsu_threshold(np.full(5, 3, np.float32)) == 3


def test_a_blank_image_shares_nothing_but_rounding():
    image = textured()
    blank = image.with_data(np.zeros_like(image.data))
    assert refine(image, blank, np.eye(4)) is None
    assert refine(blank, image, np.eye(4)) is None
    assert refine(image, image, np.eye(4)) is not None
