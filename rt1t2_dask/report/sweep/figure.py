"""Small multiples of a sweep: the clusters of one contrast under every setting."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from numpy.typing import NDArray

from rt1t2_dask.report.figures.picture import Picture, house_style, new_figure, stacked
from rt1t2_dask.report.figures.projection import Projection, View
from rt1t2_dask.report.figures.scene import signed_colours
from rt1t2_dask.report.numbers import plural, thousands
from rt1t2_dask.report.sweep.table import SweepEntry

_COLUMNS = 3
_PANEL_IN = (2.5, 1.55)
_FOOT_IN = 0.75


def small_multiples(
    contrast: str, entries: Sequence[SweepEntry], brain: Projection, simulated: bool
) -> Picture:
    """Draw the clusters of one contrast, one panel per job, on a common scale.

    Parameters
    ----------
    contrast : str
    entries : sequence of SweepEntry
        Jobs with the contrast; two swept settings make rows and columns.
    brain : Projection
        Projections of the template.
    simulated : bool
    """
    grid = _arranged(entries)
    rows, columns = len(grid), max(len(row) for row in grid)
    width, height = columns * _PANEL_IN[0], rows * _PANEL_IN[1]
    largest = max(_largest(each.projections[contrast]) for each in entries)
    colours, norm = signed_colours(0.0, largest)
    with house_style():
        figure = new_figure(width, height + _FOOT_IN, simulated)
        body, foot = stacked(figure, [height, _FOOT_IN])
        panels = body.subplots(rows, 2 * columns, squeeze=False, width_ratios=[1.2, 1] * columns)
        for axes in panels.ravel():
            axes.set_axis_off()
        for row, line in enumerate(grid):
            for column, each in enumerate(line):
                pair = panels[row, 2 * column : 2 * column + 2]
                _panel(pair, each, contrast, brain, colours, norm)
        middle = foot.add_subplot(foot.add_gridspec(1, 3, width_ratios=[1, 3, 1])[1])
        foot.colorbar(ScalarMappable(norm, colours), cax=middle, orientation="horizontal")
        middle.set_xlabel("t; orange: the first group higher, blue: lower")
    return Picture(figure, _alt(contrast, entries), _caption(contrast))


def _arranged(entries: Sequence[SweepEntry]) -> list[list[SweepEntry]]:
    keys = list(dict.fromkeys(key for each in entries for key in each.changed))
    if len(keys) == 2:
        by_first = itertools.groupby(entries, key=lambda each: each.changed[keys[0]])
        return [list(line) for _, line in by_first]
    return [list(entries[i : i + _COLUMNS]) for i in range(0, len(entries), _COLUMNS)]


def _largest(projection: Projection) -> float:
    values = projection.axial.values
    return float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0


def _panel(
    pair: NDArray[Any],
    each: SweepEntry,
    contrast: str,
    brain: Projection,
    colours: Any,
    norm: Any,
) -> None:
    seen = each.projections[contrast]
    for axes, view, anatomy in (
        (pair[0], seen.sagittal, brain.sagittal),
        (pair[1], seen.axial, brain.axial),
    ):
        _draw(axes, anatomy, "Greys", None)
        _draw(axes, view, colours, norm)
        left, right, bottom, top = anatomy.extent
        axes.set(xlim=(left, right), ylim=(bottom, top))
    words = "\n".join(f"{key}={value}" for key, value in each.changed.items())
    table = each.contrasts[contrast]
    found = f"{plural(len(table), 'cluster')}, {thousands(table['volume_mm3'].sum())} mm³"
    pair[0].set_title(f"{words}\n{found}", loc="left", fontsize=7)


def _draw(axes: Axes, view: View, colours: Any, norm: Any) -> None:
    style: dict[str, Any] = {"origin": "lower", "extent": view.extent, "interpolation": "nearest"}
    if norm is None:
        inside = np.where(np.nan_to_num(view.values) > 0, 0.25, np.nan)
        axes.imshow(inside, cmap=colours, vmin=0, vmax=1, **style)
    else:
        axes.imshow(view.values, cmap=colours, norm=norm, **style)


def _caption(contrast: str) -> str:
    return (
        f"{contrast}: suprathreshold clusters under each setting, maximum-intensity projections "
        f"from the left and from above. From above, left is left."
    )


def _alt(contrast: str, entries: Sequence[SweepEntry]) -> str:
    found = "; ".join(
        f"{each.job}: {plural(len(each.contrasts[contrast]), 'cluster')}" for each in entries
    )
    return f"Clusters of {contrast} under each setting: {found}."
