"""Cluster tables of meshes against scipy's labels and shapes that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import stat_meshes as meshes
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import permutation_test, two_sample
from rt1t2_dask.stats.clusters import random_field
from rt1t2_dask.stats.mesh.cluster_types import Regions
from rt1t2_dask.stats.mesh.clusters import mesh_clusters
from rt1t2_dask.stats.mesh.neighbourhood import SearchMesh
from rt1t2_dask.stats.mesh.table import COLUMNS, mesh_table

DOF = 27.0
LEFT = 2562


def two_caps():
    """Both hemispheres; t falls off round two places of the right one and one of the left."""
    mesh, points = meshes.two_spheres(LEFT)
    tops = {(40 + 30, 0, 0): 6.0, (40, 30, 0): 5.0, (-40, 0, 30): -8.0}
    t = np.zeros(mesh.vertices)
    for place, height in tops.items():
        distance = np.linalg.norm(points - np.array(place), axis=1)
        t += height * np.exp(-((distance / 9) ** 2))
    return mesh, points, t


def found(mesh, points, t, **more):
    return mesh_clusters(t, mesh.faces, mesh.areas, points, DOF, left_vertices=LEFT, **more)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 2.5), st.sampled_from(["positive", "negative"]))
def test_clusters_are_scipys(seed, height, sign):
    mesh, points = meshes.two_spheres(162)
    rng = np.random.default_rng(seed)
    t = rng.normal(size=mesh.vertices) * 2
    t[rng.random(mesh.vertices) < 0.1] = np.nan
    side = 1 if sign == "positive" else -1
    ours = mesh_clusters(
        t, mesh.faces, mesh.areas, points, DOF, sign=sign, t_height=height, n_maxima=99, apart_mm=-1
    )
    signed = np.nan_to_num(side * t)
    labels = meshes.labelled(mesh, signed > height)
    expected = {tuple(np.flatnonzero(labels == k)) for k in set(labels) - {-1}}
    assert {tuple(np.flatnonzero(ours.labels == c.label)) for c in ours.clusters} == expected
    np.testing.assert_allclose(
        np.sort(ours.areas_mm2), np.sort([mesh.areas[list(e)].sum() for e in expected])
    )
    tops = [abs(c.peak.t) for c in ours.clusters]
    assert tops == sorted(tops, reverse=True)
    for cluster in ours.clusters:
        inside = ours.labels == cluster.label
        assert cluster.vertices == inside.sum()
        assert cluster.area_mm2 == pytest.approx(mesh.areas[inside].sum())
        assert cluster.mass == pytest.approx((mesh.areas * (signed - height))[inside].sum())
        assert abs(cluster.peak.t) == signed[inside].max()
        centre = np.average(points[inside], axis=0, weights=mesh.areas[inside])
        np.testing.assert_allclose(cluster.centre_mm, centre, atol=1e-9)
        assert {m.vertex for m in cluster.maxima} == set(tops_of(mesh, signed, inside))
    assert len(ours.maxima_t) == sum(len(c.maxima) for c in ours.clusters)


def tops_of(mesh, values, inside):
    for vertex in np.flatnonzero(inside):
        around = np.unique(mesh.faces[(mesh.faces == vertex).any(axis=1)])
        if values[vertex] >= values[around].max():
            yield vertex


def test_what_was_planted_is_described():
    mesh, points, t = two_caps()
    first, second = found(mesh, points, t, t_height=2.0).clusters
    for cluster, place in ((first, (70, 0, 0)), (second, (40, 30, 0))):
        assert np.linalg.norm(np.subtract(cluster.peak.mm, place)) < 2.5
        assert cluster.peak.hemisphere == "right"
        assert cluster.peak.hemisphere_vertex == cluster.peak.vertex - LEFT
        assert cluster.peak.t == t[cluster.peak.vertex]
        assert stats.norm.sf(cluster.peak.z) == pytest.approx(
            float(random_field.peak_p_uncorrected(cluster.peak.t, DOF))
        )
        radius = 9 * np.sqrt(np.log(cluster.peak.t / 2))
        assert cluster.area_mm2 == pytest.approx(np.pi * radius**2, rel=0.05)  # a sphere's cap
    (other,) = found(mesh, points, t, sign="negative", t_height=2.0).clusters
    assert (other.peak.hemisphere, other.sign) == ("left", "negative")
    assert other.peak.t < -7
    assert other.peak.z < 0


def test_maxima_are_apart_and_small_clusters_left_out():
    mesh, points, t = two_caps()
    (joined,) = found(mesh, points, t, t_height=0.001).clusters
    assert [round(m.t) for m in joined.maxima] == [6, 5]
    assert len(found(mesh, points, t, t_height=0.001, apart_mm=50).clusters[0].maxima) == 1
    small = min(found(mesh, points, t, t_height=2.0).areas_mm2)
    kept = found(mesh, points, t, t_height=2.0, extent_mm2=small + 0.1)
    assert (len(kept.clusters), len(kept.areas_mm2), kept.labels.max()) == (1, 2, 1)
    assert found(mesh, points, t, t_height=2.0, extent_mm2=np.inf).clusters == ()


def test_height_is_that_of_p_and_varying_dof_is_converted():
    mesh, points, t = two_caps()
    assert found(mesh, points, t).height == pytest.approx(stats.t.isf(0.001, DOF))
    fewer = np.where(np.arange(mesh.vertices) < LEFT, 5.0, DOF)
    ours = mesh_clusters(t, mesh.faces, mesh.areas, points, fewer, sign="negative")
    peak = ours.clusters[0].peak
    assert stats.t.sf(-peak.t_nominal, DOF) == pytest.approx(stats.t.sf(-peak.t, 5.0))


def test_parcels_share_the_area():
    mesh, points, t = two_caps()
    labels = np.where(points[:, 2] > 0, 1, 2)
    labels[points[:, 1] > 15] = 7
    regions = Regions(labels, {1: "upper", 2: "lower"})
    first, second = found(mesh, points, t, t_height=2.0, regions=regions).clusters
    assert first.peak.region in ("upper", "lower")
    assert {part.rsplit(" ", 2)[0] for part in first.regions.split("; ")} == {"upper", "lower"}
    one, two = (float(part.split()[1]) for part in first.regions.split("; "))
    assert one + two == pytest.approx(100, abs=1)
    assert second.peak.region == "unlabelled"
    assert second.regions == "unlabelled 100 %"
    uneven = replace(mesh, areas=np.where(labels == 1, 3.0, 1.0))
    again = found(uneven, points, t, t_height=2.0, regions=regions)
    upper, lower = (np.sum(labels[again.labels == 1] == k) for k in (1, 2))
    share = 3 * upper / (3 * upper + lower)
    assert (
        again.clusters[0].regions == f"upper {100 * share:.0f} %; lower {100 - 100 * share:.0f} %"
    )


def test_table_carries_the_p_of_the_permutations():
    mesh, points = meshes.two_spheres(162)
    rng = np.random.default_rng(0)
    data = rng.normal(size=(20, mesh.vertices))
    data[:10, points[:, 0] > 62] += 4
    model = two_sample(["a"] * 10 + ["b"] * 10, "a", "b")
    tested = permutation_test(
        data, model, n=99, statistics=("extent", "mass", "tfce"), forming_p=0.01, mesh=mesh
    )
    t = tested["statistic"].to_numpy()
    maps = [
        mesh_clusters(
            t, mesh.faces, mesh.areas, points, model.dof, sign=sign, p=0.01, left_vertices=162
        )
        for sign in ("positive", "negative")
    ]
    names = ("p_fwe", "p_fwe_extent", "p_fwe_mass", "p_fwe_tfce")
    table = mesh_table(maps, {name: tested[name].to_numpy() for name in names})
    assert list(table.columns) == [*COLUMNS, *names]
    assert table["cluster"].tolist() == list(range(1, len(table) + 1))
    row = table.iloc[0]
    assert (row[list(names)] == 0.01).all()
    assert row["hemisphere"] == "right"
    assert row["area_mm2"] == pytest.approx(mesh.areas[points[:, 0] > 62].sum(), rel=0.3)
    null = tested["null_extent"].to_numpy()
    for _, row in table.iterrows():
        reached = (null >= row["area_mm2"] * (1 - 1e-9)).sum()
        assert row["p_fwe_extent"] == pytest.approx((reached + 1) / 100)
    assert list(mesh_table([]).columns) == list(COLUMNS)


def test_arrays_of_other_vertices_are_refused():
    mesh, points, t = two_caps()
    with pytest.raises(UserError, match="for the same vertices"):
        mesh_clusters(t[1:], mesh.faces, mesh.areas, points, DOF)
    with pytest.raises(UserError, match="for the same vertices"):
        mesh_clusters(t, mesh.faces, mesh.areas, points[:, :2], DOF)
    with pytest.raises(UserError, match="labels"):
        found(mesh, points, t, regions=Regions(np.ones(3, int), {}))
    with pytest.raises(UserError, match="faces name vertices"):
        mesh_clusters(t, mesh.faces + 1, mesh.areas, points, DOF)
    assert isinstance(mesh, SearchMesh)
