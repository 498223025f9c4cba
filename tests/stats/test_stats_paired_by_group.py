"""Group by session on subtracted maps: the interaction of a model with everybody's own column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.pairs import paired_by_group

PEOPLE = [f"p{k}" for k in range(11)]
GROUP = ["pat"] * 5 + ["hc"] * 6


def rows() -> pd.DataFrame:
    """Return both sessions of everybody, in no order, without the second of the last patient."""
    both = [(p, g, s) for p, g in zip(PEOPLE, GROUP, strict=True) for s in ("1", "2")]
    frame = pd.DataFrame(both, columns=["person", "group", "session"])
    frame = frame[~((frame["person"] == "p4") & (frame["session"] == "2"))]
    frame = frame.sample(frac=1, random_state=3).reset_index(drop=True)
    rng = np.random.default_rng(5)
    own = dict(zip(PEOPLE, rng.normal(0, 3, 11), strict=True))
    return frame.assign(y=frame["person"].map(own) + rng.normal(size=len(frame)))


def design(frame: pd.DataFrame, covariates: pd.DataFrame | None = None):
    pair, groups = frame["person"].tolist(), frame["group"].tolist()
    about = frame["session"].tolist(), "2", "1", pair, covariates, groups, ("pat", "hc")
    return paired_by_group(*about)


def test_t_is_that_of_the_interaction():
    frame = rows()
    made = design(frame)
    assert (made.n, made.flips, made.groups) == (10, False, tuple(dict.fromkeys(made.group)))
    found = fit(made.observed(frame[["y"]].to_numpy()), made, "equal")
    kept = frame[frame["person"] != "p4"]
    assert found.t[0] == pytest.approx(interaction_t(kept), rel=1e-9)
    # 20 maps, less 10 people, less one column of the session and one of the interaction.
    assert found.residual_dof == 8


def interaction_t(frame: pd.DataFrame) -> float:
    """Return t of group by session, by least squares on a column a person."""
    person = pd.get_dummies(frame["person"]).to_numpy(float)
    later = (frame["session"] == "2").to_numpy(float)
    patient = (frame["group"] == "pat").to_numpy(float)
    matrix = np.column_stack([person, later, later * patient])
    solved, rest, *_ = np.linalg.lstsq(matrix, frame["y"].to_numpy(), rcond=None)
    variance = rest[0] / (len(frame) - matrix.shape[1])
    return float(solved[-1] / np.sqrt(variance * np.linalg.inv(matrix.T @ matrix)[-1, -1]))


def test_welch_is_that_of_differences():
    frame = rows()
    made = design(frame)
    found = fit(made.observed(frame[["y"]].to_numpy()), made, "welch")
    wide = frame.pivot_table(index="person", columns="session", values="y").dropna()
    change = wide["2"] - wide["1"]
    groups = frame.drop_duplicates("person").set_index("person")["group"].reindex(change.index)
    expected = stats.ttest_ind(change[groups == "pat"], change[groups == "hc"], equal_var=False)
    assert found.t[0] == pytest.approx(expected.statistic, rel=1e-9)


def test_a_session_twice_and_too_few_people_are_refused():
    frame = rows()
    twice = pd.concat([frame, frame.iloc[:1]], ignore_index=True)
    with pytest.raises(UserError, match="twice; each pair needs it once"):
        design(twice)
    lone = frame[~frame["person"].isin(["p1", "p2", "p3"])].reset_index(drop=True)
    with pytest.raises(UserError, match="group 'pat' has 1 participants"):
        design(lone)
