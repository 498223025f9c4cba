"""Designs of one group, pairs, several groups, a score and formulas, and those refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import contrast, designs
from rt1t2_dask.stats.formula import from_formula
from rt1t2_dask.stats.glm import fit as glm

LABELS = ["a"] * 8 + ["b"] * 9 + ["c"] * 10


@pytest.fixture
def people() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = len(LABELS)
    return pd.DataFrame(
        {
            "group": LABELS,
            "age": rng.normal(60, 10, n),
            "sex": rng.choice(["F", "M"], n),
            "pain": rng.normal(5, 2, n),
        }
    )


@pytest.fixture
def maps() -> np.ndarray:
    return np.random.default_rng(5).normal(1.5, 0.1, (len(LABELS), 30))


def test_one_sample_is_scipys(maps):
    design = designs.one_sample(LABELS, "b")
    result = glm.fit(design.observed(maps), design)
    np.testing.assert_allclose(result.t, stats.ttest_1samp(maps[8:17], 0).statistic, rtol=1e-9)
    assert design.flips


def test_pairs_are_scipys_and_follow_the_pair_column(maps):
    labels = ["a", "b"] * 13 + ["b"]
    pair = [f"p{k // 2}" for k in range(26)] + ["alone"]
    design = designs.paired(labels, "a", "b", pair)
    result = glm.fit(design.observed(maps), design)
    expected = stats.ttest_rel(maps[0:26:2], maps[1:26:2]).statistic
    np.testing.assert_allclose(result.t, expected, rtol=1e-9)
    assert design.n == 13


def test_slope_is_statsmodels(maps, people):
    design = designs.regression(LABELS, ["c"], people["pain"], people[["age", "sex"]])
    result = glm.fit(design.observed(maps), design)
    inside = people[people["group"] == "c"]
    for v in range(5):
        fitted = smf.ols("y ~ pain + age + sex", inside.assign(y=maps[17:, v])).fit()
        np.testing.assert_allclose(result.t[v], fitted.tvalues["pain"], rtol=1e-9)
        np.testing.assert_allclose(result.effect[v], fitted.params["pain"], rtol=1e-9)


def test_weights_of_a_formula_are_statsmodels(maps, people):
    rows = np.arange(len(people))
    weights = {"group[b]:age": 1.0, "group[c]:age": -1.0}
    design = from_formula(
        "~ group * age + sex", people[["group", "age", "sex"]], rows, weights=weights
    )
    result = glm.fit(design.observed(maps), design)
    for v in range(5):
        fitted = smf.ols("y ~ group * age + sex", people.assign(y=maps[:, v])).fit()
        expected = fitted.t_test("group[T.b]:age - group[T.c]:age = 0").tvalue.item()
        np.testing.assert_allclose(result.t[v], expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("formula", "tested", "message"),
    [
        ("~ group *", {"of": "group"}, "cannot be read"),
        ("~ group", {"of": "age"}, "no term"),
        ("~ group", {"weights": {"group[x]": 1}}, "columns? 'group"),
        ("~ group", {"weights": {"group[b]": 0.0}}, "zero"),
        ("~ group + age + twice", {"of": "age"}, "combination"),
    ],
)
def test_formulas_that_are_refused(people, formula, tested, message):
    table = people[["group", "age"]].assign(twice=2 * people["age"])
    with pytest.raises(UserError, match=message):
        from_formula(formula, table, np.arange(len(people)), **tested)


@pytest.mark.parametrize("variance", ["welch", "spm_unequal"])
def test_one_group_has_one_variance(maps, people, variance):
    for design in (
        designs.one_sample(LABELS, "b"),
        designs.regression(LABELS, ["c"], people["pain"]),
    ):
        found = contrast(maps, design, variance)
        np.testing.assert_allclose(found["t"], contrast(maps, design)["t"], rtol=1e-12)
        assert np.all(found["dof"] == design.dof)


def test_designs_that_are_refused(people):
    with pytest.raises(UserError, match="fewer than 2 residual"):
        designs.paired(["a", "b"] * 2, "a", "b", [1, 1, 2, 2])
    with pytest.raises(UserError, match="three or more"):
        designs.anova(LABELS, ["a", "b"])
    with pytest.raises(UserError, match="'a' twice"):
        designs.paired(["a", "a", "b"], "a", "b", [1, 1, 1])
    with pytest.raises(UserError, match="0 pairs"):
        designs.paired(["a", "b"], "a", "b", [1, 2])
    with pytest.raises(UserError, match="missing for 1 of 8"):
        designs.regression(LABELS, ["a"], people["pain"].where(people.index != 3))
