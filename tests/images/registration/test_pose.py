import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata
from sklearn.metrics import mutual_info_score

from rt1t2_dask.images.registration.pose import CLASSES, angle_between, rank_information, similarity
from rt1t2_dask.images.registration.pose_climb import Slope
from rt1t2_dask.images.registration.rank_kernels import ranked_information
from rt1t2_dask.images.transform import compose, rotation, translation
from rt1t2_dask.images.volume import Volume

SHAPE = (24, 20, 16)
ALL = np.ones(SHAPE, dtype=bool)


def pair():
    rng = np.random.default_rng(5)
    one = gaussian_filter(rng.normal(size=SHAPE), 2.0)
    two = one + 0.5 * gaussian_filter(rng.normal(size=SHAPE), 2.0)
    return Volume(one, np.eye(4)), Volume(two, np.eye(4))


def classes(values):
    """Equal classes by rank, 24 of them, without quantiles."""
    return ((rankdata(values, method="ordinal") - 1) * 24 // values.size).astype(int)


def test_it_is_the_mutual_information_of_the_ranks():
    one, two = pair()
    expected = mutual_info_score(classes(one.data.ravel()), classes(two.data.ravel()))
    assert similarity(one, two, np.eye(4), ALL) == pytest.approx(expected, rel=0.02)


@given(gain=st.floats(0.1, 50), offset=st.floats(-5, 5), power=st.sampled_from([1, 3]))
def test_no_monotone_change_of_intensity_matters(gain, offset, power):
    one, two = pair()
    other = two.with_data(gain * two.data**power + offset)
    here = similarity(one, two, np.eye(4), ALL)
    assert similarity(one, other, np.eye(4), ALL) == pytest.approx(here, abs=0.01)


def test_ranks_by_a_histogram_are_those_by_sorting():
    one, two = (image.data.ravel() for image in pair())
    exact = rank_information(one, two)
    assert ranked_information(one, two, CLASSES) == pytest.approx(exact, abs=0.01)
    holed = np.where(np.arange(two.size) % 3 == 0, np.nan, two)
    kept = np.isfinite(holed)
    exact = rank_information(one[kept], two[kept])
    assert ranked_information(one, holed, CLASSES) == pytest.approx(exact, abs=0.01)
    assert ranked_information(one, np.full(one.size, 3.0), CLASSES) == pytest.approx(0, abs=1e-12)


def test_a_slope_is_the_similarity_at_its_points():
    one, two = pair()
    slope = Slope(one, two, ALL, voxel_mm=1.0)
    for shift in ((0, 0, 0), (1.5, -1, 0.5)):
        pose = translation(shift)
        assert slope.at(pose) == pytest.approx(similarity(one, two, pose, ALL), abs=0.02)


def test_it_falls_with_distance_and_is_nothing_without_overlap():
    one, two = pair()
    found = [similarity(one, two, translation((mm, 0, 0)), ALL) for mm in (0, 2, 5)]
    assert found[0] > found[1] > found[2]
    assert similarity(one, two, translation((20, 0, 0)), ALL) == 0.0


@given(degrees=st.floats(0, 180), scale=st.floats(0.5, 2), shift=st.floats(-90, 90))
def test_the_angle_between_two_poses_leaves_size_and_place_out(degrees, scale, shift):
    one = rotation((20, -30, 70))
    size = np.diag([scale, scale, scale, 1.0])
    other = compose(rotation((0, degrees, 0)), one, size, translation((shift, 0, 0)))
    assert angle_between(one, other) == pytest.approx(degrees, abs=1e-3)
