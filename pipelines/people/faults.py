"""Errors in a participants table, one line each."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from rt1t2_dask import sex, tabular
from rt1t2_dask.bids import participants as bids
from rt1t2_dask.bids.labels import with_similar
from rt1t2_dask.config.image_numbers import IMAGE_NUMBERS, LEVELS
from rt1t2_dask.config.study import Cohort
from rt1t2_dask.errors import UserError
from rt1t2_dask.naming import names_together, words
from rt1t2_dask.pipelines.people.kinds import (
    column_of,
    columns_of,
    excluded,
    is_text,
    kind,
    listed_out,
    members,
    persons_of,
)
from rt1t2_dask.stats.covariates import require_values
from rt1t2_dask.yaml_values import as_yaml

AS_TEXT = ", or list the column in cohort.categorical if it is text"
SEX_CODES = (
    'define them in participants.json, such as {"sex": {"Levels": {"1": "male", '
    '"2": "female"}}}, or list the column in cohort.categorical'
)
# The longest documented life is 122 years; 999 and the like mean missing.
OLDEST = 122.0
AGE = re.compile(
    r"age([_ ]?(at|in|of|years?|yrs?|y|scan|mri|visit|baseline|bl|test|inclusion|onset).*)?",
    re.IGNORECASE,
)
NO_YEARS = re.compile(r"month|day|week|group|categ|bin|diff|gap|cent[er]|scaled", re.IGNORECASE)
# Transformed ages have no range: centred, scaled, squared, residuals.
DERIVED = frozenset(
    (
        "c", "cen", "z", "zscore", "std", "stand", "standardised", "standardized", "norm", "normed",
        "normalised", "normalized", "mc", "gmc", "demeaned", "sd", "sq", "sqr", "squared", "square",
        "quad", "quadratic", "cub", "cubed", "cubic", "poly", "log", "ln", "sqrt", "inv", "rank",
        "resid", "residual", "residuals", "dev", "delta", "scale", "spline", "x", "by",
    )
)  # fmt: skip
SQUARED = re.compile(r"(y|years?|yrs?|age|\^|\*\*)_?[23]$", re.IGNORECASE)
BETWEEN = re.compile(r"(?<!\d)[\s_\"']+|[\s_\"']+(?!\d)|(?<=[^\W\d])-(?=\w)|(?<=\w)-(?=[^\W\d])")
ZEROS = re.compile(r"(?<![.,\d])0*(\d+)(\.0+)?(?!\d)")


def people_faults(rows: pd.DataFrame, cohort: Cohort, every_group: bool = True) -> list[str]:
    """List all errors in a participants table, one line each."""
    faults = []
    if cohort.group_column in rows:
        faults += _member_faults(rows, cohort) if every_group else []
        faults += _nearly_members(rows, cohort)
    else:
        faults.append(
            f"{cohort.participants} has no column {cohort.group_column} "
            f"(cohort.group_column); it has {columns_of(rows)}."
        )
    named = {column: "the contrasts use" for column in cohort.columns}
    named |= {column: "cohort.scores names" for column in cohort.scores}
    named |= {c: "cohort.categorical uses" for c in cohort.categorical if c not in named}
    if every_group and cohort.onset_column != Cohort.model_fields["onset_column"].default:
        named.setdefault(cohort.onset_column, "cohort.onset_column uses")
    faults += [
        f"{user} {column}, which is not a column of {cohort.participants}; it has "
        f"{columns_of(rows)}.{_tested(column)}"
        for column, user in named.items()
        if column not in rows and not (column in IMAGE_NUMBERS and column in cohort.columns)
    ]
    return faults + _score_faults(rows, cohort) + _value_faults(rows, cohort)


def _tested(column: str) -> str:
    """Say why an image number that people ask for is no covariate."""
    if column not in LEVELS:
        return ""
    return f" The images' {column} is what contrasts test, so it is no covariate of them."


def _score_faults(rows: pd.DataFrame, cohort: Cohort) -> list[str]:
    """List scores that are no numbers for anybody."""
    there = [name for name in cohort.scores if name in rows]
    return [
        f"cohort.scores names {name}, which holds text; name columns of numbers."
        for name in there
        if is_text(rows[name]) or kind(name, cohort) in ("text", "sex")
    ]


def _value_faults(rows: pd.DataFrame, cohort: Cohort) -> list[str]:
    """List invalid labels and values of the cohort's people."""
    known = cohort.group_column in rows
    people = members(rows, cohort) if known else rows.iloc[:0]
    faults = bids.label_faults(people["participant_id"], cohort.participants)
    faults += site_faults(people, cohort)
    labels = dict(zip(people.index, people["participant_id"], strict=True))
    dated = (column_of(rows, name) for name in ("age", cohort.onset_column))
    wanted = {column: "" for column in dated if column is not None}
    for column in (c for c in cohort.columns if c in rows and kind(c, cohort) != "text"):
        if kind(column, cohort) == "sex":
            faults += _sex_faults(people, column, cohort, labels)
        elif not is_text(people[column]):
            wanted[column] = "" if is_age(column) else AS_TEXT
    for column, hint in wanted.items():
        try:
            values = tabular.numbers(people[column], cohort.participants, labels, hint)
        except UserError as error:
            faults.append(str(error))
        else:
            faults += _age_faults(people[column], values, cohort, labels)
    texts = (c for c in _levels(cohort) if c in rows and _is_levels(people[c], kind(c, cohort)))
    return faults + [line for column in texts for line in _spelled(people[column], cohort)]


def site_faults(people: pd.DataFrame, cohort: Cohort) -> list[str]:
    """List people without a site in the site column."""
    column = cohort.site_column
    if column is None or column not in people or cohort.sites:
        return []
    persons, rows = people["participant_id"].tolist(), np.arange(len(people))
    try:
        require_values(people[column], column, rows, persons, "cohort.site_column")
    except UserError as error:
        return [f"{cohort.participants}: {error}"]
    return []


def _levels(cohort: Cohort) -> list[str]:
    """Return the columns with categorical levels: no pairs and no blocks."""
    apart = {name for form in cohort.contrasts.values() for name in form.identifiers}
    return [c for c in cohort.columns if c == cohort.site or not (c in apart or names_together(c))]


def _is_levels(values: pd.Series[str], read_as: str) -> bool:
    return read_as == "text" or (read_as == "any" and is_text(values))


def _spelled(values: pd.Series[str], cohort: Cohort) -> list[str]:
    """List levels with several spellings, each of which would be its own level."""
    seen = sorted(values.dropna().astype(str).unique())
    ways: dict[str, list[str]] = {}
    for value in seen:
        ways.setdefault(plain(value), []).append(value)
    several = "; ".join(", ".join(map(repr, own)) for own in ways.values() if len(own) > 1)
    if not several:
        return []
    return [
        f"{cohort.participants}: column {values.name} spells one level in several ways "
        f"({several}); use one spelling."
    ]


def _age_faults(
    cells: pd.Series[str], values: pd.Series[float], cohort: Cohort, labels: Mapping[int, str]
) -> list[str]:
    """List invalid ages: codes of missing values such as -9, 0 or 999, months or days."""
    onset = cohort.onset_column.casefold()
    if not is_age(str(cells.name)) and str(cells.name).casefold() != onset:
        return []
    wrong = (values <= 0) | (values > OLDEST)
    if not wrong.any():
        return []
    found = tabular.listed(cells, wrong, labels)
    return [
        f"{cohort.participants}: {found} is not an age in years (above 0, at most "
        f"{OLDEST:g}); write n/a if it is missing."
    ]


def is_age(column: str) -> bool:
    """Return whether a column's name denotes ages in years."""
    other = NO_YEARS.search(column) or SQUARED.search(column)
    return bool(AGE.fullmatch(column)) and not (other or DERIVED & {*words(column)})


def _sex_faults(
    people: pd.DataFrame, column: str, cohort: Cohort, labels: Mapping[int, str]
) -> list[str]:
    unread = people[column][sex.parse(people[column])[1]]
    if not len(unread):
        return []
    row = int(unread.index[0])
    return [
        f"{cohort.participants}: {column}={unread[row]!r} in row {row} ({labels[row]}) is not "
        f"understood, {len(unread)} such rows; {SEX_CODES}."
    ]


def _member_faults(rows: pd.DataFrame, cohort: Cohort) -> list[str]:
    faults = _unknown_faults(rows, cohort)
    values, people = rows[cohort.group_column], members(rows, cohort)
    seen = ", ".join(sorted(values.dropna().unique())) or "none"
    empty = {n: v for n, v in cohort.groups.items() if not (people["group"] == n).any()}
    lost = [name for name, value in empty.items() if (values == value).any()]
    return [
        *faults,
        *(
            f"cohort.groups.{name}={value}: column {cohort.group_column} of {cohort.participants} "
            f"does not have this value; its values: {seen}{_nearly(value, values)}."
            for name, value in empty.items()
            if name not in lost
        ),
        *(
            f"cohort.groups.{name}: nobody of this group is left; cohort.exclude and "
            "cohort.ratings leave everybody out; leave out fewer, or this group."
            for name in lost
        ),
    ]


def _unknown_faults(rows: pd.DataFrame, cohort: Cohort) -> list[str]:
    """Report labels that are left out by list or rating and are nobody's."""
    known = {*rows["participant_id"], *persons_of(rows)}
    listed, rated = listed_out(cohort) - known, cohort.rated_out - known
    faults = []
    if listed:
        faults.append(
            f"cohort.exclude lists labels that are not in {cohort.participants} ({len(listed)}): "
            f"{with_similar(listed, rows['participant_id'])}."
        )
    if rated:
        faults.append(
            f"cohort.ratings excludes labels that are not in {cohort.participants} "
            f"({len(rated)}): {with_similar(rated, rows['participant_id'])}; correct them, or "
            "remove their rows."
        )
    return faults


def _nearly_members(rows: pd.DataFrame, cohort: Cohort) -> list[str]:
    """List people who would be left out because their group is misspelled."""
    values = rows[cohort.group_column]
    out = excluded(rows, cohort)
    known = {plain(value): value for value in cohort.groups.values() if (values == value).any()}
    other = values.map(lambda cell: isinstance(cell, str) and plain(cell) in known)
    wrong = other & ~values.isin(cohort.groups.values()) & ~out
    if not wrong.any():
        return []
    labels = {int(row): str(rows["participant_id"][row]) for row in rows.index[wrong]}
    meant = sorted({known[plain(str(values[row]))] for row in labels})
    return [
        f"{cohort.participants}: {tabular.listed(values, wrong, labels)}: in none of the groups, "
        f"but similar to {', '.join(meant)}; correct it, or add them to cohort.exclude."
    ]


def plain(value: str) -> str:
    """Normalise a group value: without case, blanks and punctuation.

    Punctuation between digits stays, since 1-12 and 11-2 differ, and so do zeros after a point,
    since 1.05 and 1.5 differ.
    """
    bare = BETWEEN.sub("", value.casefold())
    return ZEROS.sub(r"\1", bare) if bare[:1].isdigit() else bare


def _nearly(value: str, values: pd.Series[str]) -> str:
    """Explain why a similar value differs."""
    if value in tabular.MISSING:
        return f" ({value} is read as missing; rename the group in the table)"
    there = [str(seen) for seen in values.dropna()]
    if value.casefold() in {seen.casefold() for seen in there}:
        return " (upper and lower case differ)"
    if value.isdigit() and value.lstrip("0") in {s.lstrip("0") for s in there if s.isdigit()}:
        return " (01 and 1 differ; write the value in quotes)"
    meant = next((seen for seen in there if value in as_yaml(seen)), "")
    return f" (YAML reads {meant} as {value}; write the value in quotes)" if meant else ""
