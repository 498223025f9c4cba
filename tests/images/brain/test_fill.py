import numpy as np
import pytest

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.fill import enantiomorphic, median_white
from rt1t2_dask.images.transform import about, compose, inverse, move, rotation, translation
from rt1t2_dask.images.volume import Grid, Volume

GRID = Grid((60, 70, 56), compose(np.diag([3.0, 3, 3, 1]), translation((-88, -105, -84))))
TO_IMAGE = compose(rotation((4, -3, 5)), translation((5, -4, 3)))


def ball(centre, radius):
    """Boolean ball round a point of the template (mm), seen in the image."""
    points = move(inverse(TO_IMAGE), GRID.world())
    return np.linalg.norm(points - np.array(centre), axis=-1) < radius


def head():
    """A left-right symmetric pattern of the template, in the image: its truth is known."""
    x, y, z = np.moveaxis(move(inverse(TO_IMAGE), GRID.world()), -1, 0)
    inside = (x / 70) ** 2 + (y / 85) ** 2 + (z / 65) ** 2 < 1
    pattern = 100 + 30 * np.cos(np.abs(x) / 9) + 25 * np.sin(y / 11) + 20 * np.cos(z / 8 + y / 30)
    return Volume((pattern * inside).astype(np.float32), GRID.affine)


@pytest.fixture(scope="module")
def stroke():
    clean, lesion = head(), ball((-30, 5, 10), 14)
    hurt = clean.with_data(np.where(lesion, 20, clean.data).astype(np.float32))
    return clean, hurt, clean.with_data(lesion)


def test_the_other_hemisphere_takes_the_lesions_place(stroke):
    clean, hurt, lesion = stroke
    start = compose(about(rotation((0, 2, -2)), np.zeros(3)), TO_IMAGE)
    filled = enantiomorphic(hurt, lesion, start)
    assert filled.hidden is None
    error = np.abs(filled.image.data - clean.data)[lesion.data]
    assert error.mean() < 0.15 * np.abs(hurt.data - clean.data)[lesion.data].mean()
    far = ~lesion.data & (np.abs(filled.image.data - hurt.data) == 0)
    assert far.mean() > 0.95


def test_a_bilateral_lesion_is_refused_with_its_share(stroke):
    _, hurt, lesion = stroke
    both = lesion.with_data(lesion.data | ball((30, 5, 10), 14))
    with pytest.raises(SubjectError, match=r"bilateral: (9\d|100)% .*lesion.fill=mask"):
        enantiomorphic(hurt, both, TO_IMAGE)


def test_a_small_overlap_is_hidden_not_filled(stroke):
    _, hurt, lesion = stroke
    both = lesion.with_data(lesion.data | ball((24, 5, 10), 3.5))
    filled = enantiomorphic(hurt, both, TO_IMAGE)
    assert filled.hidden is not None
    assert 0 < filled.hidden.data.sum() < 0.05 * both.data.sum()


def test_white_matter_fills_with_its_median(stroke):
    clean, hurt, lesion = stroke
    white = clean.with_data(ball((20, 0, 0), 20).astype(np.float32))
    in_template = Volume(white.data, inverse(TO_IMAGE) @ GRID.affine)
    filled = median_white(hurt, lesion, in_template, TO_IMAGE)
    expected = np.median(clean.data[ball((20, 0, 0), 20)])
    assert filled.hidden is None
    np.testing.assert_allclose(filled.image.data[lesion.data], expected, rtol=0.02)


def test_no_white_matter_outside_the_lesion_is_said(stroke):
    _, hurt, lesion = stroke
    nowhere = lesion.with_data(np.zeros(GRID.shape, np.float32))
    with pytest.raises(SubjectError, match="No white matter"):
        median_white(hurt, lesion, nowhere, np.eye(4))
