"""Sensitivity tables: thresholds, smoothing at the edge, calibrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rt1t2_dask.report.content import ContrastResult, ReportContent
from rt1t2_dask.report.numbers import decimal, level, thousands
from rt1t2_dask.report.sections.table import Heading, Table, from_frame

_CHANCE = (
    "Number of clusters of at least this extent, in brackets their total volume and the number "
    "expected by chance (random-field theory). A lower height gives fewer, larger clusters with "
    "less spatial specificity; these counts are not corrected for the whole brain."
)
_MEANS = (
    "Means over the clusters of this analysis (and therefore biased towards it), and over all "
    "tested voxels with the clusters and volume at this analysis's thresholds."
)
KINDS = {
    "calibration": {
        "eb_gain": "gain, empirical Bayes",
        "mrtool_style": "MRTool's style",
        "gm_median": "median of grey matter",
        "linear_external": "eyes and muscle",
        "whitestripe": "white stripe",
        "nyul": "deciles of the histogram",
        "none": "none: as scanned",
    }
}
_EDGE = (
    "normalised divides by the smoothed mask of measured voxels; spm, as SPM12, treats missing "
    "voxels as zero, which lowers the map at the brain's edge and round lesions."
)
_CALIBRATIONS = (
    "Effects in percent of the mean ratio can be compared between calibrations; effects in other "
    "units cannot, and maps of different calibrations are never mixed. Scaled by the median of "
    "grey matter, values have both signs, and there is no percent."
)


@dataclass(frozen=True)
class Sensitivity:
    """One analysis choice: heading, explanation and tables."""

    title: str
    words: str
    tables: tuple[Table, ...]


def sensitivity(content: ReportContent) -> list[Sensitivity]:
    """Return all analysis choices that were compared."""
    counted = tuple(
        table for result in content.contrasts if (table := thresholds(result)) is not None
    )
    found = [Sensitivity("Thresholds", _CHANCE, counted)] if counted else []
    for title, words, frame in (
        ("Smoothing at the edge", _EDGE, content.edge_sensitivity),
        ("Calibration", _CALIBRATIONS, content.calibration_sensitivity),
    ):
        if frame is not None and not frame.empty:
            shown = frame.rename(columns={"t": "statistic", "region": "place"}).replace(KINDS)
            table = from_frame(shown, f"{title}: contrasts", [_MEANS])
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
