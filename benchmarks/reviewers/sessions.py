"""Sessions of the same people: the intraclass correlation against a mixed model, and its interval.

``icc_difference`` is the largest difference between our ICC(3,1) and that of statsmodels' variance
components (REML: person random, session fixed) over studies of 12 people in 2 or 3 sessions.
``icc_coverage`` is how often the 95 % interval holds the true ICC of .75, ``change_rate`` how
often p of a change is below .05 where there is none, ``group_by_session_rate`` the same of the
contrast of two groups, of 8 and 12 people, the smaller one varying more. SIMULATED DATA.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from nulls.figure import Figure, Value
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import minimize_scalar
from statsmodels.regression.mixed_linear_model import MixedLMParams

from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.glm.reliability import reliability
from rt1t2_dask.stats.pairs import paired_by_group

PEOPLE, FEWER, PLACES, ALPHA = 12, 8, 200, 0.05
PERSON_SD, SESSION_SD = 0.06, 0.06 / np.sqrt(3)  # an ICC of .75
ICC = PERSON_SD**2 / (PERSON_SD**2 + SESSION_SD**2)
MEAN, CHANGE = 1.5, 0.02
Float = NDArray[np.float64]


def measured(rng: np.random.Generator, sessions: int, places: int) -> Float:
    """Return measurements of people, shape (person, session, place), without a change."""
    person = rng.normal(MEAN, PERSON_SD, (PEOPLE, 1, places))
    return np.asarray(person + rng.normal(0, SESSION_SD, (PEOPLE, sessions, places)))


def by_mixed_model(data: Float) -> float:
    """Return the ICC of measurements, shape (person, session), by REML.

    The likelihood is statsmodels'; it is maximised here, since its own optimisers stop within 1e-5.
    """
    person, session = np.indices(data.shape)
    frame = pd.DataFrame(
        {"y": data.ravel() / data.std(), "person": person.ravel(), "session": session.ravel()}
    )
    model = smf.mixedlm("y ~ C(session)", frame, groups="person")
    model.reml, model.cov_pen, model.fe_pen = True, None, None
    fixed = np.zeros(data.shape[1])

    def unlikely(log_ratio: float) -> float:
        """Return minus the likelihood of a variance between people, over that within."""
        ratio = np.array([[np.exp(log_ratio)]])
        return -float(model.loglike(MixedLMParams.from_components(fixed, cov_re=ratio)))

    found = minimize_scalar(unlikely, bounds=(-25, 10), options={"xatol": 1e-9})
    ratio = float(np.exp(found.x))
    return ratio / (ratio + 1)


def oracle(rng: np.random.Generator) -> dict[str, Value]:
    """Return the largest difference of two ways to the same ICC, with 2 and 3 sessions."""
    apart = []
    for sessions in (2, 3):
        data = measured(rng, sessions, 1)[..., 0] + CHANGE * np.arange(sessions)
        # A negative ICC of the analysis of variance is 0 by REML.
        ours = max(float(reliability(data).icc), 0.0)
        apart.append(abs(ours - by_mixed_model(data)))
    return {"icc_difference": max(apart)}


def interval(rng: np.random.Generator) -> dict[str, Value]:
    """Return coverage of the interval, and how often a change is found that is none."""
    found = reliability(measured(rng, 2, PLACES))
    holds = (found.icc_low <= ICC) & (found.icc_high >= ICC)
    return {
        "icc_coverage": float(holds.mean()),
        "change_rate": float((found.change_p < ALPHA).mean()),
    }


def group_by_session(rng: np.random.Generator) -> dict[str, Value]:
    """Return how often group by session is found where neither group changes."""
    few = measured(rng, 2, PLACES)[:FEWER] + rng.normal(0, SESSION_SD, (FEWER, 2, PLACES))
    data = np.concatenate([few, measured(rng, 2, PLACES)]).reshape(-1, PLACES)
    people = np.repeat(np.arange(FEWER + PEOPLE), 2).tolist()
    groups = ["few"] * (2 * FEWER) + ["many"] * (2 * PEOPLE)
    sessions = ["1", "2"] * (FEWER + PEOPLE)
    design = paired_by_group(sessions, "2", "1", people, None, groups, ("few", "many"))
    found = fit(design.observed(data), design, "welch")
    p = 2 * stats.t.sf(np.abs(found.effect / found.se), found.dof)
    return {"group_by_session_rate": float((p < ALPHA).mean())}


FIGURES: dict[str, Figure] = {
    "sessions_oracle": Figure(50, oracle, {"icc_difference": (None, 1e-6)}),
    "sessions_interval": Figure(
        100, interval, {"icc_coverage": (0.94, 0.96), "change_rate": (0.04, 0.06)}
    ),
    "sessions_groups": Figure(100, group_by_session, {"group_by_session_rate": (0.04, 0.06)}),
}
