"""Reliability against Shrout & Fleiss's example, a mixed model and paired t."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.anova import anova_lm

from rt1t2_dask.stats.glm.reliability import DIFFERENCE, Reliability, reliability

# Shrout & Fleiss 1979, Table 2: six targets, four judges.
JUDGES = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)


def drawn(seed: int, people: int = 9, sessions: int = 2, places: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    own = rng.normal(1.5, 0.1, (people, 1, places))
    return (
        own + rng.normal(0, 0.05, (people, sessions, places)) + 0.03 * np.arange(sessions)[:, None]
    )


def frame(data: np.ndarray) -> pd.DataFrame:
    person, session = np.indices(data.shape)
    return pd.DataFrame({"y": data.ravel(), "person": person.ravel(), "session": session.ravel()})


def test_the_example_of_shrout_and_fleiss():
    found = reliability(JUDGES)
    assert round(float(found.icc), 2) == 0.71  # their Table 4
    # Package psych of R, ICC(JUDGES): ICC3 0.71, lower bound 0.34, upper bound 0.95.
    assert [round(float(end), 2) for end in (found.icc_low, found.icc_high)] == [0.34, 0.95]
    # Their Table 3: mean squares of judges 32.49 and of error 1.02, 3 and 15 degrees of freedom.
    assert float(found.change_p) == pytest.approx(stats.f.sf(32.4861 / 1.0194, 3, 15), rel=1e-3)
    assert float(found.change) == pytest.approx(-1.0, rel=1e-12)


@pytest.mark.parametrize("sessions", [2, 3])
def test_analysis_of_variance_and_mixed_model_agree(sessions):
    data = drawn(1, people=12, sessions=sessions, places=1)[..., 0]
    rows, found = frame(data), reliability(data)
    model = smf.mixedlm("y ~ C(session)", rows.assign(y=rows["y"] / 0.05), groups="person")
    mixed = model.fit(reml=True, method="powell")
    variance = float(mixed.cov_re.iloc[0, 0])
    assert float(found.icc) == pytest.approx(variance / (variance + mixed.scale), abs=1e-5)
    table = anova_lm(smf.ols("y ~ C(person) + C(session)", rows).fit())
    assert float(found.change_p) == pytest.approx(table.loc["C(session)", "PR(>F)"], rel=1e-9)
    within = anova_lm(smf.ols("y ~ C(person)", rows).fit()).loc["Residual", "mean_sq"]
    assert float(found.within_sd) == pytest.approx(np.sqrt(within), rel=1e-12)
    assert float(found.repeatability) == pytest.approx(1.96 * np.sqrt(2 * within), rel=1e-12)


def test_two_sessions_are_a_paired_t():
    data = drawn(2)
    found, paired = reliability(data), stats.ttest_rel(data[:, 1], data[:, 0])
    np.testing.assert_allclose(found.change_p, paired.pvalue, rtol=1e-9)
    difference = data[:, 1] - data[:, 0]
    np.testing.assert_allclose(found.change, difference.mean(axis=0), rtol=1e-9)
    # Bland & Altman 1996: the root of half the mean square of the differences.
    np.testing.assert_allclose(found.within_sd, np.sqrt((difference**2).mean(axis=0) / 2))
    np.testing.assert_allclose(found.repeatability / found.within_sd, 2.7719, atol=1e-4)


def test_people_without_a_session_are_left_out_place_by_place():
    data = drawn(3)
    data[4, 1, 2] = np.nan
    found, others = reliability(data), reliability(np.delete(data, 4, axis=0))
    assert found.n.tolist() == [9, 9, 8, 9, 9]
    for name in Reliability.__dataclass_fields__:
        assert getattr(found, name)[2] == pytest.approx(getattr(others, name)[2], rel=1e-12)
    data[2:, 1, 0] = np.nan
    few = reliability(data)
    assert few.n[0] == 2
    assert np.isnan([few.icc[0], few.within_sd[0], few.change_p[0], few.mean[0]]).all()
    with pytest.raises(ValueError, match="two sessions or more, got 1"):
        reliability(data[:, :1])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-5, 5))
def test_order_unit_and_a_common_change_keep_the_icc(seed, unit, change):
    data = drawn(seed)
    found = reliability(data)
    order = np.random.default_rng(seed).permutation(len(data))
    again = reliability((data[order] + change * np.arange(2)[:, None]) * unit)
    np.testing.assert_allclose(again.icc, found.icc, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(again.icc_low, found.icc_low, rtol=1e-6, atol=1e-7)
    sd = reliability(data[order] * unit).within_sd
    np.testing.assert_allclose(sd, unit * found.within_sd, rtol=1e-9)
    assert ((found.icc_low <= found.icc) & (found.icc <= found.icc_high)).all()
    assert (found.icc <= 1).all()


def test_a_change_raises_the_within_person_sd_and_not_the_icc():
    data = drawn(4)
    moved = data + np.array([0.0, 0.5])[:, None]
    np.testing.assert_allclose(reliability(moved).icc, reliability(data).icc, rtol=1e-9)
    assert (reliability(moved).within_sd > 4 * reliability(data).within_sd).all()
    assert pytest.approx(1.96 * 2**0.5) == DIFFERENCE


@given(st.integers(2, 4), st.integers(0, 100))
def test_copies_of_a_session_show_no_change(sessions, seed):
    people = np.random.default_rng(seed).normal(1.5, 0.1, (8, 1, 50))
    found = reliability(np.repeat(people, sessions, axis=1))
    assert np.isnan(found.change_p).all()
    assert (found.within_sd == 0).all()
    np.testing.assert_allclose(found.icc, 1.0)
