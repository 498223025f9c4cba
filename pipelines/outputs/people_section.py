"""Report on the people: columns read, and ages compared."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from rt1t2_dask.config.contrasts import GROUP, Anova, Form, Formula, Ordered, Paired, TwoSample
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.people.notes import ROLES
from rt1t2_dask.pipelines.people.read import columns_read
from rt1t2_dask.report.numbers import plural
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.table import Table, from_frame
from rt1t2_dask.stats.demographics import compare, compare_pairs

PAIR = 2
MOST_WARNINGS = 12
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


def people_section(config: Config, people: pd.DataFrame) -> Section:
    """Return the report's section on the columns read, and on ages."""
    tables = people_tables(config, people)
    words = (AGE_NOTE,) if len(tables) > 1 else ()
    return Section("participants", "Participants table", sentences=words, tables=tables)


def input_section(found: Sequence[str], files: pd.DataFrame, quality: pd.DataFrame) -> Section:
    """Return the report's section on files and their warnings, in sentences that nothing folds.

    Parameters
    ----------
    found : sequence of str
        What was found for those studied, and who is not.
    files : DataFrame
        Columns of ``inputs.tsv``.
    quality : DataFrame
        Columns of ``quality.tsv``.
    """
    text = [f"{line[:1].upper()}{line[1:]}." for line in found]
    flagged = int(quality["flag"].notna().sum()) if len(quality) else 0
    words = [*text, *_warnings(files), _beyond(flagged, len(quality))]
    return Section("input", "Input and warnings", sentences=tuple(words))


def _warnings(files: pd.DataFrame) -> list[str]:
    """Return every distinct warning of headers and fields of view, with the number of files."""
    rows = files.dropna(subset=["warnings"])
    if rows.empty:
        return ["No image has a warning on its header or its field of view."]
    counts = Counter(zip(rows["image"].astype(str), rows["warnings"].astype(str), strict=True))
    lines = [
        f"Warning on {plural(n, 'file')} ({ROLES.get(image, image)}): {said}."
        for (image, said), n in counts.most_common(MOST_WARNINGS)
    ]
    more = len(counts) - MOST_WARNINGS
    rest = [f"{plural(more, 'further warning')}, less frequent."] if more > 0 else []
    return [*lines, *rest, "Which file has which warning: group/inputs.tsv."]


def _beyond(flagged: int, people: int) -> str:
    if not flagged:
        return "Nobody is beyond a quality limit."
    who = plural(people, "person", "people")
    return f"Beyond a quality limit: {flagged} of {who}; see Quality for the values."


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
