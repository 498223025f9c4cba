"""Groups in an order: the trend against statsmodels, neighbours together, left-out effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats import contrast, ordered, permutation_test
from rt1t2_dask.stats.order.left_out import by_group, left_out_effect, mean_over, without
from rt1t2_dask.stats.order.neighbours import (
    largest_p,
    neighbour_weights,
    smallest,
    together,
    trend_weights,
)

GROUPS = ("c", "a", "b")
LABELS = ["a"] * 6 + ["c"] * 9 + ["b"] * 5
MODEL = "y ~ 0 + C(group, levels=['c', 'a', 'b']) + age + sex"


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(5)
    n = len(LABELS)
    sex = ["F", "M"] * (n // 2)
    table = pd.DataFrame({"age": rng.normal(60, 9, n), "sex": sex})
    maps = (
        rng.normal(1.5, 0.1, (n, 30)) + 0.05 * np.array([GROUPS.index(g) for g in LABELS])[:, None]
    )
    return maps + 0.003 * table["age"].to_numpy()[:, None], table


def fitted(y, table):
    return smf.ols(MODEL, table.assign(y=y, group=LABELS)).fit()


@pytest.mark.parametrize("scores", [None, (0.0, 1.0, 4.0)])
def test_the_trend_is_that_of_statsmodels(study, scores):
    maps, table = study
    found = contrast(maps, ordered(LABELS, GROUPS, scores, table))
    places = np.array([0, 1, 2] if scores is None else scores, float)
    weights = (places - places.mean()) / ((places - places.mean()) ** 2).sum()
    for v in range(0, 30, 7):
        test = fitted(maps[:, v], table).t_test(np.r_[weights * np.ptp(places), 0, 0])
        assert float(found["t"][v]) == pytest.approx(test.tvalue.item(), rel=1e-9)
        assert float(found["effect"][v]) == pytest.approx(test.effect.item(), rel=1e-9)


def test_without_covariates_welch_is_the_weighted_sum_of_means(study):
    maps, _ = study
    found = contrast(maps, ordered(LABELS, GROUPS, (1, 2, 5)), "welch")
    weights = trend_weights((1, 2, 5))
    own = [maps[np.array(LABELS) == g] for g in GROUPS]
    parts = [w**2 * x.var(axis=0, ddof=1) / len(x) for w, x in zip(weights, own, strict=True)]
    effect = sum(w * x.mean(axis=0) for w, x in zip(weights, own, strict=True))
    spread = sum(p**2 / (len(x) - 1) for p, x in zip(parts, own, strict=True))
    np.testing.assert_allclose(found["t"], effect / np.sqrt(sum(parts)), rtol=1e-9)
    np.testing.assert_allclose(found["dof"], sum(parts) ** 2 / spread, rtol=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=6, unique=True))
def test_the_effect_is_the_rise_of_the_fitted_line(values):
    scores = np.cumsum(0.1 + np.abs(values))
    means = np.random.default_rng(len(values)).normal(size=len(values))
    slope = np.polyfit(scores, means, 1)[0]
    weights = trend_weights(scores)
    assert weights @ means == pytest.approx(slope * np.ptp(scores), abs=1e-6)
    assert weights.sum() == pytest.approx(0, abs=1e-9)


def test_neighbours_are_differences_in_the_model_of_all_groups(study):
    maps, table = study
    design = ordered(LABELS, GROUPS, None, table)
    first, second = neighbour_weights(3, len(design.names))
    for weights, row in ((first, [-1, 1, 0, 0, 0]), (second, [0, -1, 1, 0, 0])):
        found = contrast(maps, replace(design, contrast=weights))
        test = fitted(maps[:, 4], table).t_test(np.array(row, float))
        assert float(found["t"][4]) == pytest.approx(test.tvalue.item(), rel=1e-9)


WITH_GAPS = st.floats(-6, 6) | st.just(float("nan"))


@given(
    arrays(np.float64, (3, 4), elements=WITH_GAPS),
    arrays(np.float64, (3, 4), elements=st.floats(0, 1)),
    st.sampled_from(["rising", "falling", "either"]),
)
def test_neighbours_together_are_as_defined(t, p, direction):
    least, joint, alike = smallest(t, direction), largest_p(p, t, direction), together(t, direction)
    for v in range(4):
        own = t[:, v].tolist()
        if any(np.isnan(own)):
            assert np.isnan(least[v]) and np.isnan(joint[v]) and not alike[v]
            continue
        ways = {"rising": min(own), "falling": -min(-x for x in own)}
        rises, falls = ways["rising"] > 0, ways["falling"] < 0
        if direction == "either":
            wanted = ways["rising"] if rises else ways["falling"] if falls else 0.0
        else:
            wanted = ways[direction]
        yes = {"rising": rises, "falling": falls, "either": rises or falls}[direction]
        assert least[v] == wanted
        assert alike[v] == yes
        assert joint[v] == (max(p[:, v]) if yes else 1.0)


def test_it_has_its_level_where_one_pair_is_alike():
    """Two-sided p and one direction by far: half the level; where all are alike, far less."""
    rng = np.random.default_rng(1)
    means = rng.normal(size=(3, 200_000)) / np.sqrt([[18], [15], [11]])
    for shift, most in ((50.0, 0.026), (0.0, 0.002)):
        moved = means + np.array([[0], [0], [shift]])
        z = np.diff(moved, axis=0) / np.sqrt([[1 / 18 + 1 / 15], [1 / 15 + 1 / 11]])
        assert (largest_p(2 * stats.norm.sf(np.abs(z)), z, "either") <= 0.05).mean() < most


def test_family_wise_p_is_the_largest_of_the_neighbours(study):
    maps, table = study
    design = ordered(LABELS, GROUPS, None, table)
    each = [
        permutation_test(maps, replace(design, contrast=w), 99, variance="welch")
        for w in neighbour_weights(3, len(design.names))
    ]
    t, p = (np.stack([own[name] for own in each]) for name in ("statistic", "p_fwe"))
    joint = largest_p(p, t, "rising")
    for v in range(30):
        assert joint[v] == (max(p[0, v], p[1, v]) if min(t[0, v], t[1, v]) > 0 else 1)


def test_the_order_of_people_does_not_matter(study):
    maps, table = study
    order = np.random.default_rng(2).permutation(len(LABELS))
    labels = [LABELS[k] for k in order]
    one = ordered(LABELS, GROUPS, None, table)
    other = ordered(labels, GROUPS, None, table.iloc[order].reset_index(drop=True))
    for variance in ("equal", "welch"):
        found = [contrast(m, d, variance)["t"] for m, d in ((maps, one), (maps[order], other))]
        np.testing.assert_allclose(*found, rtol=1e-9)
    whole = left_out_effect(maps[:, 0], one, int(order[3]))
    np.testing.assert_allclose(whole, left_out_effect(maps[order, 0], other, 3), rtol=1e-9)


def test_an_effect_left_out_is_that_of_a_refit_without_the_person(study):
    maps, table = study
    design, y = ordered(LABELS, GROUPS, None, table), maps[:, 0]
    people = table.assign(y=y, group=LABELS, male=(table["sex"] == "M") * 1.0)
    for k in (0, 7, 19):
        others = people.drop(index=k)
        fit = smf.ols("y ~ 0 + group + age + male", others).fit()
        slopes = fit.params[["age", "male"]].to_numpy()
        centred = people[["age", "male"]] - people[["age", "male"]].mean()
        adjusted = y - centred.to_numpy() @ slopes
        everybody = np.append(np.delete(adjusted, k), adjusted[k]).mean()
        effect, mean = left_out_effect(y, design, k)
        assert mean == pytest.approx(everybody, rel=1e-9)
        assert effect == pytest.approx(adjusted[k] - everybody, rel=1e-9)


def test_without_covariates_it_is_the_distance_from_everybodys_mean(study):
    y = study[0][:, 3].copy()
    design = ordered(LABELS, GROUPS)
    assert left_out_effect(y, design, 4)[0] == pytest.approx(y[4] - y.mean())
    y[5] = np.nan
    assert left_out_effect(y, design, 4)[0] == pytest.approx(y[4] - np.nanmean(y))
    assert np.isnan(left_out_effect(y, design, 5)).all()


def test_who_alone_carries_a_column_cannot_be_left_out(study):
    _, table = study
    site = ["x", *["y"] * 19]
    design = ordered(LABELS, GROUPS, None, table.assign(site=site))
    assert without(design, 0) is None
    left = without(design, 1)
    assert left is not None and left.n == 19
    assert np.isnan(left_out_effect(study[0][:, 0], design, 0)).all()


def test_intervals_are_students(study):
    y = study[0][:, 0].copy()
    y[0] = np.nan
    rows = by_group(y, LABELS, GROUPS).set_index("group")
    for name in GROUPS:
        own = y[np.array(LABELS) == name]
        own = own[np.isfinite(own)]
        wanted = stats.t.interval(0.95, len(own) - 1, own.mean(), stats.sem(own))
        np.testing.assert_allclose(rows.loc[name, ["ci_low", "ci_high"]].astype(float), wanted)
        assert rows.loc[name, "n"] == len(own)
    alone = by_group(np.array([1.0]), ["a"], ["a", "b"])
    assert alone["n"].tolist() == [1, 0]
    assert alone[["ci_low", "ci_high"]].isna().all(axis=None)


def test_a_mean_over_less_than_half_is_none():
    values = np.array([1, 2, np.nan, np.nan, np.nan], np.float32)
    assert mean_over(values, np.array([0, 1, 2, 3])) == 1.5
    assert np.isnan(mean_over(values, np.array([0, 2, 3])))
    assert np.isnan(mean_over(values, np.array([], np.intp)))


@pytest.mark.parametrize(
    ("groups", "scores", "message"),
    [
        (("a", "b"), None, "three or more"),
        (("a", "b", "a"), None, "each once"),
        (GROUPS, (1, 2), "2 scores for 3 groups"),
        (GROUPS, (1, 2, 2), "do not increase"),
        (("a", "b", "nobody"), None, "'nobody' has 0 participants"),
    ],
)
def test_what_is_no_order_is_refused(groups, scores, message):
    with pytest.raises(UserError, match=message):
        ordered(LABELS, groups, scores)
