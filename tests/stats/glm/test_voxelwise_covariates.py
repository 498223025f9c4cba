"""Covariates of each voxel's own against models refitted voxel by voxel with statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import designs
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.glm.voxelwise import fit_voxelwise, slopes
from rt1t2_dask.stats.permutation.blocks import prepare, run_orders
from rt1t2_dask.stats.permutation.exchange import exchanged, plan

N, VOXELS = (9, 13), 24
GROUP = np.repeat(["a", "b"], N)


def study(seed=0, missing=True, of_all=False):
    """Data whose groups differ in a covariate that explains part of them."""
    rng = np.random.default_rng(seed)
    age = pd.DataFrame({"age": rng.normal(60, 10, len(GROUP))})
    first = (GROUP == "a")[:, None]
    shares = np.clip(rng.normal(0.7, 0.1, (1, len(GROUP), VOXELS)) - 0.1 * first, 0, 1)
    if of_all:
        shares[:] = shares[:, :, :1]
    data = 1.5 + shares[0] + rng.normal(0, 0.05, shares[0].shape) * (1 + first)
    data[:, :6] += 0.1 * first
    if missing:
        data[1, 8:] = np.nan
        shares[0, 15, 16:] = np.nan
    return data, shares, two_sample(GROUP, "a", "b", age)


def refitted(data, shares, design, voxel):
    known = np.isfinite(data[:, voxel]) & np.isfinite(shares[:, :, voxel]).all(axis=0)
    matrix = np.column_stack([design.matrix, shares[:, :, voxel].T])[known]
    weights = np.append(design.contrast[:, 0], np.zeros(len(shares)))
    return sm.OLS(data[known, voxel], matrix).fit(), weights, known


@pytest.mark.parametrize("missing", [False, True])
def test_t_is_that_of_statsmodels(missing):
    data, shares, design = study(missing=missing)
    found = fit_voxelwise(data, shares, design)
    for voxel in range(VOXELS):
        model, weights, known = refitted(data, shares, design, voxel)
        tested = model.t_test(weights)
        got = [a[voxel] for a in (found.t, found.effect, found.se, found.dof, found.sd)]
        own = [tested.tvalue, tested.effect, tested.sd, model.df_resid, np.sqrt(model.scale)]
        assert got == pytest.approx([float(np.squeeze(v)) for v in own], rel=1e-9)
        assert found.n[voxel] == known.sum()


def test_the_effect_without_the_covariate_is_another():
    data, shares, design = study(missing=False)
    assert fit(data, design).effect[6:].mean() < -0.05
    assert abs(fit_voxelwise(data, shares, design).effect[6:].mean()) < 0.03


def welch(model, weights, group):
    matrix = model.model.exog
    direction = matrix @ np.linalg.inv(matrix.T @ matrix) @ weights
    left = 1 - model.get_influence().hat_matrix_diag
    parts, dofs = [], []
    for name in ("a", "b"):
        own = group == name
        dofs.append(left[own].sum())
        parts.append((model.resid[own] ** 2).sum() / dofs[-1] * (direction[own] ** 2).sum())
    whole = sum(parts)
    return weights @ model.params / np.sqrt(whole), whole**2 / sum(
        part**2 / dof for part, dof in zip(parts, dofs, strict=True)
    )


def test_welch_is_that_of_models_refitted():
    data, shares, design = study()
    found = fit_voxelwise(data, shares, design, "welch")
    for voxel in range(VOXELS):
        model, weights, known = refitted(data, shares, design, voxel)
        own = welch(model, weights, GROUP[known])
        assert (found.t[voxel], found.dof[voxel]) == pytest.approx(own, rel=1e-9)


@pytest.mark.parametrize("variance", ["equal", "welch", "spm_unequal"])
def test_a_covariate_that_all_voxels_share_is_one_of_the_design(variance):
    data, shares, design = study(of_all=True, missing=False)
    table = pd.DataFrame({"age": design.matrix[:, 2], "share": shares[0, :, 0]})
    given_variance = {"a": 1.5, "b": 0.8} if variance == "spm_unequal" else None
    known = fit(data, two_sample(GROUP, "a", "b", table), variance, group_variance=given_variance)
    found = fit_voxelwise(data, shares, design, variance, group_variance=given_variance)
    for name in ("t", "z", "dof", "effect", "hedges_g", "se", "sd", "explained", "residual_dof"):
        np.testing.assert_allclose(getattr(found, name), getattr(known, name), rtol=1e-7)


def test_a_covariate_that_does_not_vary_takes_no_freedom():
    data, shares, design = study(missing=False)
    shares[:, :, 3] = 1.0
    found = fit_voxelwise(data, shares, design)
    assert found.dof[3] == design.dof
    assert found.t[3] == pytest.approx(fit(data, design).t[3])
    assert slopes(data, shares, design)[0, 3] == 0


def test_slopes_are_those_of_models_refitted():
    data, shares, design = study(missing=False)
    own = [refitted(data, shares, design, v)[0].params[-1] for v in range(VOXELS)]
    np.testing.assert_allclose(slopes(data, shares, design)[0], own, rtol=1e-9)


@pytest.mark.parametrize("variance", ["equal", "welch", "spm_unequal"])
def test_what_is_permuted_is_the_observed_t(variance):
    data, shares, design = study()
    given_variance = {"a": 1.5, "b": 0.8} if variance == "spm_unequal" else None
    how = plan(design, 9, exchange=exchanged(design, variance))
    about = {"group_variance": given_variance, "covariates": shares}
    block = prepare(data, design, how, variance, **about)
    found = fit_voxelwise(data, shares, design, variance, group_variance=given_variance)
    np.testing.assert_allclose(block.z, found.z, rtol=2e-3, atol=2e-3)


def test_relabelings_are_those_of_models_refitted():
    data, shares, design = study(missing=False)
    how = plan(design, 19, seed=3)
    orders = how.span(0, 19)
    found = run_orders(prepare(data, design, how, covariates=shares), orders)
    for k, order in enumerate(orders):
        z = [permuted_z(data, shares, design, voxel, order) for voxel in range(VOXELS)]
        assert found.tails.positive[k] == pytest.approx(max(*z, 0.0), rel=1e-4)
        assert found.tails.negative[k] == pytest.approx(-min(*z, 0.0), rel=1e-4)


def permuted_z(data, shares, design, voxel, order):
    """Freedman and Lane: residuals of the nuisance model, permuted, in the whole model."""
    ones = np.ones(design.n)
    matrix = np.column_stack([ones, design.matrix[:, 2], shares[0, :, voxel]])
    null = sm.OLS(data[:, voxel], matrix).fit()
    values = null.fittedvalues.copy()
    values[order] += null.resid
    model, weights, _ = refitted(values[:, None], shares[:, :, voxel : voxel + 1], design, 0)
    t = float(np.squeeze(model.t_test(weights).tvalue))
    return np.sign(t) * stats.norm.isf(stats.t.sf(abs(t), model.df_resid))


@given(seed=st.integers(0, 99), size=st.integers(1, VOXELS))
@settings(max_examples=15, deadline=None)
def test_blocks_of_voxels_do_not_matter(seed, size):
    data, shares, design = study(seed)
    whole = fit_voxelwise(data, shares, design, "welch")
    part = fit_voxelwise(data[:, :size], shares[:, :, :size], design, "welch")
    np.testing.assert_array_equal(part.t, whole.t[:size])


def test_an_f_contrast_is_refused():
    data, shares, _ = study(missing=False)
    model = designs.anova(list(np.repeat(["a", "b", "c"], (8, 7, 7))), ["a", "b", "c"])
    with pytest.raises(UserError, match="F test"):
        fit_voxelwise(data, shares, model)


def test_shapes_that_differ_are_refused():
    data, shares, design = study(missing=False)
    with pytest.raises(UserError, match="all must agree"):
        fit_voxelwise(data, shares[:, :, 1:], design)
