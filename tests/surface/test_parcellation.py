"""Regions of the cortex: whose names they have, means over them, their files."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.cifti2 import BrainModelAxis, Cifti2Image, LabelAxis, ScalarAxis

from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.surface.cifti import read_dense_labels
from rt1t2_dask.surface.gifti import Labels
from rt1t2_dask.surface.parcellation import (
    on_mesh,
    parcellation,
    region_centres,
    region_means,
)

NAMES = {0: "unknown", 1: "bankssts", 2: "corpuscallosum", 3: "insula", 4: "Medial_Wall", 5: "???"}


def labels(values, names=None) -> Labels:
    return Labels(np.asarray(values, np.intp), dict(names or NAMES))


def both(left, right, names=None):
    return parcellation({"left": labels(left, names), "right": labels(right, names)})


def test_regions_have_freesurfers_names_and_no_medial_wall():
    found = both([0, 1, 2, 3, 4, 5, -1], [3, 3, 1, 0, 7, 2, 4])
    assert found.names == {1: "lh_bankssts", 2: "lh_insula", 3: "rh_bankssts", 4: "rh_insula"}
    np.testing.assert_array_equal(found.labels, [0, 1, 0, 2, 0, 0, 0, 4, 4, 3, 0, 0, 0, 0])


def test_names_that_tell_their_hemisphere_keep_it_and_one_name_is_one_region():
    names = {1: "L_V1_ROI", 2: "L_MT_ROI", 3: "R_V1_ROI", 9: "L_V1_ROI"}
    found = both([1, 2, 9], [3, 3, 0], names)
    assert list(found.names.values()) == ["lh_V1_ROI", "lh_MT_ROI", "rh_V1_ROI"]
    assert found.labels[0] == found.labels[2]


def test_a_hemisphere_without_a_region_is_refused():
    with pytest.raises(UserError, match="right hemisphere has no region"):
        both([1, 1], [0, 2])


def test_the_first_vertices_of_fsaverage_are_those_of_the_mesh():
    whole = labels(np.arange(163_842) % 4)
    kept = on_mesh(whole, 10_242, "mine")
    np.testing.assert_array_equal(kept.values, whole.values[:10_242])
    assert on_mesh(kept, 10_242, "mine") is kept


@pytest.mark.parametrize(
    ("count", "vertices", "said"),
    [
        (10, 10_242, "mine has 10 vertices; .* has 10,242 or, on fsaverage, 163,842"),
        (163_842, 32_492, "mine has 163,842 vertices; .* has 32,492"),
    ],
)
def test_labels_of_another_mesh_are_refused_with_both_counts(count, vertices, said):
    with pytest.raises(UserError, match=said):
        on_mesh(labels(np.ones(count)), vertices, "mine")


def random_case(seed, n=60):
    rng = np.random.default_rng(seed)
    regions = both(*rng.integers(0, 6, (2, n // 2)).clip(None, 5).tolist())
    values = rng.normal(1, 0.2, n)
    values[rng.random(n) < 0.4] = np.nan
    return values, rng.uniform(0.1, 3, n), regions


@pytest.mark.parametrize("seed", range(5))
def test_means_are_those_of_a_loop(seed):
    values, areas, regions = random_case(seed)
    means, coverage = region_means(values, areas, regions)
    for k, number in enumerate(regions.names):
        total = known = whole = 0.0
        for v in np.flatnonzero(regions.labels == number):
            whole += areas[v]
            if np.isfinite(values[v]):
                known, total = known + areas[v], total + areas[v] * values[v]
        assert coverage[k] == pytest.approx(known / whole)
        if known < 0.5 * whole:
            assert np.isnan(means[k])
        else:
            assert means[k] == pytest.approx(total / known)


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-5, 5))
def test_means_follow_scale_and_shift_of_the_map_but_not_of_areas(seed, scale, shift):
    values, areas, regions = random_case(seed)
    means, coverage = region_means(values, areas, regions)
    both = np.stack([scale * values + shift, values])
    (moved, same), known = region_means(both, scale * areas, regions)
    np.testing.assert_allclose(moved, scale * means + shift, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(same, means, rtol=1e-9)
    np.testing.assert_allclose(known, np.stack([coverage, coverage]), rtol=1e-9)


@given(st.integers(0, 10_000))
def test_the_order_of_vertices_does_not_matter(seed):
    values, areas, regions = random_case(seed)
    order = np.random.default_rng(seed).permutation(len(values))
    turned = type(regions)(regions.labels[order], regions.names)
    found = region_means(values[order], areas[order], turned)[0]
    np.testing.assert_allclose(found, region_means(values, areas, regions)[0], rtol=1e-12)


def test_exactly_half_of_the_area_is_enough():
    regions = both([1, 1, 3, 3], [1, 1, 1, 1])
    values = np.array([1, np.nan, np.nan, np.nan, 2, 2, 2, 2.0])
    means, coverage = region_means(values, np.ones(8), regions)
    np.testing.assert_array_equal(coverage, [0.5, 0, 1])
    np.testing.assert_array_equal(means, [1, np.nan, 2])


def test_a_map_of_other_vertices_is_refused():
    values, areas, regions = random_case(1)
    with pytest.raises(UserError, match="Regions of 60 vertices, a map of 59"):
        region_means(values[:59], areas, regions)


def test_centres_are_weighted_by_area():
    regions = both([1, 1], [3, 0])
    places = np.array([[0, 0, 0], [4, 0, 0], [1, 2, 3], [9, 9, 9.0]])
    found = region_centres(places, np.array([1, 3, 1, 1.0]), regions)
    np.testing.assert_allclose(found, [[3, 0, 0], [1, 2, 3]])


def dlabel(values, table, masks) -> bytes:
    models = BrainModelAxis.from_mask(masks[0], "CortexLeft")
    if len(masks) > 1:
        models += BrainModelAxis.from_mask(masks[1], "CortexRight")
    axis = LabelAxis(["mine"], [{k: (n, (1, 0, 0, 1)) for k, n in table.items()}])
    image = Cifti2Image(np.asarray([values], np.float32), header=(axis, models))
    image.update_headers()
    return bytes(image.to_bytes())


def test_labels_of_cifti_are_those_of_each_hemisphere():
    left, right = np.array([True, True, False, True]), np.array([True, False, True, True])
    content = dlabel([1, 0, 2, 3, 3, 2], {0: "???", 1: "a", 2: "b", 3: "c"}, (left, right))
    found = read_dense_labels(content)
    np.testing.assert_array_equal(found["left"].values, [1, -1, -1, 2])
    np.testing.assert_array_equal(found["right"].values, [3, -1, 3, 2])
    regions = parcellation(found)
    assert list(regions.names.values()) == ["lh_a", "lh_b", "rh_b", "rh_c"]


def test_one_hemisphere_of_cifti_and_maps_without_labels():
    alone = dlabel([1, 1], {1: "a"}, (np.ones(2, bool),))
    assert set(read_dense_labels(alone)) == {"left"}
    models = BrainModelAxis.from_mask(np.ones(2, bool), "CortexLeft")
    maps = Cifti2Image(np.zeros((1, 2), np.float32), header=(ScalarAxis(["x"]), models))
    maps.update_headers()
    with pytest.raises(SubjectError, match="has no labels"):
        read_dense_labels(bytes(maps.to_bytes()))
    with pytest.raises(SubjectError, match="cannot be read as dense CIFTI-2"):
        read_dense_labels(b"nothing")
    nothing = nib.Nifti1Image(np.zeros((2, 2, 2), np.float32), np.eye(4)).to_bytes()
    with pytest.raises(SubjectError, match="cannot be read as dense CIFTI-2"):
        read_dense_labels(nothing)


def test_cifti_is_read_without_a_word_about_voxels(caplog):
    content = bytearray(dlabel([1, 1], {1: "a"}, (np.ones(2, bool),)))
    content[112:136] = bytes(24)  # pixdim 1 to 3 of NIfTI-2, as HCP writes them
    caplog.clear()
    read_dense_labels(bytes(content))
    assert caplog.messages == []
