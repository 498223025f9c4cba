"""Results of a sweep under each setting, as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from rt1t2_dask.report.content import ContrastResult
from rt1t2_dask.report.figures.projection import Projection
from rt1t2_dask.report.sections.receptor_marks import Judged, judged

SIGNIFICANT = 0.05
CONTRAST, RECEPTORS = "contrast", "receptors"
_FOUND = (
    *("clusters_positive", "clusters_negative", "volume_mm3", "largest_mm3", "peak_t"),
    *("peak_x_mm", "peak_y_mm", "peak_z_mm", "region", "peak_p_fwe_permutation"),
    "extent_p_fwe_permutation",
    *("strongest_map", "strongest_fisher_z", "strongest_q", "maps_q05", "p_fwe_permutation"),
)


_SMALLEST = ("peak_p_fwe_permutation", "extent_p_fwe_permutation", "p_fwe_permutation")


@dataclass(frozen=True)
class SweepEntry:
    """One job of a sweep.

    Parameters
    ----------
    job : str
        Name of its folder.
    changed : mapping of str to str
        The swept settings and their values in this job.
    contrasts : mapping of str to DataFrame
        Cluster table by contrast.
    receptors : DataFrame or None
        Columns of ``receptors.tsv``.
    projections : mapping of str to Projection
        Projections of the clusters of each contrast from above and from the side.
    """

    job: str
    changed: Mapping[str, str]
    contrasts: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    receptors: pd.DataFrame | None = None
    projections: Mapping[str, Projection] = field(default_factory=dict)


def entry(
    job: str,
    changed: Mapping[str, str],
    contrasts: Sequence[ContrastResult],
    receptors: pd.DataFrame | None,
    projections: Mapping[str, Projection],
) -> SweepEntry:
    """Extract a job's results for the comparison."""
    tables = {result.name: result.clusters for result in contrasts}
    return SweepEntry(job, changed, tables, receptors, projections)


def comparison(entries: Sequence[SweepEntry]) -> pd.DataFrame:
    """Return one row per job and contrast, and per job and patient group.

    Parameters
    ----------
    entries : sequence of SweepEntry

    Returns
    -------
    DataFrame
        job, one column a swept setting, result (``contrast`` | ``receptors``), name, then what was
        found; NaN where a column does not belong to the row. ``peak_t`` is the largest |t| of all
        clusters with its sign, each p the smallest of all clusters (``p_fwe_permutation``,
        of extent or peak by what was permuted, is the name of the previous release), ``maps_q05``
        the number of maps with q < .05, and ``strongest_q`` by the nulls of
        `rt1t2_dask.report.sections.receptor_marks`.
    """
    keys = list(dict.fromkeys(key for each in entries for key in each.changed))
    rows = [
        {"job": each.job, **each.changed, **found} for each in entries for found in _results(each)
    ]
    columns = ["job", *keys, "result", "name", *_FOUND]
    return pd.DataFrame(rows, columns=columns)


def _results(each: SweepEntry) -> list[dict[str, Any]]:
    contrasts = [
        {"result": CONTRAST, "name": name, **_clusters(table)}
        for name, table in each.contrasts.items()
    ]
    if each.receptors is None:
        return contrasts
    groups = each.receptors.groupby("group", sort=False)
    return contrasts + [
        {"result": RECEPTORS, "name": str(group), **_receptors(rows, judged(each.receptors))}
        for group, rows in groups
    ]


def _clusters(table: pd.DataFrame) -> dict[str, Any]:
    counts = table["sign"].value_counts()
    found: dict[str, Any] = {
        "clusters_positive": int(counts.get("positive", 0)),
        "clusters_negative": int(counts.get("negative", 0)),
        "volume_mm3": float(table["volume_mm3"].sum()),
    }
    if table.empty:
        return found
    peak = table.iloc[int(table["peak_t"].abs().argmax())]
    return found | {
        "largest_mm3": float(table["volume_mm3"].max()),
        **{name: peak[name] for name in ("peak_t", "peak_x_mm", "peak_y_mm", "peak_z_mm")},
        "region": peak["region"],
        **{name: table[name].min() for name in _SMALLEST},
    }


def _receptors(rows: pd.DataFrame, rule: Judged) -> dict[str, Any]:
    size = rows["mean_fisher_z"].abs()
    found = {"maps_q05": int(rule.found(rows).sum())}
    if size.isna().all():
        return found
    strongest = rows.iloc[int(size.argmax())]
    return found | {
        "strongest_map": strongest["map"],
        "strongest_fisher_z": strongest["mean_fisher_z"],
        "strongest_q": strongest[rule.q],
    }
