"""Notes on people and columns that are not used: counts for the log, labels for the check."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from rt1t2_dask import tabular
from rt1t2_dask.bids.files import ALTHOUGH
from rt1t2_dask.config.study import (
    Cohort,
    Config,
)
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.people.faults import is_age
from rt1t2_dask.pipelines.people.file_columns import column_notes
from rt1t2_dask.pipelines.people.folders import top_names, without_row
from rt1t2_dask.pipelines.people.inputs import Found
from rt1t2_dask.pipelines.people.kinds import (
    among,
    excluded,
    kind,
    listed_out,
    members,
    persons_of,
)
from rt1t2_dask.pipelines.people.source import source_of
from rt1t2_dask.pipelines.people.table import read_table, some
from rt1t2_dask.pipelines.sessions.notes import session_notes

log = logging.getLogger("rt1t2_dask")
ROLES = {
    "t1w": "T1w", "t2w": "T2w", "t2w_raw": "raw T2w", "map": "ratio maps", "mask": "masks of maps",
    "lesion": "lesion masks", "brain_mask": "brain masks",
}  # fmt: skip
ALWAYS = {"map": ("map",), "scans": ("t1w", "t2w", "lesion", "brain_mask")}
# Codes of missing values in SPSS and REDCap.
CODE = re.compile(r"-9+|-[78]{2,}|9{3,}|[78]{3,}")
LEAST_CODES, MOST_CODES = 3, 6


def table_notes(config: Config, rows: pd.DataFrame, *, named: bool) -> list[str]:
    """List people who are not studied and columns that are not read, one line each.

    Parameters
    ----------
    rows : DataFrame
        From `rt1t2_dask.pipelines.people.table.read_table`, without errors.
    named : bool
        Whether labels are listed; logs only count.
    """
    own = members(rows, config.cohort)
    return [
        *_not_members(rows, own, config.cohort, named),
        *session_notes(config, rows, named=named),
        *_without_row(config, rows, named),
        *column_notes(rows, _columns(config), shown=named),
        *_codes(own, config.cohort, named),
        *_few_numbers(own, config.cohort),
    ]


def _columns(config: Config) -> tuple[str, ...]:
    return source_of(config).columns


def _people(labels: Sequence[str], named: bool) -> str:
    return f" ({some(labels)})" if named else ""


def _not_members(rows: pd.DataFrame, own: pd.DataFrame, cohort: Cohort, named: bool) -> list[str]:
    """Count the rows in other groups, by value, and the excluded ones."""
    out = excluded(rows, cohort)
    rest = rows[_in_no_group(rows, cohort) & ~out]
    values = rest[cohort.group_column].fillna("n/a").astype(str)
    parts = [
        f"{cohort.group_column}={value}: {len(labels)}{_people(labels.tolist(), named)}"
        for value, labels in rest["participant_id"].groupby(values)
    ]
    lines = []
    if parts:
        lines.append(
            f"not studied, in none of the cohort's groups: {len(rest)} of {len(rows)} rows of "
            f"{cohort.participants}: {'; '.join(parts)}"
        )
    by = {"cohort.exclude": listed_out(cohort), "cohort.ratings": cohort.rated_out}
    for setting, listed in by.items():
        labels = rows.loc[among(rows, listed), "participant_id"].tolist()
        if labels:
            lines.append(f"excluded by {setting}: {len(labels)}{_people(labels, named)}")
    return lines


def _in_no_group(rows: pd.DataFrame, cohort: Cohort) -> pd.Series[bool]:
    return ~rows[cohort.group_column].isin(cohort.groups.values())


def _without_row(config: Config, rows: pd.DataFrame, named: bool) -> list[str]:
    labels = without_row(top_names(config), persons_of(rows))
    if not labels:
        return []
    return [
        f"not studied, folders in source.root without a row in {config.cohort.participants}: "
        f"{len(labels)}{_people(labels, named)}"
    ]


def _codes(own: pd.DataFrame, cohort: Cohort, named: bool) -> list[str]:
    """Note numbers that look like codes of missing values."""
    lines = []
    for column in (c for c in cohort.columns if c in own and kind(c, cohort) == "any"):
        cells, numbers = own[column], tabular.parse_numbers(own[column])[0]
        like = cells.map(lambda cell: bool(CODE.fullmatch(re.sub(r"\.0+$", "", str(cell)))))
        others = numbers[~like].dropna()
        outlying = like & ((numbers < others.min()) | (numbers > others.max()))
        if outlying.any() and len(others):
            values = ", ".join(sorted(set(cells[outlying].astype(str))))
            labels = own.loc[outlying, "participant_id"].tolist()
            lines.append(
                f"column {column} holds {values} for {len(labels)}{_people(labels, named)}, the "
                f"others are {others.min():g} to {others.max():g}: if this is a code of missing "
                f"values, write n/a"
            )
    return lines


def _few_numbers(own: pd.DataFrame, cohort: Cohort) -> list[str]:
    """Note columns with a few integers, which may be codes: two make one model either way."""
    lines = []
    there = [c for c in cohort.columns if c in own and not is_age(c)]
    for column in (c for c in there if kind(c, cohort) == "any"):
        known = tabular.parse_numbers(own[column])[0].dropna()
        values = sorted(known.unique())
        few = LEAST_CODES <= len(values) <= min(MOST_CODES, len(known) // 2)
        if few and all(float(value).is_integer() for value in values):
            lines.append(
                f"column {column} is numeric and has only {', '.join(f'{v:g}' for v in values)}: "
                f"if these are codes, list it in cohort.categorical"
            )
    return lines


def files_found(files: Mapping[str, Mapping[str, InputFile]]) -> str:
    """Count the files of all people by role."""
    counts = {role: sum(role in own for own in files.values()) for role in ROLES}
    maps = any("map" in own for own in files.values())
    always = ALWAYS["map" if maps else "scans"]
    text = [
        f"{n} {ROLES[role]}{_how(files, role)}" for role, n in counts.items() if n or role in always
    ]
    return f"files of {len(files)} people: {', '.join(text)}"


def _how(files: Mapping[str, Mapping[str, InputFile]], role: str) -> str:
    """Describe how masks were found."""
    ways = [own[role].chosen.replace("by its", "by") for own in files.values() if role in own]
    if role not in ("lesion", "brain_mask") or not ways:
        return ""
    counts = Counter(ways)
    return f" ({', '.join(f'{n} {way}' for way, n in counts.items())})"


def masks_passed(found: Found, *, named: bool) -> list[str]:
    """Describe how many possible lesion masks are not read."""
    n = sum(len(paths) for paths in found.passed.values())
    if not n:
        return []
    names = [path.rsplit("/", 1)[-1] for paths in found.passed.values() for path in paths]
    return [
        f"possible lesion masks that are not read: {n}{_people(names, named)}; they are of "
        f"another session or run, named by a disease or not at all, or others take precedence: "
        f"set source.lesion to use them"
    ]


def found_lines(
    configs: Mapping[str, Config],
    files: Mapping[str, Mapping[str, InputFile]],
    found: Found | None,
    *,
    named: bool,
) -> list[str]:
    """Describe the files found and what is not studied.

    Parameters
    ----------
    configs : mapping of str to Config
        By site; one with an empty name without sites.
    files : mapping
        Files of all people, by label and role.
    found : Found, optional
        If known, for the masks that are not read.
    named : bool
        Whether labels are listed; logs only count.
    """
    notes = [
        f"{f'site {site}: ' if site else ''}{line}"
        for site, own in configs.items()
        for line in table_notes(own, read_table(own), named=named)
    ]
    passed = [] if found is None else masks_passed(found, named=named)
    return [files_found(files), *notes, *named_although(files, named=named), *passed]


def named_although(files: Mapping[str, Mapping[str, InputFile]], *, named: bool) -> list[str]:
    """Describe scans matched by a pattern although they are marked as other images."""
    labels = [
        label for label, own in files.items() if any(ALTHOUGH in f.chosen for f in own.values())
    ]
    if not labels:
        return []
    return [
        "matched by source.t1w or source.t2w although name or sidecar marks another image "
        f"(contrast agent, phase, ...): scans of {len(labels)} people{_people(labels, named)}"
    ]
