"""Clusters counted at other thresholds, against scipy's labels and the cluster stage's own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, stats

from rt1t2_dask.stats.clusters.components import find
from rt1t2_dask.stats.clusters.random_field import SearchVolume
from rt1t2_dask.stats.clusters.threshold_table import table

AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
DOF, P, EXTENTS = 27.0, (0.001, 0.05), (0.0, 128.0, 750.0)
EIGHTEEN = ndimage.generate_binary_structure(3, 2)


@pytest.fixture(scope="module")
def t_map():
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(30, 30, 30)), 1.5)
    t = noise / noise.std()
    t[10:14, 10:14, 10:14] -= 5
    t[0] = np.nan
    return t


def volume(numerator=None):
    resels = np.array([1.0, 10.0, 60.0, 120.0])
    return SearchVolume(DOF, 26_100, np.full(3, 3.5), resels, numerator)


def test_counts_are_those_of_another_labelling(t_map):
    rows = table(t_map, AFFINE, np.full(t_map.shape, DOF), volume(), P, EXTENTS)
    assert len(rows) == len(P) * len(EXTENTS) * 2
    for row in rows.to_dict("records"):
        side = 1 if row["sign"] == "positive" else -1
        height = stats.t.isf(row["p"], DOF)
        assert row["height"] == pytest.approx(height)
        labels, count = ndimage.label(np.nan_to_num(side * t_map) > height, EIGHTEEN)
        sizes = 64.0 * np.bincount(labels.ravel(), minlength=count + 1)[1:]
        sizes = sizes[sizes >= row["extent_mm3"]]
        assert row["clusters"] == len(sizes)
        assert row["volume_mm3"] == pytest.approx(sizes.sum())
        assert row["largest_mm3"] == pytest.approx(sizes.max(initial=0))


def test_chance_falls_with_height_and_extent_and_f_has_one_sign(t_map):
    dof = np.full(t_map.shape, DOF)
    rows = table(t_map, AFFINE, dof, volume(), P, EXTENTS)
    positive = rows[rows["sign"] == "positive"]
    by_extent = positive.pivot_table(index="p", columns="extent_mm3", values="expected_by_chance")
    assert (np.diff(by_extent.to_numpy(), axis=1) < 0).all()
    assert rows.groupby("p")["clusters"].sum().is_monotonic_increasing
    other = table(np.square(t_map), AFFINE, dof, volume(2), P, EXTENTS)
    assert set(other["sign"]) == {"positive"}
    assert other["height"].iloc[-1] == pytest.approx(stats.f.isf(0.001, 2, DOF))


def test_an_infinite_extent_keeps_no_cluster(t_map):
    found = find(t_map, AFFINE, DOF, sign="negative", extent_mm3=np.inf)
    assert found.clusters == ()
    assert found.sizes.max() >= 64
