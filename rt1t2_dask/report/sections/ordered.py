"""The section on ordered groups: neighbours together, and effects of people left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd

from rt1t2_dask.report.figures.cohort_figures import effects_of_left_out
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.numbers import decimal, plural, thousands
from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import Table, from_frame

ANCHOR, ROWS = "ordered", 12
P_ALL = "p_all_neighbours"
SIGNS = {"rising": "positive", "falling": "negative"}
STATISTICS = {"max_t": "largest |t|", "tfce": "TFCE", "extent": "cluster extent"}
LIMIT_LEVEL = (
    "That all neighbouring groups differ is tested at the stated family-wise level among voxels "
    "where one and the same pair does not differ. Where different pairs fail in different voxels, "
    "the bound is that level times the number of pairs. p of TFCE and clusters hold for the "
    "cluster, not for each of its voxels."
)
LIMIT_LEFT_OUT = (
    "Effects of people left out come from clusters that share all but two people, so that their "
    "intervals, which treat people as independent, are approximate. They describe; they are no "
    "second test."
)


class InOrder(NamedTuple):
    """What stands beside the trend of ordered groups; None where it was not asked for.

    Parameters
    ----------
    groups : tuple of str
    direction : {"rising", "falling", "either"}
    counts : mapping
        Voxels ``voxels`` tested, with neighbours ``alike`` in sign, ``over_height`` by
        direction, and ``voxels_fwe`` by statistic.
    clusters, regions : DataFrame or None
        Columns of ``contrast-<name>_ordered.tsv`` and ``..._ordered_regions.tsv``.
    people, left_out : DataFrame or None
        Columns of ``contrast-<name>_ordered_left_out.tsv`` and ``..._left_out_groups.tsv``.
    scale : str
        Of the maps.
    """

    groups: Sequence[str]
    direction: str
    counts: Mapping[str, Any]
    clusters: pd.DataFrame | None
    regions: pd.DataFrame | None
    people: pd.DataFrame | None
    left_out: pd.DataFrame | None
    scale: str

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions asked for."""
        return tuple(SIGNS) if self.direction == "either" else (self.direction,)


READING = Reading(
    "Order of the groups: p, all neighbours",
    "The largest p of the neighbouring pairs, so that all of them must differ. Not corrected for "
    "regions; q and p FWE, all neighbours, are, and those of clusters for all voxels.",
)


def ordered_section(contrasts: Mapping[str, InOrder], simulated: bool) -> Section:
    """Return the section.

    Parameters
    ----------
    contrasts : mapping of str to InOrder
        By the name of the trend.
    simulated : bool
    """
    tested = any(own.clusters is not None for own in contrasts.values())
    described = any(own.people is not None for own in contrasts.values())
    paragraphs = ((tested, METHODS_ALL), (described, METHODS_LEFT_OUT))
    limits = ((tested, LIMIT_LEVEL), (described, LIMIT_LEFT_OUT))
    cites = ((tested, ("berger1982",)), (described, ("kriegeskorte2009", "esterman2010")))
    return Section(
        ANCHOR,
        "Order of the groups",
        sentences=tuple(line for name, own in contrasts.items() for line in said(name, own)),
        tables=tuple(table for name, own in contrasts.items() for table in _tables(name, own)),
        pictures=_pictures(contrasts, simulated),
        methods=tuple(words for asked, words in paragraphs if asked),
        reading=(READING,) * tested,
        limits=tuple(words for asked, words in limits if asked),
        cites=tuple(key for asked, keys in cites if asked for key in keys),
    )


METHODS_ALL = (
    "A linear trend does not show that every step of an order is there. In the model of each "
    "trend over ordered groups every neighbouring pair was therefore compared, and all of them "
    "taken together by the intersection-union test (Berger 1982): the statistic is the smallest t, "
    "p the largest, two-sided, where all pairs differ in the same direction, and 1 elsewhere."
)
METHODS_LEFT_OUT = (
    "To show effects of groups in clusters that were not chosen for them (Kriegeskorte et al. "
    "2009), the trend was fitted again without each person in turn, and that person's mean was "
    "taken over the clusters found with the others only (Esterman et al. 2010), at the heights "
    "and extents of the study, as distance from everybody's mean, at equal covariates."
)


def said(name: str, own: InOrder) -> list[str]:
    """Return the sentences on one trend."""
    found = []
    if own.clusters is not None:
        found.append(_said_together(name, own, own.clusters))
    if own.regions is not None:
        found.append(_said_regions(name, own.regions))
    if own.left_out is not None:
        found += [_said_left_out(name, own, own.left_out, each) for each in own.directions]
    return found


def _said_together(name: str, own: InOrder, clusters: pd.DataFrame) -> str:
    counts = own.counts
    over = " and ".join(
        f"{plural(n, 'voxel')} {direction}" for direction, n in counts["over_height"].items()
    )
    corrected = [
        f"{plural(n, 'voxel')} by {STATISTICS[statistic]}"
        for statistic, n in counts["voxels_fwe"].items()
    ]
    words = f"; family-wise p at most .05 in {', '.join(corrected)}" if corrected else ""
    return (
        f"{name}, {', '.join(own.groups)}: of {thousands(counts['voxels'])} voxels all "
        f"neighbouring differences have one sign in {thousands(counts['alike'])}, each with |t| "
        f"over {decimal(counts['height'])} in {over}, in {plural(len(clusters), 'cluster')}"
        f"{words}."
    )


def _said_regions(name: str, regions: pd.DataFrame) -> str:
    p, q = regions[P_ALL], regions["q_all_neighbours"]
    return (
        f"{name}: every neighbouring pair differs in {plural(int((p < 0.05).sum()), 'region')} "
        f"of {int(p.notna().sum())} at p < .05, in {int((q < 0.05).sum())} at q < .05."
    )


def _said_left_out(name: str, own: InOrder, rows: pd.DataFrame, direction: str) -> str:
    """Return what people are in clusters found without them."""
    measure, unit = _measure(own)
    chosen = rows[(rows["direction"] == direction) & (rows["measure"] == measure)]
    known = chosen[chosen["n"] > 0]
    if known.empty:
        return f"{name}: without one person no {direction} cluster is found; no effect is shown."
    parts = [
        f"{row.group} {decimal(row.mean, 2)}{unit} [{decimal(row.ci_low, 2)}, "
        f"{decimal(row.ci_high, 2)}] (n = {row.n})"
        for row in known.itertuples()
    ]
    return (
        f"{name}, {direction} clusters found without the person: distance from everybody's mean "
        f"{'; '.join(parts)}."
    )


def _measure(own: InOrder) -> tuple[str, str]:
    """Return the measure that is shown, and its unit."""
    return ("effect", "") if own.scale == "signed" else ("percent", " %")


def _tables(name: str, own: InOrder) -> list[Table]:
    found = []
    pairs = [f"{after}_minus_{before}" for before, after in pairwise(own.groups)]
    if own.clusters is not None and len(own.clusters):
        columns = ["cluster", "sign", "region", "volume_mm3", "peak_t"]
        more = [c for c in own.clusters if str(c).startswith(("t_", "p_fwe_"))]
        found.append(
            from_frame(
                own.clusters[[*columns, *more]],
                f"{name}: clusters where every neighbouring pair differs",
                ("Peak t: the smallest of the neighbours'. p: the smallest in the cluster.",),
            )
        )
    if own.regions is not None:
        columns = ["name", *(f"{c}_{pair}" for pair in pairs for c in ("t", "p"))]
        columns += [P_ALL, "q_all_neighbours", "p_fwe_all_neighbours"]
        rows = own.regions.sort_values(P_ALL, kind="stable", na_position="last")
        found.append(
            from_frame(
                rows[columns].head(ROWS),
                f"{name}: the {min(ROWS, len(rows))} regions with the least p of all neighbours",
                (f"All regions: group/contrast-{name}_ordered_regions.tsv.",),
            )
        )
    return found


def _pictures(contrasts: Mapping[str, InOrder], simulated: bool) -> dict[str, Picture]:
    drawn = {}
    for name, own in contrasts.items():
        if own.people is None or own.left_out is None:
            continue
        measure, unit = _measure(own)
        unit = f" ({unit.strip()})" if unit else ""
        picture = effects_of_left_out(
            own.people, own.left_out, measure, f"distance from everybody's mean{unit}", simulated
        )
        if picture is not None:
            drawn[f"{ANCHOR}_{name}"] = picture
    return drawn
