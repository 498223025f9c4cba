"""Every figure that has a bar, as a share of it."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from summary.figures import Figure
from summary.running import Record
from summary.table import figures_of

KEPT, MISSED = "#1b7f5c", "#b3261e"
EDGE = 1e-4  # shares beyond it, and zeros, are drawn at the edge


def write(records: list[Record], into: Path) -> None:
    """Write ``figures.png``; nothing where no figure has a bar."""
    drawn = [
        (record["program"], found)
        for record in records
        for found in figures_of(record)
        if found.verdict in ("kept", "MISSED")
    ]
    if not drawn:
        return
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.24 * len(drawn)), layout="constrained")
    for row, (_, found) in enumerate(drawn):
        colour = KEPT if found.verdict == "kept" else MISSED
        axes.plot([1, _shown(found)], [row, row], color=colour, linewidth=1)
        axes.plot(_shown(found), row, "o", color=colour, markersize=5)
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="share of the bar; right of the line it is missed")
    axes.set_yticks(range(len(drawn)), [_label(*one) for one in drawn], fontsize=7)
    axes.invert_yaxis()
    figure.savefig(into / "figures.png", dpi=150)
    plt.close(figure)


def share(found: Figure) -> float:
    """Return how much of its bar a figure takes: above 1 where it is missed."""
    value = found.value or 0.0
    shares = []
    if found.highest is not None:
        shares.append(_over(value, found.highest))
    if found.lowest is not None:
        shares.append(_over(found.lowest, value))
    return max(shares)


def _over(value: float, limit: float) -> float:
    if limit:
        return value / limit
    return math.inf if value else 0.0


def _shown(found: Figure) -> float:
    return min(max(share(found), EDGE), 1 / EDGE)


def _label(program: str, found: Figure) -> str:
    return f"{program} {found.name} = {found.value:.3g} ({found.bar})"
