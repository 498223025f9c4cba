"""The section on the reliability of people's sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import Table, from_frame

ANCHOR = "reliability"
LEVEL, ROWS = 0.05, 12
SHOWN = (
    *("name", "n", "icc", "icc_ci95_low", "icc_ci95_high", "within_sd", "within_sd_percent"),
    *("repeatability", "repeatability_percent", "change_percent", "change_p"),
)
LIMITS = (
    "An ICC is high where people differ much, so that it does not carry over to another sample, "
    "and low where they are alike, however well they are measured; read it beside the "
    "within-person SD. Sessions differ by measurement and by true change: only a short interval "
    "between them tells of measurement alone.",
)


READING = Reading(
    "Sessions: p of the change", "Of one region, not corrected; the table in the folder has q."
)


def reliability_section(tables: Mapping[str, pd.DataFrame], sessions: Sequence[str]) -> Section:
    """Return the section.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By group, a row a region; see `rt1t2_dask.pipelines.reliability`.
    sessions : sequence of str
        Labels, in the order compared.
    """
    named = ", ".join(sessions)
    return Section(
        ANCHOR,
        "Reliability of repeated sessions",
        sentences=(
            f"How well the sessions {named} of the same people agree, in regions. ICC(3,1) is the "
            "share of variance that is between people; a change common to all does not lower it. "
            "Two sessions of a person differ by less than the repeatability coefficient in 95 % of "
            "people.",
            *(said(name, rows) for name, rows in tables.items()),
        ),
        tables=tuple(_shown(name, rows) for name, rows in tables.items()),
        methods=(methods(sessions),),
        reading=(READING,),
        limits=LIMITS,
        cites=("shrout1979", "mcgraw1996", "bland1999"),
    )


def said(name: str, rows: pd.DataFrame) -> str:
    """Return the reliability of a group in a sentence."""
    known = rows[rows["icc"].notna()]
    if known.empty:
        return f"{name}: no region is known in enough people."
    icc, n = known["icc"], known["n"]
    people = f"{n.min()}" if n.min() == n.max() else f"{n.min()} to {n.max()}"
    percent = known["repeatability_percent"].dropna()
    repeat = f"repeatability {percent.median():.1f} % of the mean; " if len(percent) else ""
    changed = int((known["change_q"] < LEVEL).sum())
    return (
        f"{name}, {people} people, {len(known)} regions: median ICC {icc.median():.2f}, from "
        f"{icc.min():.2f} to {icc.max():.2f} over regions; {repeat}{changed} regions changed "
        f"between sessions (q < {LEVEL:g})."
    )


def methods(sessions: Sequence[str]) -> str:
    """Return the paragraph of the methods text."""
    return (
        f"Reliability over {len(sessions)} sessions was computed within each group, in people "
        "measured in all of them: ICC(3,1) of a two-way analysis of variance (Shrout and Fleiss "
        "1979) with its 95 % interval (McGraw and Wong 1996); the within-person standard deviation "
        "of a one-way analysis, which a change common to all people raises; the repeatability "
        "coefficient, 1.96 times the square root of 2 times that (Bland and Altman 1999); the mean "
        "of the last session minus that of the first, with p of no difference between sessions "
        "(F; of two sessions paired t) and q over regions (FDR). The ratio is the one that maps "
        "show, with gain corrected where it is. Receptor correlations and comparisons of single "
        f"patients read session {sessions[0]} alone, demographics each person's first."
    )


def _shown(name: str, rows: pd.DataFrame) -> Table:
    own = [column for column in SHOWN if rows[column].notna().any()]
    ordered = rows.sort_values("icc", na_position="last")[own].head(ROWS)
    return from_frame(
        ordered,
        f"{name}: the {len(ordered)} regions with the least ICC",
        ("All regions: group/reliability.tsv.",),
    )
