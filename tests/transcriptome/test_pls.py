"""SIMPLS through the Gram matrix against worked numbers and a plain second implementation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.transcriptome import pls
from rt1t2_dask.transcriptome.spins import spin_orders


def plain_simpls(x: np.ndarray, y: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """de Jong's algorithm as MATLAB's plsregress writes it, genes and all."""
    x0, y0 = x - x.mean(0), y - y.mean(0)
    cov = x0.T @ y0
    weights, explained, basis = [], [], np.zeros((x.shape[1], 0))
    for _ in range(k):
        r = np.linalg.svd(cov, full_matrices=False)[0][:, 0]
        score = x0 @ r
        norm = np.linalg.norm(score)
        score = score / norm
        load = x0.T @ score
        v = load - basis @ (basis.T @ load)
        v = v - basis @ (basis.T @ v)
        basis = np.column_stack([basis, v / np.linalg.norm(v)])
        weights.append(r / norm)
        explained.append(np.sum((y0.T @ score) ** 2) / np.sum(y0**2))
        cov = cov - basis @ (basis.T @ cov)
    return np.column_stack(weights), np.array(explained)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(6, 15))
def test_equals_the_algorithm_on_genes(seed, n_maps, n_regions):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n_regions, 40)), rng.normal(size=(n_regions, n_maps))
    found = pls.simpls(pls.gram_matrix(x), y, 3)
    weights, explained = plain_simpls(x, y, 3)
    ours = pls.gene_weights(x, found.coefficients)
    signs = np.sign(np.sum(ours * weights, axis=0))
    np.testing.assert_allclose(ours * signs, weights, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.explained, explained, atol=1e-9)
    np.testing.assert_allclose(found.scores.T @ found.scores, np.eye(3), atol=1e-8)


@pytest.mark.parametrize(
    "name",
    [
        "imt_test_input_cort",
        "imt_test_input_cortsub",
        "5HT1a_WAY_HC36_cortsub",
        "enigma_mdd_ct_cort",
    ],
)
def test_worked_numbers(case, name):
    known = case(name)
    gram = pls.gram_matrix(known.expression)
    found = pls.simpls(gram, known.values)
    expected = [known.summary["R2_1"], known.summary["R2_2"]]
    np.testing.assert_allclose(found.explained, expected, atol=1e-8)
    null = pls.explained_null(gram, known.values, known.spins)
    p = pls.spin_p(found.explained.cumsum(), null.cumsum(axis=1))
    expected_p = [known.summary["p_add1_1"], known.summary["p_add1_2"]]
    np.testing.assert_allclose(p, expected_p, atol=1e-9)
    ours = pls.gene_weights(known.expression, found.coefficients)
    for k in (0, 1):
        np.testing.assert_allclose(ours[:, k], known.genes[f"w{k + 1}"].astype(float), rtol=1e-5)


def test_bootstrap_is_over_regions_and_not_over_the_null(case):
    known = case("imt_test_input_cort")
    found = pls.bootstrap(known.expression, known.values, known.resamples)
    for k in (0, 1):
        expected = known.genes[f"boot_sd{k + 1}"].astype(float)
        np.testing.assert_allclose(found.deviation[:, k], expected, rtol=1e-5)
        over_null = known.genes[f"pkg_nullsd{k + 1}"].astype(float)
        assert np.median(over_null / found.deviation[:, k]) > 1.3


def test_several_maps_at_once_as_in_the_nspn_study(shared, expression):
    """Share of variance of the four NSPN maps, from the reference's own SIMPLS."""
    import json

    import pandas as pd

    folder = shared / "reference" / "transcriptomics" / "nspn_pls_published"
    maps = pd.read_csv(folder / "response_dk34.csv").iloc[:, 1:].to_numpy()
    x = pls.zscore(expression.values[:34])
    found = pls.simpls(pls.gram_matrix(x), pls.zscore(maps))
    expected = json.loads((folder / "concordance.json").read_text())["pctvar_y"]
    np.testing.assert_allclose(found.explained, expected, atol=1e-9)


def test_p_is_never_zero():
    assert pls.spin_p(np.array([1.0]), np.zeros((99, 1)))[0] == 0.01


def test_constant_genes_have_no_weight():
    x = pls.zscore(np.column_stack([np.ones(10), np.arange(10.0)]))
    weights = pls.gene_weights(x, pls.simpls(pls.gram_matrix(x), x[:, 1:], 1).coefficients)
    assert weights[0, 0] == 0
    assert weights[1, 0] > 0


@pytest.mark.parametrize("k", [1, 7, 100, 255, 257])
def test_first_k_of_n_spins_and_resamples_are_k_drawn_alone(k):
    """No bit of a null depends on how many were asked for."""
    rng = np.random.default_rng(0)
    places, left = rng.normal(size=(34, 3)), np.ones(34, bool)
    maps = pls.zscore(rng.normal(size=(34, 2)))
    gram = pls.gram_matrix(pls.zscore(rng.normal(size=(34, 200))))
    many, few = (spin_orders(places, left, n) for n in (600, k))
    np.testing.assert_array_equal(many[:k], few)
    nulls = [pls.explained_null(gram, maps, orders) for orders in (many, few)]
    np.testing.assert_array_equal(nulls[0][:k], nulls[1])
    drawn = [pls.resampled_regions(34, n, 0) for n in (600, k)]
    np.testing.assert_array_equal(drawn[0][:k], drawn[1])
