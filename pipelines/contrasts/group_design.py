"""Build designs and descriptions from contrasts of the cohort file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from rt1t2_dask.config.contrasts import (
    Anova,
    Form,
    Formula,
    GroupBySession,
    OneSample,
    Ordered,
    Paired,
    Regression,
    Sessions,
    TwoSample,
)
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.images.names import OF_GAIN
from rt1t2_dask.pipelines.people.kinds import PERSON, SESSION
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.stats import designs
from rt1t2_dask.stats.covariates import require_values
from rt1t2_dask.stats.design import Design, two_sample
from rt1t2_dask.stats.formula import GROUP, from_formula
from rt1t2_dask.stats.pairs import paired_by_group

# Column names of every design and of its table.
OWN_COLUMNS = (
    *("mean", "difference", "row", "group"),
    *("participant_id", "partner", "person", "session"),
)


@dataclass(frozen=True)
class Words:
    """The title of a contrast, and the meaning of positive and negative t (empty for F)."""

    title: str
    positive: str = ""
    negative: str = ""


def build(form: Form, people: pd.DataFrame, reference: str) -> Design:
    """Build the design of a contrast.

    Parameters
    ----------
    form : Form
        With its covariates.
    people : DataFrame
        From `rt1t2_dask.pipelines.people.table.read_people`; rows of the design index it.
    reference : str
        The control group.

    Raises
    ------
    UserError
        The design cannot be estimated with these people.
    """
    if form.session is None or PERSON not in people:
        return _built(form, people, reference)
    rows = np.flatnonzero((people[SESSION] == form.session).to_numpy())
    design = _built(form, people.iloc[rows].reset_index(drop=True), reference)
    partner = None if design.partner is None else rows[design.partner]
    return replace(design, rows=rows[design.rows], partner=partner)


def _built(form: Form, people: pd.DataFrame, reference: str) -> Design:
    """Build the design of a contrast of all people at hand."""
    groups, labels = people["group"].tolist(), people["participant_id"].tolist()
    names = form.covariates or ()
    covariates = pd.DataFrame({n: people[COVARIATE + n] for n in names}) if names else None
    match form:
        case Sessions() | GroupBySession():
            design = _of_sessions(form, people, covariates)
        case Paired():
            pair = _pairs(form, people)
            design = designs.paired(groups, *form.groups, pair, covariates, participants=labels)
        case TwoSample():
            design = two_sample(groups, *form.groups, covariates, participants=labels)
        case OneSample():
            design = designs.one_sample(groups, form.group, covariates, participants=labels)
        case Anova():
            design = designs.anova(groups, form.groups, covariates, participants=labels)
        case Ordered():
            how = groups, form.groups, form.scores, covariates
            design = designs.ordered(*how, participants=labels)
        case Regression():
            design = _regression(form, people, covariates)
        case Formula():
            design = _formula(form, people, reference)
        case _:
            raise TypeError(f"no design is known for {type(form).__name__}")
    return _with_blocks(_apart(design, form), form, people)


def _apart(design: Design, form: Form) -> Design:
    """Rename covariates whose names are used by the design or its table."""
    n = 0 if isinstance(form, Formula) else 1
    n = len(set(design.group)) if isinstance(form, Anova | Ordered | Regression) else n
    n = 2 if type(form) in (TwoSample, GroupBySession) else n
    own, more = design.names[:n], design.names[n:]
    taken = {*own, *OWN_COLUMNS}
    return replace(design, names=(*own, *(own_name(name, taken) for name in more)))


def own_name(name: str, taken: Collection[str] = ()) -> str:
    """Return the column name of a covariate, marked where its name is taken."""
    return f"{COVARIATE}{name}" if name in taken or OF_GAIN.fullmatch(name) else name


def _of_sessions(
    form: Sessions | GroupBySession, people: pd.DataFrame, covariates: pd.DataFrame | None
) -> Design:
    """Subtract the second session from the first within people; compare groups if these are two."""
    members = people["group"].isin(form.members or people["group"].unique())
    sessions = people[SESSION].where(members, "").tolist()
    labels = people["participant_id"].tolist()
    about = sessions, *form.sessions, people[PERSON].tolist(), covariates
    if isinstance(form, Sessions):
        return designs.paired(*about, participants=labels)
    groups = people["group"].tolist()
    return paired_by_group(*about, groups, form.groups, participants=labels)


def _regression(form: Regression, people: pd.DataFrame, covariates: pd.DataFrame | None) -> Design:
    score = people[COVARIATE + form.of].rename(form.of)
    if not pd.api.types.is_numeric_dtype(score):
        raise UserError(f"regression of {form.of}: its values are not all numbers.")
    groups, labels = people["group"].tolist(), people["participant_id"].tolist()
    within = form.within or tuple(dict.fromkeys(groups))
    return designs.regression(groups, within, score, covariates, participants=labels)


def _formula(form: Formula, people: pd.DataFrame, reference: str) -> Design:
    variables = pd.DataFrame(
        {GROUP: people["group"]} | {name: people[COVARIATE + name] for name in form.variables}
    )
    chosen = people["group"].isin(form.groups or people["group"].unique())
    return from_formula(
        form.formula,
        variables,
        np.flatnonzero(chosen.to_numpy()),
        weights=form.weights,
        of=form.of,
        reference=reference,
        participants=people["participant_id"].tolist(),
    )


def _pairs(form: Paired, people: pd.DataFrame) -> list[str]:
    """Return the pair of each person; required for people in the contrast."""
    pair, labels = people[COVARIATE + form.pair], people["participant_id"].tolist()
    rows = np.flatnonzero(people["group"].isin(form.groups).to_numpy())
    require_values(pair.iloc[rows], form.pair, rows, labels, "pair")
    return [str(name) for name in pair]


def _with_blocks(design: Design, form: Form, people: pd.DataFrame) -> Design:
    if form.block is None:
        return design
    blocks = people[COVARIATE + form.block].iloc[design.rows]
    require_values(blocks, form.block, design.rows, people["participant_id"].tolist(), "block")
    return replace(design, blocks=blocks.astype(str).to_numpy(np.str_))


def words(form: Form) -> Words:
    """Describe a contrast."""
    match form:
        case TwoSample():
            first, second = form.groups
            within = " within pairs" if isinstance(form, Paired) else ""
            named = Words(f"{first} versus {second}{within}", f"{first} higher", f"{first} lower")
        case Sessions():
            later, earlier = form.sessions
            within = f" of {', '.join(form.groups)}" if form.groups else ""
            title = f"session {later} versus session {earlier} within people{within}"
            named = Words(title, f"session {later} higher", f"session {later} lower")
        case GroupBySession():
            (later, earlier), (first, second) = form.sessions, form.groups
            title = f"{first} versus {second} in session {later} minus session {earlier}"
            named = Words(title, f"difference higher in {first}", f"difference lower in {first}")
        case OneSample():
            value = "zero" if not form.value else f"{form.value:g}"
            title = f"mean of {form.group} against {value}"
            named = Words(title, f"above {value}", f"below {value}")
        case Anova():
            named = Words(f"any difference between {', '.join(form.groups)}")
        case Ordered():
            ends = f"from {form.groups[0]} to {form.groups[-1]}"
            title = f"linear trend over {', '.join(form.groups)}"
            named = Words(title, f"rises {ends}", f"falls {ends}")
        case Regression():
            within = f" within {', '.join(form.within)}" if form.within else ""
            named = Words(
                f"slope on {form.of}{within}", f"rises with {form.of}", f"falls with {form.of}"
            )
        case Formula():
            named = _formula_words(form)
        case _:
            named = Words(form.__class__.__name__)
    of = f" in session {form.session}" if form.session else ""
    adjusted = f", adjusted for {', '.join(form.covariates)}" if form.covariates else ""
    return replace(named, title=named.title + of + adjusted)


def _formula_words(form: Formula) -> Words:
    if isinstance(form.weights, dict):
        text = " ".join(f"{weight:+g} {name}" for name, weight in form.weights.items())
        return Words(f"{text} in {form.formula}", "positive", "negative")
    what = form.of or f"{len(form.weights or ())} rows of weights"
    return Words(f"{what} in {form.formula}", "positive", "negative")
