"""The section on the absence of effects: what contrasts can exclude, and Bayes factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import Table, from_frame

ANCHOR = "absence"
LEVEL, EVIDENCE, ROWS = 0.05, 3.0, 12
SHOWN = (
    "name",
    "percent",
    "percent_ci90_low",
    "percent_ci90_high",
    "p_equivalence_percent",
    "g",
    "p_equivalence_g",
    "bf10",
)
LIMIT = (
    "That an effect is within bounds says nothing of effects in smaller places than a region. "
    "Bayes factors assume one variance for all groups and depend on the width of the prior."
)


class Bounds(NamedTuple):
    """What counts as an effect that matters: percent of the mean, g, and the prior's width."""

    percent: float
    g: float
    width: float


READING = Reading(
    "Equivalence: p within bounds",
    "Small where an effect beyond the bounds can be excluded: it reads the other way round than "
    "the p of a difference. Not corrected for regions; the table in the folder has q over them.",
)


def absence_section(tables: Mapping[str, pd.DataFrame], bounds: Bounds) -> Section:
    """Return the section.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By contrast, a row a region; see `rt1t2_dask.pipelines.absence`.
    bounds : Bounds
    """
    return Section(
        ANCHOR,
        "What the contrasts can exclude",
        sentences=(
            "A test without a finding does not show that there is no effect. Here two one-sided "
            f"tests ask of each region whether the effect is smaller than {bounds.percent:g} % of "
            f"the mean, or than {bounds.g:g} standard deviations; a Bayes factor over "
            f"{EVIDENCE:g} speaks for an effect, one under 1/{EVIDENCE:g} for none.",
            *(said(name, rows, bounds) for name, rows in tables.items()),
        ),
        tables=tuple(_shown(name, rows) for name, rows in tables.items()),
        methods=(methods(bounds),),
        reading=(READING,),
        limits=(LIMIT,),
        cites=("schuirmann1987", "rouder2009"),
    )


def said(name: str, rows: pd.DataFrame, bounds: Bounds) -> str:
    """Return what a contrast excludes in a sentence."""
    known = rows[rows["bf10"].notna()]
    parts = [f"{name}, {len(known)} regions:"]
    if known["percent"].notna().any():
        within = int((known["p_equivalence_percent"] < LEVEL).sum())
        low, high = known["percent_ci90_low"].min(), known["percent_ci90_high"].max()
        parts.append(
            f"a change of {bounds.percent:g} % or more is excluded in {within} (p < {LEVEL:g}, not "
            f"corrected); 90 % intervals of all of them reach from {low:+.1f} to {high:+.1f} %;"
        )
    within = int((known["p_equivalence_g"] < LEVEL).sum())
    effect = int((known["bf10"] > EVIDENCE).sum())
    none = int((known["bf10"] < 1 / EVIDENCE).sum())
    parts.append(
        f"an effect of {bounds.g:g} SD or more is excluded in {within}; Bayes factors speak for an "
        f"effect in {effect}, for none in {none}, for neither in {len(known) - effect - none}."
    )
    return " ".join(parts)


def methods(bounds: Bounds) -> str:
    """Return the paragraph of the methods text."""
    return (
        "Absence of effects was tested in regions by two one-sided tests (Schuirmann 1987) with "
        f"bounds of {bounds.percent:g} % of the mean, with the variances of the contrast, and of "
        f"{bounds.g:g} standard deviations of the population, by the noncentral t of equal "
        "variances; by JZS Bayes factors (Rouder et al. 2009), Cauchy prior of scale "
        f"{bounds.width:.3g}, equal variances."
    )


def _shown(name: str, rows: pd.DataFrame) -> Table:
    own = [column for column in SHOWN if rows[column].notna().any()]
    ordered = rows.sort_values("bf10", na_position="last")[own].head(ROWS)
    return from_frame(
        ordered,
        f"{name}: the {len(ordered)} regions with the least Bayes factor",
        (f"All regions: group/contrast-{name}_absence.tsv.",),
    )
