"""Enrichment of gene sets, and lists of genes with their known faults."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask import assets
from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.transcriptome import enrichment, pls
from rt1t2_dask.transcriptome.expression import positions, read_expression, read_gmt


def plain_score(statistic: np.ndarray, members: np.ndarray) -> float:
    """The running sum of Subramanian et al. 2005, as the reference computes it."""
    order = np.argsort(-statistic, kind="stable")
    hit = np.isin(order, members)
    strength = np.abs(statistic[order])
    run = np.cumsum(hit * strength / strength[hit].sum() - ~hit / (~hit).sum())
    return float(run.max() if run.max() >= -run.min() - 1e-12 else run.min())


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_one_walk_equals_one_walk_a_set(seed):
    rng = np.random.default_rng(seed)
    statistic = rng.normal(size=60)
    sets = [rng.choice(60, size, replace=False) for size in (5, 6, 20)]
    score, median = enrichment.running_sum(statistic, enrichment.membership(sets, 60))
    assert np.allclose(score, [plain_score(statistic, s) for s in sets], atol=1e-12)
    rank = np.argsort(np.argsort(statistic)) / 59
    assert np.allclose(median, [np.median(rank[s]) for s in sets])
    turned, reverse = enrichment.running_sum(-statistic, enrichment.membership(sets, 60))
    assert np.allclose(reverse, 1 - median)
    assert np.allclose(np.abs(turned), np.abs(score), atol=1e-12)


def test_null_is_counted_by_sign():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(12, 50)), rng.normal(size=12)
    sets = [rng.choice(50, 8, replace=False) for _ in range(3)]
    orders = np.array([rng.permutation(12) for _ in range(150)])
    members = enrichment.membership(sets, 50)
    found = enrichment.enrich(y @ x, members, lambda block: y[orders[block]] @ x, 150)
    for k, own in enumerate(sets):
        null = np.array([plain_score(y[o] @ x, own) for o in orders])
        same = null[np.sign(null) == np.sign(found.score[k])]
        reached = np.sum(np.abs(same) >= abs(found.score[k]) - 1e-12)
        assert found.p[k] == (reached + 1) / (len(same) + 1)
        assert found.normalised[k] == pytest.approx(found.score[k] / np.abs(same).mean())


def test_worked_scores(case, expression):
    """gseapy's scores (7 digits), which drops repeated names; weights are centred there."""
    known = case("imt_test_input_cortsub")
    gram = pls.gram_matrix(known.expression)
    weights = pls.gene_weights(known.expression, pls.simpls(gram, known.values).coefficients)[:, 0]
    kept = ~known.genes["gene"].duplicated().to_numpy()
    place = {name: k for k, name in enumerate(known.genes["gene"][kept])}
    expected = pd.read_csv(known.folder / "gsea_es.csv")
    sets = {}
    for name in ("gene_sets_pooled", "gene_sets_go_pain"):
        sets |= read_gmt(assets.read(assets.resolve(name)), name)
    by_term = {label.rsplit("(")[-1].rstrip(")"): own for label, own in sets.items()}
    chosen = [
        np.array([place[g] for g in by_term[term] if g in place]) for term in expected["term"]
    ]
    assert [len(rows) for rows in chosen] == expected["matched"].tolist()
    centred = weights[kept] - weights[kept].mean()
    score, _ = enrichment.running_sum(centred, enrichment.membership(chosen, len(centred)))
    np.testing.assert_allclose(score, expected["es_gseapy_w1"], atol=6e-8)
    ours = [plain_score(centred, rows) for rows in chosen]
    np.testing.assert_allclose(score, ours, atol=1e-12)


def table(header: str, rows: list[str]) -> bytes:
    return "\n".join([header, *rows]).encode()


def test_names_are_whole_and_dates_come_back_only_where_sure():
    found = read_expression(
        table(
            "label,Region,ANKRD20A4-ANKRD20A20P,Sep-02,1-Mar,3-Mar,Mar-01", ["1,L_insula,1,2,3,4,5"]
        ),
        "table",
    )
    assert found.genes == ("ANKRD20A4-ANKRD20A20P", "SEPT2", "1-Mar", "MARCH3", "Mar-01")
    assert found.restored == ("SEPT2", "MARCH3")
    assert found.ambiguous == ("1-Mar", "Mar-01")
    assert found.regions == ("lh_insula",)
    matched, small = positions({"a": ("SEPTIN2", "1-Mar", "MARCHF3")}, found)
    assert not matched
    assert small == ("a",)


def test_the_installed_table_has_whole_names(expression):
    assert len(expression.genes) == 15_633
    assert sum(len(gene) > 8 for gene in expression.genes) > 700
    assert len(expression.restored) == 19
    assert len(expression.ambiguous) == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Region,A\nL_insula,x\n", "1 cells are not numbers"),
        (b"Region,A\nL_insula,1\nlh_insula,2\n", "a region has two rows"),
        (b"A,B\n1,2\n", "no column holds region names"),
    ],
)
def test_bad_tables_are_refused(content, said):
    with pytest.raises(UserError, match=said):
        read_expression(gzip.compress(content), "expression.csv.gz")


def test_bad_sets_are_refused():
    with pytest.raises(UserError, match="line 2 repeats the set a"):
        read_gmt(b"a\tNA\tX\tY\na\tNA\tX\n", "sets.gmt")
    with pytest.raises(UserError, match="line 1 names no genes"):
        read_gmt(b"a\tNA\n", "sets.gmt")


def test_fdr_does_not_depend_on_the_order_of_p():
    p = np.array([0.04, 0.001, 0.03, 0.2])
    assert np.allclose(benjamini_hochberg(p), [0.16 / 3, 0.004, 0.16 / 3, 0.2])
