import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from itk_images import from_itk, to_itk
from known_head import KnownHead
from scipy import stats

from rt1t2_dask.images.bias import correct
from rt1t2_dask.images.brain.foreground import bright_head, foreground
from rt1t2_dask.images.n4 import Lattice, log_bias_field, sharpen
from rt1t2_dask.images.resample import regrid
from rt1t2_dask.images.volume import Volume


def spread(values):
    return values.std() / values.mean()


def test_the_field_equals_itks_n4(stroke_head: KnownHead):
    """On a cube, where one knot distance gives ITK's mesh on every axis."""
    coarse = regrid(stroke_head.t1w, 6.0)
    cube = Volume(np.ascontiguousarray(coarse.data[:33, 4:37, 4:37]), coarse.affine)
    mask = cube.data > 20
    assert cube.data.shape == (33, 33, 33)
    ours = log_bias_field(cube.data, mask, 32.0, (8, 8), tolerance=0.0)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([8, 8])
    n4.SetConvergenceThreshold(0.0)
    n4.SetNumberOfThreads(1)
    n4.SetNumberOfControlPoints([4, 4, 4])
    image = to_itk(cube)
    n4.Execute(image, to_itk(cube.with_data(mask)))
    theirs = from_itk(n4.GetLogBiasFieldAsImage(image)).data
    apart = (ours - theirs)[mask]
    assert theirs[mask].std() > 0.01
    assert np.abs(apart - apart.mean()).max() < 1e-4


def test_a_planted_field_is_found(stroke_head: KnownHead):
    head = stroke_head
    found = correct(head.t1w, (head.t1w.data > 20) & ~head.lesion.data)
    brain = head.brain.data & ~head.lesion.data
    planted, left = spread(head.t1_bias[brain]), spread((found.field.data / head.t1_bias)[brain])
    assert planted > 0.05
    assert left < 0.5 * planted
    white = head.white.data & ~head.lesion.data
    assert spread(found.corrected.data[white]) < 0.75 * spread(head.t1w.data[white])


def test_the_field_keeps_the_scale_and_divides_the_image(stroke_head: KnownHead):
    weight = stroke_head.t1w.data > 20
    found = correct(stroke_head.t1w, weight)
    assert stats.gmean(found.field.data[weight].astype(float)) == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(
        found.corrected.data * found.field.data, stroke_head.t1w.data, rtol=1e-5, atol=1e-4
    )


def test_the_gain_of_the_scanner_does_not_change_the_field(stroke_head: KnownHead):
    image, weight = stroke_head.t1w, stroke_head.t1w.data > 20
    once = correct(image, weight).field.data
    again = correct(image.with_data(image.data * np.float32(16)), weight).field.data
    np.testing.assert_allclose(once, again, rtol=1e-4)


def test_the_scanners_gamma_bends_the_field_alike(stroke_head: KnownHead):
    """A gamma of all intensities multiplies their logarithms, and so what N4 finds there."""
    image, weight = stroke_head.t1w, stroke_head.t1w.data > 20
    bent = image.with_data(image.data ** np.float32(1.2))
    once, again = (
        np.log(correct(one, weight, fwhm=None).field.data[weight]) for one in (image, bent)
    )
    assert np.std(again - 1.2 * once) < 0.03 * np.std(again)


def test_the_bright_head_hardly_follows_the_scanner(stroke_head: KnownHead):
    image = stroke_head.t1w
    before = bright_head(image)
    assert not (before & (image.data < 20)).any()
    for gain, gamma, offset in ((4, 0.85, 0.0), (0.5, 1.2, 0.0), (1, 0.9, 0.15)):
        scale = np.float32(np.median(image.data[stroke_head.white.data]))
        seen = (image.data / scale) ** np.float32(gamma) + offset * (image.data > 20)
        after = bright_head(image.with_data(np.float32(gain) * seen.astype(np.float32)))
        assert 2 * (before & after).sum() / (before.sum() + after.sum()) > 0.95


def test_an_empty_image_has_no_head(stroke_head: KnownHead):
    assert not bright_head(stroke_head.t1w.with_data(0 * stroke_head.t1w.data)).any()


def test_two_runs_give_the_same_bytes(stroke_head: KnownHead):
    weight = stroke_head.t1w.data > 20
    first, second = (correct(stroke_head.t1w, weight).field.data.tobytes() for _ in range(2))
    assert first == second


def test_no_voxels_to_fit_is_refused(stroke_head: KnownHead):
    with pytest.raises(ValueError, match="empty"):
        correct(stroke_head.t1w, np.zeros(stroke_head.t1w.data.shape, bool))


def test_the_lattice_equals_the_sum_written_out():
    """Lee 1997, eq. 3 to 5, over every voxel and control point."""
    rng = np.random.default_rng(0)
    values, weight = rng.normal(size=(2, 6, 7, 8))
    weight = np.abs(weight) * (rng.random(weight.shape) < 0.7)
    lattice = Lattice.over(values.shape, 3.0)
    basis = np.einsum("ai,bj,ck->abcijk", *lattice.bases)
    np.testing.assert_allclose(basis.sum(axis=(3, 4, 5)), 1.0)
    asked = basis * (values / (basis**2).sum(axis=(3, 4, 5)))[..., None, None, None]
    share = basis**2 * weight[..., None, None, None]
    expected = (share * asked).sum(axis=(0, 1, 2)) / share.sum(axis=(0, 1, 2))
    control = lattice.fit(values, weight)
    np.testing.assert_allclose(control, expected, rtol=1e-9)
    np.testing.assert_allclose(
        lattice.evaluate(control), np.einsum("abcijk,ijk->abc", basis, control), rtol=1e-9
    )


def test_sharpening_narrows_two_blurred_classes():
    rng = np.random.default_rng(0)
    sharp = np.repeat([4.0, 4.5], 20_000)
    blurred = sharp + rng.normal(0, 0.15 / 2.355, sharp.size)
    result = sharpen(blurred)
    for level in (4.0, 4.5):
        near = sharp == level
        assert result[near].std() < 0.7 * blurred[near].std()
        assert result[near].mean() == pytest.approx(level, abs=0.02)


@pytest.mark.parametrize("fat", [150.0, 300.0, 600.0])
def test_fat_does_not_part_the_head(fat):
    """Otsu's threshold lies below or above tissue, as fat is bright; the head is the same."""
    rng = np.random.default_rng(0)
    data = np.abs(rng.normal(0, 4, (40, 40, 40))).astype(np.float32)
    data[8:32, 8:32, 8:32] = rng.normal(100, 8, (24, 24, 24))
    data[8:32, 8:32, 8:16] += np.float32(fat - 100)
    found = foreground(Volume(data, np.diag([4.0, 4.0, 4.0, 1.0])))
    truth = np.zeros(data.shape, bool)
    truth[8:32, 8:32, 8:32] = True
    assert (found == truth).mean() > 0.999
