"""Permutations of Welch's t and Winkler's G against refitting every model in plain numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import design, designs
from rt1t2_dask.stats.clusters import spatial
from rt1t2_dask.stats.clusters.lattice import lattice
from rt1t2_dask.stats.glm import fit as glm
from rt1t2_dask.stats.glm.unequal import LEAST_GROUP_DOF
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange, null
from rt1t2_dask.stats.permutation import tails as tails_of

TABLE = 0.03
HEIGHT = 0.05
KINDS = [("plain", (8, 13)), ("covariates", (8, 13)), ("anova", (9, 7, 8))]


def people(kind, n=(8, 13), voxels=40, seed=0):
    rng = np.random.default_rng(seed)
    groups = np.repeat(["a", "b", "c"][: len(n)], n)
    spread = np.repeat([3.0, 1.0, 0.5][: len(n)], n)[:, None]
    data = (1.5 + 0.1 * spread * rng.normal(size=(sum(n), voxels))).astype(np.float32)
    data[: n[0], : voxels // 8] += 0.5
    data[2, voxels // 2 :] = np.nan
    data[-2:, -voxels // 4 :] = np.nan
    table = pd.DataFrame(rng.normal(size=(sum(n), 2)), columns=["age", "dose"])
    if kind == "anova":
        return data, designs.anova(list(groups), ["a", "b", "c"], table)
    return data, design.two_sample(list(groups), "a", "b", table if kind == "covariates" else None)


def welch(matrix, contrast, group, y):
    """t by its formula, or G of equation 16 of Winkler et al. 2014, and its freedom."""
    hat = matrix @ np.linalg.pinv(matrix)
    left = 1 - np.diag(hat)
    square = (y - hat @ y) ** 2
    names = list(dict.fromkeys(group))
    dof = np.array([left[group == g].sum() for g in names])
    variance = np.array([square[group == g].sum() for g in names]) / dof
    of_row = np.array([variance[names.index(g)] for g in group])
    if contrast.shape[1] == 1:
        a = matrix @ np.linalg.inv(matrix.T @ matrix) @ contrast[:, 0]
        parts = np.array([(a[group == g] ** 2).sum() for g in names]) * variance
        return a @ y / np.sqrt(parts.sum()), parts.sum() ** 2 / (parts**2 / dof).sum()
    w = np.diag(1 / of_row)
    inverse = np.linalg.inv(matrix.T @ w @ matrix)
    effect = contrast.T @ inverse @ matrix.T @ w @ y
    q = len(effect)
    f = effect @ np.linalg.inv(contrast.T @ inverse @ contrast) @ effect / q
    share = np.array([w.diagonal()[group == g].sum() for g in names]) / np.trace(w)
    spread = ((1 - share) ** 2 / dof).sum()
    return f / (1 + 2 * (q - 1) / (q * (q + 2)) * spread), q * (q + 2) / (3 * spread)


def induced(order, here):
    places = []
    for person in sorted(here):
        place = abs_place(order[person])
        while place not in here:
            place = abs_place(order[place])
        places.append(place)
    return places


def abs_place(entry):
    return ~entry if entry < 0 else entry


def refit(values, model, order, flipped):
    """Statistic and freedom of one voxel whose residuals are permuted, or HC3's flipped."""
    here = np.flatnonzero(np.isfinite(values))
    place = np.searchsorted(here, induced(order, set(here.tolist())))
    y, matrix = values[here].astype(np.float64), model.matrix[here]
    nuisance = matrix @ np.linalg.svd(model.contrast.T)[2][model.q :].T
    hat = nuisance @ np.linalg.pinv(nuisance)
    sign = np.where(order[here] < 0, -1, 1)
    left = y - hat @ y
    if flipped:
        whole = matrix @ np.linalg.pinv(matrix)
        left = (y - whole @ y) / (1 - np.diag(whole))
    residual = (sign * left)[np.argsort(place)]
    return welch(matrix, model.contrast, model.group[here], hat @ y + residual)


def nearly_z(statistic, dof, q, nominal):
    """z at the nominal freedom by the kernel's own formula (Wallace 1959, Bartlett 1937)."""
    statistic, dof = np.asarray(statistic), np.asarray(dof)

    def factor(nu):
        return nu * ((8 * nu + 1) / (8 * nu + 3)) ** 2 if q == 1 else nu + q / 2 - 1

    ratio = statistic**2 if q == 1 else q * statistic
    raised = np.expm1(np.log1p(ratio / dof) * factor(dof) / factor(nominal))
    if q > 1:
        return stats.norm.isf(stats.f.sf(raised * nominal / q, q, nominal) / 2)
    return np.sign(statistic) * stats.norm.isf(stats.t.sf(np.sqrt(raised * nominal), nominal))


@pytest.mark.parametrize("how", ["order", "sign"])
@pytest.mark.parametrize(("kind", "n"), KINDS)
def test_every_permutation_equals_a_refit(kind, n, how):
    data, model = people(kind, n)
    plan = exchange.plan(model, 40, seed=3, exchange=how)
    block = permutation.prepare(data, model, plan, "welch")
    found = permutation.run_batch(block, plan, 0, HEIGHT)
    orders, flipped = plan.orders(0), how == "sign"
    refits = np.array([[refit(data[:, v], model, o, flipped) for v in range(40)] for o in orders])
    z = nearly_z(refits[..., 0], refits[..., 1], model.q, model.dof)
    np.testing.assert_allclose(found.tails.positive, np.maximum(z.max(axis=1), 0), atol=1e-4)
    np.testing.assert_allclose(found.tails.negative, np.maximum(-z.min(axis=1), 0), atol=1e-4)
    np.testing.assert_array_equal(found.exceed, np.sum(np.abs(z) >= np.abs(block.z), axis=0))
    bar = stats.norm.isf(HEIGHT if model.q == 1 else HEIGHT / 2)
    assert np.abs(np.abs(z) - bar).min() > 1e-4
    tall = np.zeros(z.shape, bool)
    tall[found.suprathreshold.permutation, found.suprathreshold.voxel] = True
    np.testing.assert_array_equal(tall, np.abs(z) > bar)
    signs = (
        np.sign(found.suprathreshold.value),
        np.sign(z[found.suprathreshold.permutation, found.suprathreshold.voxel]),
    )
    np.testing.assert_array_equal(*signs)


@pytest.mark.parametrize(("kind", "n"), KINDS)
def test_what_is_permuted_is_the_statistic_of_the_table(kind, n):
    data, model = people(kind, n)
    block = permutation.prepare(data, model, exchange.plan(model, 10), "welch")
    table = glm.fit(data, model, "welch")
    z = table.z if model.q == 1 else stats.norm.isf(stats.f.sf(table.t, model.q, table.dof) / 2)
    np.testing.assert_allclose(block.z, z, atol=TABLE)
    if kind == "plain":
        t, p = stats.ttest_ind(data[:8], data[8:], equal_var=False, nan_policy="omit")
        np.testing.assert_allclose(block.z, np.sign(t) * stats.norm.isf(p / 2), atol=TABLE)


def test_spm_unequal_permutes_the_whitened_model():
    data, model = people("covariates")
    ratio = {"a": 4.0, "b": 0.5}
    plan = exchange.plan(model, 20, seed=1)
    block = permutation.prepare(data, model, plan, "spm_unequal", group_variance=ratio)
    table = glm.fit(data, model, "spm_unequal", group_variance=ratio)
    np.testing.assert_allclose(block.z, table.z, atol=1e-5)
    with pytest.raises(UserError, match="variance of each group"):
        permutation.prepare(data, model, plan, "spm_unequal")


def test_one_group_has_one_variance():
    data = np.random.default_rng(0).normal(0.2, 1, (9, 30)).astype(np.float32)
    model = designs.one_sample(["a"] * 9, "a")
    plan = exchange.plan(model, 50)
    blocks = [permutation.prepare(data, model, plan, kind) for kind in ("equal", "welch")]
    equal, separate = (permutation.run_batch(block, plan, 0) for block in blocks)
    np.testing.assert_array_equal(equal.tails.both, separate.tails.both)


def own_covariates():
    """3 patients with two covariates of their own, 0 in 12 controls: no variance of their own."""
    table = pd.DataFrame({"duration": [1.0, 2, 4] + [0.0] * 12, "score": [1.0, 5, 2] + [0.0] * 12})
    return design.two_sample(["p"] * 3 + ["c"] * 12, "p", "c", table)


def test_a_group_without_residual_freedom_is_not_tested():
    data = np.random.default_rng(0).normal(1.5, 0.1, (15, 30)).astype(np.float32)
    model = own_covariates()
    assert np.isnan(glm.fit(data, model, "welch").t).all()
    assert np.isfinite(glm.fit(data, model, "equal").t).all()
    block = permutation.prepare(data, model, exchange.plan(model, 10), "welch")
    assert np.isnan(block.z).all()
    with pytest.raises(UserError, match=r"leave group p 0.0 residual degrees of freedom"):
        design.require_group_dof(model, LEAST_GROUP_DOF)


def test_missing_people_may_leave_a_group_no_residual_freedom():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(25, 4)), columns=list("wxyz"))
    table.iloc[7:] = 0.0
    model = design.two_sample(["p"] * 7 + ["c"] * 18, "p", "c", table)
    data = rng.normal(1.5, 0.1, (25, 40)).astype(np.float32)
    data[:2, 20:] = np.nan
    plan = exchange.plan(model, 30, exchange="sign")
    block = permutation.prepare(data, model, plan, "welch")
    found = glm.fit(data, model, "welch")
    for values in (found.t, block.z):
        assert np.isfinite(values[:20]).all()
        assert np.isnan(values[20:]).all()
    assert np.isfinite(permutation.run_batch(block, plan, 0).tails.both).all()


def test_a_voxel_constant_in_one_group_has_no_g():
    data, model = people("anova", (9, 7, 8))
    data[:9, 3] = 1.25
    plan = exchange.plan(model, 30, exchange="sign")
    block = permutation.prepare(data, model, plan, "welch")
    plain = designs.anova(list(model.group), ["a", "b", "c"])
    for values in (block.z, glm.fit(data, plain, "welch").t):
        assert np.isnan(values[3])
        assert np.isfinite(np.delete(values, 3)).all()
    assert np.isfinite(permutation.run_batch(block, plan, 0).tails.both).all()


def test_smith_is_refused():
    data, model = people("plain")
    plan = exchange.plan(model, 10, method="smith")
    with pytest.raises(UserError, match="freedman_lane"):
        permutation.prepare(data, model, plan, "welch")


def test_blocks_of_voxels_and_sites_change_nothing():
    mask = np.zeros((12, 11, 10), bool)
    mask[1:-1, 1:-1, 1:-1] = True
    voxels = int(mask.sum())
    data, model = people("covariates", voxels=voxels)
    site = ["x", "y"] * 10 + ["x"]
    plan = exchange.plan(model, 40, seed=2, exchangeable=site)
    search = spatial.Search(lattice(mask, 18), lattice(mask, 26), 0.05)
    edges = [np.arange(voxels), np.arange(300), np.arange(300, voxels)]
    placed = [(e, permutation.prepare(data[:, e], model, plan, "welch")) for e in edges]
    orders = plan.orders(0)
    whole, parts = spatial.relabel(placed[:1], orders, search), None
    parts = spatial.relabel_in_chunks(placed[1:], orders, search)
    np.testing.assert_array_equal(whole.exceed, parts.exceed)
    for name, tails in whole.tails.items():
        np.testing.assert_allclose(tails.both, parts.tails[name].both, rtol=1e-6)
    np.testing.assert_array_equal(whole.tails["max_t"].both, parts.tails["max_t"].both)


def test_flips_keep_their_level_within_sites_where_order_does_not():
    """11 against 18 people in three sites, one group twice as variable: FWE at .05."""
    hits = {"order": 0, "sign": 0}
    site = np.array(["x", "y", "z"] * 10)[:29]
    for seed in range(150):
        rng = np.random.default_rng(seed)
        data = rng.normal(size=(29, 60)).astype(np.float32)
        data[:11] *= 2
        columns = pd.DataFrame({"site": site})
        model = design.two_sample(["a"] * 11 + ["b"] * 18, "a", "b", columns)
        model = replace(model, blocks=site)
        for how in hits:
            plan = exchange.plan(model, 99, seed=seed, exchange=how)
            block = permutation.prepare(data, model, plan, "welch")
            tails = tails_of.merge_batches([permutation.run_batch(block, plan, 0).tails])
            hits[how] += null.p_fwe(np.abs(block.z).max(), tails.both) <= 0.05
    error = 4 * np.sqrt(150 * 0.05 * 0.95)
    assert abs(hits["sign"] - 7.5) <= error
    assert hits["order"] > 7.5 + error


@pytest.mark.parametrize("spread", [4.0, 0.5])
def test_flips_of_welch_keep_their_level(spread):
    """The small group varies otherwise than the large: null data sets, FWE at .05."""
    hits = {"equal": 0, "welch": 0}
    for seed in range(150):
        rng = np.random.default_rng(seed)
        data = rng.normal(size=(29, 24)).astype(np.float32)
        data[:9] *= spread
        model = design.two_sample(["a"] * 9 + ["b"] * 20, "a", "b")
        for kind in hits:
            how = exchange.exchanged(model, kind)
            plan = exchange.plan(model, 99, seed=seed, exchange=how)
            block = permutation.prepare(data, model, plan, kind)
            tails = tails_of.merge_batches([permutation.run_batch(block, plan, 0).tails])
            hits[kind] += null.p_fwe(np.abs(block.z).max(), tails.both) <= 0.05
    error = 4 * np.sqrt(150 * 0.05 * 0.95)
    assert abs(hits["welch"] - 7.5) <= error
    assert spread < 1 or hits["equal"] > 7.5 + error


def test_signs_are_flipped_where_variances_differ_and_blocks_are_modelled():
    _, model = people("plain")
    assert exchange.exchanged(model) == "order"
    assert exchange.exchanged(model, "welch") == "sign"
    site = pd.DataFrame({"site": ["x", "y", "z"] * (model.n // 3)})
    blocks = site["site"].to_numpy(np.str_)
    assert exchange.exchanged(replace(model, blocks=blocks)) == "order"
    with pytest.raises(UserError, match="mean of each block"):
        exchange.exchanged(replace(model, blocks=blocks), "welch")
    groups = model.group.tolist()
    modelled = replace(design.two_sample(groups, "a", "b", site), blocks=blocks)
    assert exchange.exchanged(modelled, "welch") == "sign"
    assert exchange.exchanged(modelled) == "order"
    assert exchange.exchanged(replace(model, group=np.array(["a"] * model.n)), "welch") == "order"
