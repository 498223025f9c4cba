"""Scatter plots of regions for each receptor map, as inline SVG with labelled marks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.numbers import decimal

LEFT, RIGHT, TOP, BOTTOM = 26.0, 234.0, 18.0, 170.0
_MARGIN = 0.05
_NAMED = 3


@dataclass(frozen=True)
class Mark:
    """One region: position in the drawing, and its tooltip."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Panel:
    """One map: marks, regression line, and summary."""

    title: str
    marks: tuple[Mark, ...]
    line: tuple[float, float, float, float]
    words: str


@dataclass(frozen=True)
class ScatterGroup:
    """All panels of one patient group."""

    group: str
    what: str
    panels: tuple[Panel, ...]


def scatters(content: ReportContent) -> list[ScatterGroup]:
    """Lay out one panel per group and map; none without the table of regions."""
    table = content.receptor_details.get("regions")
    if table is None or table.empty:
        return []
    influence = content.receptor_details.get("influence")
    table = table.merge(influence) if influence is not None else table
    return [
        ScatterGroup(str(group), _axes(content), _panels(rows))
        for group, rows in table.groupby("group", sort=False)
    ]


def _axes(content: ReportContent) -> str:
    rules = content.settings.get("receptors", {})
    kind, gm = rules.get("correlation", "spearman"), rules.get("adjust_gm", True)
    unit = "ranks" if kind == "spearman" else "values"
    held = ["the other maps"] * (kind == "regression") + ["grey matter"] * bool(gm)
    return f"{unit} given {' and '.join(held)}" if held else unit


def _panels(rows: pd.DataFrame) -> tuple[Panel, ...]:
    known = rows.dropna(subset=["map_residual", "change_residual"])
    repeated = set(known.drop_duplicates("map")["receptor"].loc[lambda s: s.duplicated()])
    found = []
    for name, table in known.groupby("map", sort=False):
        receptor = str(table["receptor"].iloc[0])
        found.append(_panel(f"{receptor} ({name})" if receptor in repeated else receptor, table))
    return tuple(found)


def _panel(title: str, table: pd.DataFrame) -> Panel:
    x, y = (table[name].to_numpy(dtype=float) for name in ("map_residual", "change_residual"))
    r = _correlation(x, y)
    ends = np.array([x.min(), x.max()])
    rise = r * y.std() / x.std() if np.isfinite(r) else 0.0
    across, up = _placed(x, LEFT, RIGHT), _placed(y, BOTTOM, TOP)
    level = np.clip(y.mean() + rise * (ends - x.mean()), y.min(), y.max())
    x1, x2 = _into(ends, x, LEFT, RIGHT)
    y1, y2 = _into(level, y, BOTTOM, TOP)
    text = zip(table["name"], table["map_value"], table["mean_change"], strict=True)
    marks = tuple(
        Mark(round(float(a), 1), round(float(b), 1), f"{n}: map {m:.3g}, mean {c:.3g}")
        for a, b, (n, m, c) in zip(across, up, text, strict=True)
    )
    line = (round(float(x1), 1), round(float(y1), 1), round(float(x2), 1), round(float(y2), 1))
    return Panel(title, marks, line, _words(r, table))


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    if x.std() == 0 or y.std() == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _words(r: float, table: pd.DataFrame) -> str:
    text = f"Correlation of the mean {decimal(r)} over {len(table)} regions."
    if "change_of_mean_fisher_z" not in table:
        return text
    size = table["change_of_mean_fisher_z"].abs()
    carrying = table.loc[size.sort_values(ascending=False).index[:_NAMED], "name"]
    return f"{text} Largest change when one region is left out: {'; '.join(carrying)}."


def _placed(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return _into(values, values, low, high)


def _into(values: np.ndarray, of: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale values linearly to the drawing, from the range of ``of`` with a margin."""
    span = float(np.ptp(of)) or 1.0
    share = _MARGIN + (1 - 2 * _MARGIN) * (values - of.min()) / span
    return np.asarray(low + share * (high - low))
