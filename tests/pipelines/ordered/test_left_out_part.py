"""Clusters without a person, as parts of a lake, against a refit in plain numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from maps_in_lake import AFFINE, Study, cohort
from scipy import ndimage, stats

from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.ordered.stages import LEFT_OUT
from rt1t2_dask.stats import ordered
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.glm.reml import accumulate_cy, group_variances
from rt1t2_dask.stats.order.left_out import without

GROUPS = ("c", "a", "b")
LABELS = ["a"] * 5 + ["c"] * 6 + ["b"] * 5
N, P, EXTENT_MM3 = len(LABELS), 0.01, 3 * 64.0
LIMITS = {"min_group_n": 2, "min_group_share": 0.5}
EIGHTEEN = ndimage.generate_binary_structure(3, 2)


@pytest.fixture(scope="module")
def people():
    volumes, mask = cohort(N, missing=0.002)
    volumes, mask = volumes[:, :30, :30].copy(), mask[:30, :30]
    rng = np.random.default_rng(4)
    age = pd.DataFrame({"age": rng.normal(50, 8, N)})
    place = np.array([GROUPS.index(g) for g in LABELS])
    volumes[:, 10:16, 10:16, 3:6] -= 0.3 * place[:, None, None, None].astype(np.float32)
    return volumes, mask, ordered(LABELS, GROUPS, None, age)


def made(folder, volumes, mask, model, variance, spans=((0, N),)):
    study = Study(folder, volumes, mask)
    told = {
        "design": as_settings(model), "variance": variance, "space": "X", "p": P,
        "extent_mm3": EXTENT_MM3, "directions": ("rising", "falling"), **LIMITS,
    }  # fmt: skip
    tasks = [LEFT_OUT.task(told | {"first": a, "last": b}, study.parents) for a, b in spans]
    found = [study.make([task])[0] for task in tasks]
    return [np.concatenate([own[f"left_out_{n}"] for own in found]) for n in ("means", "mm3")]


def refit(volumes, mask, model, row):
    """Means of everybody over the clusters of both signs, the people at hand fitted alone."""
    kept = np.delete(np.arange(N), row)
    x, y = model.matrix[kept], volumes[kept][:, mask].astype(float)
    c, t = model.vector, np.full(mask.sum(), np.nan)
    whole = np.isfinite(y).all(axis=0)
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ y[:, whole]
    dof = len(kept) - x.shape[1]
    square = ((y[:, whole] - x @ beta) ** 2).sum(axis=0) / dof
    t[whole] = c @ beta / np.sqrt(square * (c @ inverse @ c))
    for v in np.flatnonzero(~whole):
        own = np.isfinite(y[:, v])
        inverse = np.linalg.inv(x[own].T @ x[own])
        beta = inverse @ x[own].T @ y[own, v]
        left = own.sum() - x.shape[1]
        square = ((y[own, v] - x[own] @ beta) ** 2).sum() / left
        value = c @ beta / np.sqrt(square * (c @ inverse @ c))
        t[v] = np.sign(value) * stats.t.isf(stats.t.sf(abs(value), left), dof)
    volume = np.zeros(mask.shape)
    volume[mask] = np.nan_to_num(t)
    return [over(volumes, mask, sign * volume > stats.t.isf(P, dof)) for sign in (1, -1)]


def over(volumes, mask, above):
    labels, count = ndimage.label(above, EIGHTEEN)
    sizes = ndimage.sum_labels(above, labels, np.arange(1, count + 1))
    chosen = np.isin(labels, 1 + np.flatnonzero(sizes >= EXTENT_MM3 / 64))
    means = np.nanmean(volumes[:, chosen], axis=1) if chosen.any() else np.full(N, np.nan)
    return chosen.sum() * 64.0, means


def test_means_are_those_of_a_plain_refit(people, tmp_path):
    volumes, mask, model = people
    means, mm3 = made(tmp_path, volumes, mask, model, "equal")
    assert means.shape == (N, 2, N)
    assert (mm3[:, 1] >= 6 * 6 * 3 * 64 * 0.5).all()
    for row in (0, 7, 15):
        for d, (volume, wanted) in enumerate(refit(volumes, mask, model, row)):
            assert mm3[row, d] == pytest.approx(volume)
            np.testing.assert_allclose(means[row, d], wanted, rtol=1e-6)


def test_nobodys_own_map_chooses_the_clusters(people, tmp_path):
    volumes, mask, model = people
    other = volumes.copy()
    other[3] = np.random.default_rng(8).normal(1.5, 5, other.shape[1:])
    spans = ((3, 4),)
    (one, first), (two, second) = (
        made(tmp_path / str(k), own, mask, model, "welch", spans)
        for k, own in enumerate((volumes, other))
    )
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(np.delete(one, 3, axis=2), np.delete(two, 3, axis=2))


@pytest.mark.parametrize("variance", ["welch", "spm_unequal"])
def test_runs_and_order_of_people_do_not_matter(people, variance, tmp_path):
    volumes, mask, model = people
    whole = made(tmp_path / "whole", volumes, mask, model, variance)
    spans = ((0, 5), (5, 6), (6, N))
    for one, other in zip(
        whole, made(tmp_path / "runs", volumes, mask, model, variance, spans), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    order = np.random.default_rng(1).permutation(N)
    turned = replace(model, matrix=model.matrix[order], group=model.group[order])
    means, mm3 = made(tmp_path / "order", volumes[order], mask, turned, variance)
    np.testing.assert_allclose(mm3, whole[1][order])
    np.testing.assert_allclose(means, whole[0][order][:, :, order], rtol=1e-9)


def test_groups_variances_are_those_of_the_others(people, tmp_path):
    volumes, mask, model = people
    noisy = volumes.copy()
    noisy[:5] += np.random.default_rng(3).normal(0, 0.2, noisy[:5].shape).astype(np.float32)
    means, mm3 = made(tmp_path, noisy, mask, model, "spm_unequal", ((2, 3),))
    left = without(model, 2)
    data = np.delete(noisy[:, mask], 2, axis=0)
    ratio = group_variances(accumulate_cy(data, left), left)
    t = fit(data, left, "spm_unequal", group_variance=ratio, **LIMITS).t
    dof = fit(data, left, "spm_unequal", group_variance=ratio, **LIMITS).dof
    volume = np.zeros(mask.shape)
    z = np.sign(t) * stats.t.isf(stats.t.sf(np.abs(t), dof), left.dof)
    volume[mask] = np.nan_to_num(z)
    wanted = over(noisy, mask, -volume > stats.t.isf(P, left.dof))
    assert mm3[0, 1] == pytest.approx(wanted[0])
    np.testing.assert_allclose(means[0, 1], wanted[1], rtol=1e-6)
    assert AFFINE[0, 0] == 4
