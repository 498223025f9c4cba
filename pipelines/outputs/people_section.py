"""Report on the people: columns read, and ages compared."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pandas as pd

from rt1t2_dask.config.contrasts import GROUP, Anova, Form, Formula, Ordered, Paired, TwoSample
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.people.read import columns_read
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.table import Table, from_frame
from rt1t2_dask.stats.demographics import compare, compare_pairs

PAIR = 2
AGE_NOTE = (
    "Student's t if both groups pass the Shapiro-Wilk test at .05, else Mann-Whitney U; "
    "two-sided, not corrected for the number of pairs."
)


def compared_pairs(config: Config) -> list[tuple[str, str]]:
    """List every pair of groups compared by a contrast, once."""
    pairs = (pair for form in config.cohort.contrasts.values() for pair in _pairs(form, config))
    found: dict[frozenset[str], tuple[str, str]] = {}
    for pair in pairs:
        found.setdefault(frozenset(pair), pair)
    return list(found.values())


def _pairs(form: Form, config: Config) -> list[tuple[str, str]]:
    if isinstance(form, Paired):
        return []  # the two members of pairs are not independent groups
    if isinstance(form, TwoSample):
        return [form.groups]
    by_group = isinstance(form, Formula) and GROUP in form.formula
    if isinstance(form, Anova | Ordered) or by_group:
        return list(itertools.combinations(form.members or tuple(config.cohort.groups), 2))
    return []


def age_pairs(config: Config, people: pd.DataFrame) -> pd.DataFrame:
    """Compare the ages of every pair of groups in a contrast."""
    return compare_pairs(people, compared_pairs(config))


def people_tables(config: Config, people: pd.DataFrame) -> tuple[Table, ...]:
    """Return the report's tables of columns read and of ages in pairs."""
    read = columns_read(people, config.cohort)
    tables = [from_frame(read, "Columns of the participants table")]
    pairs = age_pairs(config, people)
    if len(pairs):
        shown = pairs.rename(columns={"test": "by"})
        tables.append(from_frame(shown, "Age by compared groups"))
    return tuple(tables)


def people_section(config: Config, people: pd.DataFrame, found: Sequence[str]) -> Section:
    """Return the report's section on the columns read, on what was found, and on ages."""
    tables = people_tables(config, people)
    text = [f"{line[:1].upper()}{line[1:]}." for line in found]
    words = (*text, AGE_NOTE) if len(tables) > 1 else tuple(text)
    return Section("participants", "Participants table", sentences=words, tables=tables)


def demographics_by_contrast(config: Config, people: pd.DataFrame) -> pd.DataFrame:
    """Compare age and sex within each contrast of two groups, with its own controls."""
    pairs = {
        name: list(form.members)
        for name, form in config.cohort.contrasts.items()
        if len(form.members) == PAIR
    }
    if not pairs or len({tuple(groups[1:]) for groups in pairs.values()}) == 1:
        return compare(people, list(config.cohort.groups), config.cohort.reference)
    tables = []
    for name, groups in pairs.items():
        rows = compare(people[people["group"].isin(groups)], groups, groups[1])
        rows.insert(0, "contrast", name)
        tables.append(rows)
    return pd.concat(tables, ignore_index=True)
