"""Variograms of receptor maps and of their surrogates."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes

from rt1t2_dask.report.figures.picture import OKABE_ITO, Picture, house_style, new_figure
from rt1t2_dask.report.numbers import percent, plural

_COLUMNS = 4


def variograms(table: pd.DataFrame, simulated: bool) -> Picture | None:
    """Draw each map's variogram with its surrogates' mean and range; None without any.

    Parameters
    ----------
    table : DataFrame
        group, receptor, map, distance_mm, own, surrogates_mean, surrogates_low, surrogates_high,
        error; a map has the same surrogates for every group.
    simulated : bool
    """
    known = table[table["group"] == table["group"].iloc[0]].dropna(subset=["own"])
    maps = list(dict.fromkeys(known["map"]))
    if not maps:
        return None
    columns = min(_COLUMNS, len(maps))
    lines = math.ceil(len(maps) / columns)
    with house_style():
        figure = new_figure(1.9 * columns + 0.2, 1.5 * lines + 0.9, simulated)
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes, name in zip(panels, maps, strict=False):
            _draw(axes, known[known["map"] == name])
        for axes in panels[len(maps) :]:
            axes.set_visible(False)
        panels[columns * (lines - 1)].set_xlabel("distance (mm)")
        figure.supylabel("semivariance / maximum of the map", fontsize=9)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    errors = known.drop_duplicates("map")["error"]
    span = f"{percent(errors.min())} to {percent(errors.max())}"
    caption = (
        "Variogram of each receptor map and of its surrogates (mean, 95 % range of 500), over "
        f"the smallest quarter of distances. Relative error of the mean: {span}."
    )
    return Picture(figure, f"Variograms of {plural(len(maps), 'map')}; error {span}.", caption)


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    x, scale = rows["distance_mm"], rows["own"].max() or 1.0
    low, high = rows["surrogates_low"] / scale, rows["surrogates_high"] / scale
    axes.fill_between(x, low, high, color=OKABE_ITO[5], alpha=0.35, label="95 % of surrogates")
    mean = rows["surrogates_mean"] / scale
    axes.plot(x, mean, "--", color=OKABE_ITO[0], label="mean of surrogates")
    axes.plot(x, rows["own"] / scale, color="black", label="map")
    axes.set_title(f"{rows['receptor'].iloc[0]}, error {percent(rows['error'].iloc[0])}")
    axes.set_ylim(bottom=0)
