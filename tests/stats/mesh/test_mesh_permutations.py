"""Permutation tests of maps on meshes: every design, against clusters and TFCE by scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import stat_meshes as meshes
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import design, designs, from_formula, permutation_test
from rt1t2_dask.stats.clusters import random_field, spatial
from rt1t2_dask.stats.mesh.neighbourhood import SearchMesh, neighbourhood
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange
from rt1t2_dask.stats.permutation.null import p_fwe

ALL = ("extent", "mass", "tfce")
N = (7, 8)
GROUPS = ["a"] * N[0] + ["b"] * N[1]
AGE = pd.DataFrame({"age": np.random.default_rng(9).normal(60, 9, sum(N))})


def cohort(seed=0, effect=0.0, missing=True):
    """Noise smoothed over neighbours on two spheres, a medial wall, an effect on a cap."""
    mesh, points = meshes.two_spheres(162)
    mesh = replace(mesh, mask=np.abs(points[:, 0]) > 18)
    rng = np.random.default_rng(seed)
    near = np.linalg.norm(points[:, None] - points[None], axis=2)
    kernel = np.exp(-((near / 12) ** 2))
    noise = rng.normal(size=(sum(N), mesh.vertices)) @ kernel
    data = (1.5 + noise / noise.std()).astype(np.float32)
    data[: N[0], points[:, 0] > 60] += np.float32(effect)
    if missing:
        data[0, :40] = np.nan
        data[-2:, 20:60] = np.nan
    return mesh, data


def two_groups(**more):
    return design.two_sample(GROUPS, "a", "b", AGE, **more)


def test_the_nulls_are_those_of_the_relabeled_maps():
    mesh, data = cohort()
    model = two_groups()
    tested = permutation_test(data, model, n=12, seed=4, statistics=ALL, forming_p=0.05, mesh=mesh)
    inside = np.isfinite(tested["statistic"].to_numpy())
    assert inside.sum() == (np.isfinite(tested["p"]).to_numpy() & mesh.mask).sum()
    plan = exchange.plan(model, 12, 4)
    block = permutation.prepare(data[:, inside], model, plan)
    height = random_field.height(0.05, model.dof)
    known = replace(mesh, mask=inside)
    for k, flat in enumerate(spatial.statistic_maps(block, plan.span(0, 12))):
        values = np.zeros(mesh.vertices)
        values[inside] = flat
        extents, masses, tops = zip(*(largest(known, s * values, height) for s in (1, -1)))  # noqa: B905
        assert tested["null_extent"][k] == pytest.approx(max(extents), rel=1e-6)
        assert tested["null_mass"][k] == pytest.approx(max(masses), rel=1e-5, abs=1e-6)
        assert tested["null_tfce"][k] == pytest.approx(max(tops), rel=1e-6)


def largest(mesh, values, height):
    labels = meshes.labelled(mesh, (values > height) & mesh.mask)
    weighted = replace(mesh, areas=np.maximum(values - height, 0) * mesh.areas)
    tops = meshes.tfce_by_labelling(mesh, values)
    return meshes.areas_of(mesh, labels).max(), meshes.areas_of(weighted, labels).max(), tops.max()


def test_each_vertex_has_the_p_of_its_cluster():
    mesh, data = cohort(1, effect=4.0, missing=False)
    tested = permutation_test(data, two_groups(), n=99, statistics=ALL, forming_p=0.01, mesh=mesh)
    t = np.nan_to_num(tested["statistic"].to_numpy())
    height = random_field.height(0.01, two_groups().dof)
    for side in (1, -1):
        labels = meshes.labelled(mesh, (side * t > height) & mesh.mask)
        over = labels >= 0
        area = meshes.areas_of(mesh, labels)[over]
        p = p_fwe(area * (1 + 1e-9), tested["null_extent"].to_numpy())
        np.testing.assert_array_equal(tested["p_fwe_extent"].to_numpy()[over], p)
    assert np.isnan(tested["p_fwe_extent"].to_numpy()[np.abs(t) <= height]).all()
    for name in ("p_fwe", "p_fwe_extent", "p_fwe_mass", "p_fwe_tfce"):
        assert np.nanmin(tested[name]) == 0.01, name
    enhanced = meshes.tfce_by_labelling(mesh, t) - meshes.tfce_by_labelling(mesh, -t)
    np.testing.assert_allclose(tested["tfce"].to_numpy()[mesh.mask], enhanced[mesh.mask], rtol=1e-5)
    assert np.isnan(tested["tfce"].to_numpy()[~mesh.mask]).all()


THREE = ["x", "y", "z"] * 5
CONDITIONS = ["a", "b"] * 7 + ["c"]
PAIRS = [k // 2 for k in range(15)]
DESIGNS = {
    "two_sample": (two_groups(), "equal"),
    "welch": (two_groups(), "welch"),
    "spm_unequal": (two_groups(), "spm_unequal"),
    "one_sample": (designs.one_sample(GROUPS, "b"), "equal"),
    "paired": (designs.paired(CONDITIONS, "a", "b", PAIRS), "equal"),
    "regression": (designs.regression(GROUPS, ["a", "b"], AGE["age"]), "equal"),
    "ordered": (designs.ordered(THREE, ["x", "y", "z"]), "equal"),
    "anova": (designs.anova(THREE, ["x", "y", "z"]), "equal"),
    "welch_anova": (designs.anova(THREE, ["x", "y", "z"]), "welch"),
    "formula": (
        from_formula("~ group * age", AGE.assign(group=GROUPS), np.arange(15), of="group:age"),
        "equal",
    ),
}


@pytest.mark.parametrize("name", sorted(DESIGNS))
def test_every_design_of_the_volume_serves(name):
    """Vertices' statistic and p are those without a mesh; the same seed gives the same bits."""
    model, variance = DESIGNS[name]
    mesh, data = cohort(2, effect=1.0)
    known = {"n": 40, "seed": 3, "variance": variance}
    one, two = (
        permutation_test(data, model, **known, statistics=ALL, forming_p=0.05, mesh=mesh)
        for _ in range(2)
    )
    for key in one:
        np.testing.assert_array_equal(one[key], two[key])
    flat = permutation_test(np.where(mesh.mask, data, np.nan), model, **known)
    for key in ("statistic", "p", "p_fwe", "null_max_t"):
        np.testing.assert_array_equal(one[key], flat[key])
    assert (one["null_extent"] > 0).any()
    assert np.nanmax(one["p_fwe_tfce"]) <= 1


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000))
def test_the_numbering_of_vertices_moves_the_results_along(seed):
    mesh, data = cohort(seed, effect=1.5)
    order = np.random.default_rng(seed).permutation(mesh.vertices)
    other = SearchMesh(np.argsort(order)[mesh.faces], mesh.areas[order], mesh.mask[order])
    known = {"n": 30, "statistics": ALL, "forming_p": 0.02}
    one = permutation_test(data, two_groups(), **known, mesh=mesh)
    two = permutation_test(data[:, order], two_groups(), **known, mesh=other)
    for key in ("null_max_t", "null_extent"):
        np.testing.assert_array_equal(two[key], one[key])
    for key in ("null_mass", "null_tfce"):
        np.testing.assert_allclose(two[key], one[key], rtol=1e-6)
    for key in ("statistic", "p", "p_fwe", "p_fwe_extent", "p_fwe_mass", "p_fwe_tfce"):
        np.testing.assert_array_equal(two[key].to_numpy(), one[key].to_numpy()[order], key)


def test_powers_of_the_caller_are_used():
    mesh, data = cohort()
    found = [
        permutation_test(
            data, two_groups(), n=3, statistics=("tfce",), mesh=mesh, tfce_powers=powers
        )
        for powers in (None, (1.0, 2.0), (0.5, 2.0))
    ]
    np.testing.assert_array_equal(found[0]["tfce"], found[1]["tfce"])
    assert float(abs(found[2]["tfce"]).max()) < float(abs(found[0]["tfce"]).max())


def test_chunks_and_batches_give_the_same_bits():
    mesh, data = cohort()
    model = two_groups()
    runs = []
    for size in (20, 7):
        plan = exchange.plan(model, 20, 2, batch_size=size)
        block = permutation.prepare(data, model, plan)
        space = neighbourhood(mesh, np.isfinite(block.z))
        inside = np.isfinite(block.z) & mesh.mask
        block = permutation.prepare(data[:, inside], model, plan)
        parts = [spatial.spatial_batch(block, plan, k, space) for k in range(plan.n_batches)]
        runs.append({name: np.concatenate([p[name].both for p in parts]) for name in ALL})
    for name in ALL:
        np.testing.assert_array_equal(runs[0][name], runs[1][name])


def test_maps_of_another_mesh_are_refused():
    mesh, data = cohort()
    with pytest.raises(UserError, match=r"on a mesh of 324 vertices"):
        permutation_test(data[:, 1:], two_groups(), n=3, mesh=mesh)
    with pytest.raises(UserError, match=r"or \(participant, vertex\) and a mesh"):
        permutation_test(data, two_groups(), n=3, statistics=("tfce",))
