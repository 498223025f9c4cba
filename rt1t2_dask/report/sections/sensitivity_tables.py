"""Tables of what depends on choices: thresholds, the edge of smoothing, calibrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rt1t2_dask.report.content import ContrastResult, ReportContent
from rt1t2_dask.report.numbers import decimal, level, thousands
from rt1t2_dask.report.sections.table import Heading, Table, from_frame

_CHANCE = (
    "Number of clusters of at least so many mm³, in brackets their volume together and how many "
    "random-field theory expects in noise of this smoothness. A lower height gives fewer, larger "
    "clusters that say less about place; none of these counts is corrected for the whole brain."
)
_MEANS = (
    "Means over the clusters of this analysis, which they therefore favour, and over all tested "
    "voxels; there, clusters and volume are those above the thresholds of this analysis."
)
_EDGE = (
    "normalised divides by the smoothed mask of measured voxels; spm, as SPM12, counts what was "
    "not measured as zero, which lowers the map at the brain's edge and round lesions."
)
_CALIBRATIONS = (
    "Effects in percent of the mean ratio may be compared between calibrations; effects in their "
    "own units may not, and maps of different calibrations are never mixed. gm_median has no "
    "percent: zero lies among its values."
)


@dataclass(frozen=True)
class Sensitivity:
    """One choice: its heading, what to know, and the tables."""

    title: str
    words: str
    tables: tuple[Table, ...]


def sensitivity(content: ReportContent) -> list[Sensitivity]:
    """Return all choices whose consequences were computed."""
    counted = tuple(
        table for result in content.contrasts if (table := thresholds(result)) is not None
    )
    found = [Sensitivity("Thresholds", _CHANCE, counted)] if counted else []
    for title, words, frame in (
        ("Edge of smoothing", _EDGE, content.edge_sensitivity),
        ("Calibration", _CALIBRATIONS, content.calibration_sensitivity),
    ):
        if frame is not None and not frame.empty:
            shown = frame.rename(columns={"t": "statistic", "region": "place"})
            table = from_frame(shown, f"{title}: the contrasts again", [_MEANS])
            found.append(Sensitivity(title, words, (table,)))
    return found


def thresholds(result: ContrastResult) -> Table | None:
    """Return the clusters of one contrast by height (rows) and extent (columns)."""
    rows = None if result.details is None else result.details.thresholds
    if rows is None or rows.empty:
        return None
    extents = sorted(rows["extent_mm3"].unique())
    means = {"positive": result.positive, "negative": result.negative}
    lines = [
        (
            f"{level(same['p'].iloc[0])} ({result.symbol} > {decimal(same['height'].iloc[0])})",
            means[same["sign"].iloc[0]],
            *_counts(same, extents),
        )
        for _, same in rows.groupby(["p", "sign"], sort=False)
    ]
    heads = ["p <", "Direction", *(f"≥ {thousands(extent)} mm³" for extent in extents)]
    headings = tuple(Heading(text, False) for text in heads)
    limits = result.threshold
    note = f"This analysis: p < {level(limits.p)} and {thousands(limits.extent_mm3)} mm³."
    return Table(f"Clusters at other thresholds, {result.title}", headings, tuple(lines), (note,))


def _counts(rows: pd.DataFrame, extents: Sequence[float]) -> list[str]:
    by_extent = rows.set_index("extent_mm3").loc[list(extents)]
    return [
        f"{thousands(row['clusters'])} ({thousands(row['volume_mm3'])} mm³; "
        f"{row['expected_by_chance']:.2g} by chance)"
        for _, row in by_extent.iterrows()
    ]
