"""Clusters against scipy's labelling, smoothness against a known kernel, table contents."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, special

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.stats import scores
from rt1t2_dask.stats.clusters import cluster_table, peak_table, random_field, smoothness
from rt1t2_dask.stats.clusters import components as clusters

AFFINE = np.array([[-2.0, 0, 0, 78], [0, 2, 0, -112], [0, 0, 2, -70], [0, 0, 0, 1]])
DOF = 27.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 12))
def test_against_scipy_labels(seed, extent):
    t = np.random.default_rng(seed).normal(size=(12, 11, 10)) * 2.5
    t[0, :3] = np.nan
    found = clusters.find(t, AFFINE, DOF, extent_mm3=8 * extent)
    above = np.nan_to_num(t) > random_field.height(0.001, DOF)
    reference, _ = ndimage.label(above, ndimage.generate_binary_structure(3, 2))
    sizes = np.bincount(reference.ravel())[1:]
    assert sorted(found.sizes) == sorted(sizes)
    assert sorted(c.voxels for c in found.clusters) == sorted(s for s in sizes if s >= extent)
    for cluster in found.clusters:
        inside = reference == reference[cluster.peak.voxel]
        np.testing.assert_array_equal(found.labels == cluster.label, inside)
        assert cluster.peak.t == t[inside].max()
        centre = ndimage.center_of_mass(np.where(inside, np.abs(np.nan_to_num(t)), 0))
        np.testing.assert_allclose(cluster.centre_mm, AFFINE[:3, :3] @ centre + AFFINE[:3, 3])
    peaks = [c.peak.t for c in found.clusters]
    assert peaks == sorted(peaks, reverse=True)


def blob(voxel, height=8.0, shape=(20, 20, 20)):
    t = np.zeros(shape)
    t[voxel] = 1.0
    t = ndimage.gaussian_filter(t, 2.0)
    return height * t / t.max()


def test_negative_clusters_mirror_positive_ones():
    t = blob((10, 8, 9))
    up, down = clusters.find(t, AFFINE, DOF), clusters.find(-t, AFFINE, DOF, sign="negative")
    assert clusters.find(-t, AFFINE, DOF).clusters == ()
    np.testing.assert_array_equal(up.labels, down.labels)
    assert down.clusters[0].peak.t == -up.clusters[0].peak.t == -8.0
    assert down.clusters[0].peak.z == -up.clusters[0].peak.z
    assert up.clusters[0].peak.mm == (78 - 20.0, -112 + 16.0, -70 + 18.0)
    assert up.clusters[0].volume_mm3 == up.clusters[0].voxels * 8


def test_maxima_are_eight_mm_apart():
    t = np.maximum(blob((6, 10, 10)), blob((12, 10, 10), 7.0))
    t[6:13, 10, 10] = np.maximum(t[6:13, 10, 10], [0, 6, 5, 4, 5, 6, 0])
    t[6, 13, 10] = 7.9  # 6 mm from the peak: too near to be listed
    (cluster,) = clusters.find(t, AFFINE, DOF).clusters
    assert [m.voxel for m in cluster.maxima] == [(6, 10, 10), (12, 10, 10)]


def test_extent_is_in_mm3_whatever_the_voxel():
    t = np.zeros((10, 10, 10))
    t[2:5, 2:5, 2:5] = 9.0  # 27 voxels: 216 mm3 at 2 mm, 27 mm3 at 1 mm
    assert len(clusters.find(t, AFFINE, DOF, extent_mm3=216).clusters) == 1
    assert len(clusters.find(t, AFFINE, DOF, extent_mm3=217).clusters) == 0
    assert len(clusters.find(t, np.eye(4), DOF, extent_mm3=28).clusters) == 0


def test_fewer_degrees_of_freedom_need_a_larger_t():
    t = np.zeros((6, 6, 6))
    t[1, 1, 1] = t[4, 4, 4] = 3.6
    dof = np.full(t.shape, DOF)
    dof[4, 4, 4] = 15.0
    assert random_field.height(0.001, 15) > 3.6 > random_field.height(0.001, DOF)
    found = clusters.find(t, AFFINE, dof, nominal_dof=DOF)
    assert [c.peak.voxel for c in found.clusters] == [(1, 1, 1)]
    assert scores.at_dof(3.6, DOF, DOF) == 3.6


def test_smoothness_of_a_known_kernel():
    """White noise through a Gaussian: the lattice estimate of its FWHM is known in closed form.

    The root of a determinant estimated from n images is low by a known factor (Wishart).
    """
    sigma = np.array([2.0, 2.5, 3.0])
    rng = np.random.default_rng(0)
    mask = np.zeros((60, 60, 60), bool)
    mask[6:-6, 6:-6, 6:-6] = True
    rows = []
    for _ in range(20):
        noise = ndimage.gaussian_filter(rng.normal(size=mask.shape), sigma, mode="wrap")
        rows.append(noise[mask] / noise.std())
    fwhm = smoothness.fwhm_voxels(rows, mask, dof=20)
    forward = 2 * (1 - np.exp(-1 / (4 * sigma**2)))  # variance of the forward difference
    half = (20 - np.arange(3)) / 2
    low = np.prod(np.sqrt(2 / 20) * special.gamma(half + 0.5) / special.gamma(half))
    expected = np.sqrt(4 * np.log(2) / forward) / low ** (1 / 3)
    np.testing.assert_allclose(fwhm, expected, rtol=0.015)


def test_resels_of_a_box():
    """A box of a x b x c voxels has (a-1)(b-1)(c-1) cubes; counts follow."""
    mask = np.zeros((9, 9, 9), bool)
    mask[1:6, 1:5, 1:4] = True
    a, b, c = 4 / 2.0, 3 / 3.0, 2 / 4.0
    expected = [1, a + b + c, a * b + a * c + b * c, a * b * c]
    np.testing.assert_allclose(smoothness.resel_counts(mask, np.array([2.0, 3, 4])), expected)


def volume():
    return random_field.SearchVolume.of(np.ones((20, 20, 20), bool), np.full(3, 4.0), DOF)


def test_expected_clusters_against_simulation():
    """Counts of clusters in smooth t fields lie near the expected Euler characteristic."""
    rng = np.random.default_rng(2)
    shape, dof, sigma, u = (36, 36, 36), 28, 3.0, 3.5
    counts = []
    for _ in range(25):
        noise = ndimage.gaussian_filter(
            rng.normal(size=(dof + 1, 46, 46, 46)).astype(np.float32), (0, sigma, sigma, sigma)
        )[:, 5:-5, 5:-5, 5:-5]
        t = noise.mean(axis=0) / (noise.std(axis=0, ddof=1) / np.sqrt(dof + 1))
        counts.append(len(clusters.find(t, np.eye(4), float(dof), t_height=u).clusters))
    forward = 2 * (1 - np.exp(-1 / (4 * sigma**2)))
    fwhm = np.full(3, np.sqrt(4 * np.log(2) / forward))
    expected = random_field.expected_clusters(
        u, random_field.SearchVolume.of(np.ones(shape, bool), fwhm, dof)
    )
    error = np.sqrt(expected / len(counts))
    assert abs(np.mean(counts) - expected) < 4 * error + 0.1 * expected


def two_sided():
    t = blob((6, 6, 6)) - blob((14, 14, 14), 9.0)
    t[3, 17, 3] = 9.0
    return [clusters.find(t, AFFINE, DOF, sign=s, extent_mm3=64) for s in ("positive", "negative")]


def test_table_has_the_contracts_columns():
    rows = cluster_table.table(two_sided(), volume())
    assert " ".join(rows.columns) == (
        "cluster sign voxels volume_mm3 extent_p_fwe_rft extent_q_fdr extent_p_uncorrected "
        "extent_p_fwe_permutation peak_t peak_zscore peak_p_fwe_rft peak_q_fdr "
        "peak_p_uncorrected peak_p_fwe_permutation peak_x_mm peak_y_mm peak_z_mm "
        "centre_x_mm centre_y_mm centre_z_mm region regions lesion_overlap "
        "p_uncorrected p_fwe_rft q_fdr p_fwe_permutation"
    )
    for old in ("p_uncorrected", "p_fwe_rft", "q_fdr"):
        pd.testing.assert_series_equal(rows[old], rows[f"extent_{old}"], check_names=False)
    peaks = peak_table.table(two_sided(), volume(), lambda _: "")
    first = peaks[peaks["peak"] == 1]
    for name in ("p_uncorrected", "p_fwe_rft", "q_fdr"):
        np.testing.assert_array_equal(rows[f"peak_{name}"], first[name])
    assert rows["cluster"].tolist() == [1, 2]
    assert rows["sign"].tolist() == ["positive", "negative"]
    assert rows["p_fwe_permutation"].isna().all()
    assert (rows["p_uncorrected"] <= rows["q_fdr"]).all()


def test_small_clusters_count_in_the_family_of_q():
    positive = two_sided()[0]
    assert len(positive.sizes) == 2 > len(positive.clusters)
    row = cluster_table.table([positive], volume()).iloc[0]
    assert row["q_fdr"] == pytest.approx(2 * row["p_uncorrected"])


def test_table_without_clusters_or_smoothness():
    empty = clusters.find(np.zeros((5, 5, 5)), AFFINE, DOF)
    assert len(cluster_table.table([empty], volume())) == 0
    assert cluster_table.table(two_sided(), None)["p_fwe_rft"].isna().all()


def test_anatomy_and_lesions():
    t = np.zeros((12, 12, 12))
    t[2:6, 2:4, 2:4] = 5.0
    t[2, 2, 2] = 6.0
    labels = np.zeros(t.shape, int)
    labels[4:6] = 7
    labels[6:] = 9
    lesion = np.zeros(t.shape, bool)
    lesion[2, 2:4, 2:4] = True
    found = clusters.find(t, AFFINE, DOF)
    names = {7: "Left Caudate", 9: "Left Thalamus Proper"}
    (note,) = cluster_table.annotate(found, labels, names, Grid(t.shape, AFFINE), lesion)
    assert note.region == "Left Caudate (4 mm)"
    assert note.regions == "unlabelled 50 %; Left Caudate 50 %"
    assert note.lesion_overlap == 0.25
    far = np.where(labels == 9, 9, 0)
    far[:9] = 0
    (note,) = cluster_table.annotate(found, far, names, Grid(t.shape, AFFINE))
    assert note.region == "unlabelled"
    assert np.isnan(note.lesion_overlap)
