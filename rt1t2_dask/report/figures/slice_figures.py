"""Three planes through cluster peaks and fixed coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.content import ContrastResult, Place
from rt1t2_dask.report.figures.picture import Picture, house_style, new_figure, stacked
from rt1t2_dask.report.figures.planes import values_at
from rt1t2_dask.report.figures.scene import ORIENTATION, Scene, crosshair
from rt1t2_dask.report.figures.t_scene import (
    FOOT_IN,
    WIDTH_IN,
    draw_faded,
    passing,
    t_bar,
    t_scene,
)
from rt1t2_dask.report.numbers import coordinates, decimal, is_missing, level, thousands

MAX_CLUSTERS = 8


def cluster_slices(
    result: ContrastResult, template: Volume, simulated: bool, most: int = MAX_CLUSTERS
) -> Picture | None:
    """Draw three planes through the peaks of the largest clusters, in table order.

    Parameters
    ----------
    result : ContrastResult
    template : Volume
        T1 of the brain in the same space, on any grid.
    simulated : bool
    most : int
        Clusters shown.

    Returns
    -------
    Picture or None
        None without suprathreshold clusters.
    """
    if result.clusters.empty:
        return None
    largest = result.clusters.sort_values("volume_mm3", ascending=False, kind="stable")
    shown = largest.head(most).sort_values("cluster")
    scene = t_scene(result, template, passing(result), result.threshold.u)
    with house_style():
        figure, rows, foot = _rows(scene, len(shown), simulated)
        for row, (_, cluster) in zip(rows, shown.iterrows(), strict=True):
            _cluster_row(row, scene, cluster, result.statistic)
        t_bar(foot, scene, result)
    return Picture(figure, _clusters_alt(result, shown), _clusters_caption(result, len(shown)))


def place_slices(
    result: ContrastResult, template: Volume, places: Sequence[Place], simulated: bool
) -> Picture | None:
    """Draw three planes through fixed points, the same in every report.

    Parameters
    ----------
    result : ContrastResult
    template : Volume
        T1 of the brain in the same space, on any grid.
    places : sequence of Place
        Points in mm, clipped to the bounding box of the template's brain.
    simulated : bool

    Returns
    -------
    Picture or None
        None without places.
    """
    if not places:
        return None
    kept = passing(result)
    scene = t_scene(result, template, result.t_map, 0.0)
    words = [f"{place.name}: {_value(result, place)}" for place in places]
    with house_style():
        figure, rows, foot = _rows(scene, len(places), simulated)
        for row, place, text in zip(rows, places, words, strict=True):
            point = np.array(place.mm)
            for axis, axes in enumerate(_panels(row, scene)):
                plane = scene.plane(axis, float(point[axis]))
                draw_faded(axes, scene, plane, result, kept)
                crosshair(axes, plane, point)
            row.suptitle(text, x=0.01, ha="left", fontsize=9, fontweight="bold")
        t_bar(foot, scene, result)
    caption = (
        f"{result.title} at fixed coordinates (report.slices): {result.statistic} is transparent "
        f"below the threshold ({result.height}); outlined: suprathreshold clusters; MNI mm. "
        f"{ORIENTATION}"
    )
    return Picture(figure, f"Slices of {result.title} through {'; '.join(words)}.", caption)


def _rows(scene: Scene, count: int, simulated: bool) -> tuple[Figure, list[SubFigure], SubFigure]:
    width, depth, height = scene.box.high - scene.box.low
    row_in = WIDTH_IN * max(depth, height) / (2 * width + depth) + 0.2
    figure = new_figure(WIDTH_IN, row_in * count + FOOT_IN, simulated)
    *rows, foot = stacked(figure, [row_in] * count + [FOOT_IN])
    return figure, rows, foot


def _panels(row: SubFigure, scene: Scene) -> NDArray[np.object_]:
    box = scene.box.high - scene.box.low
    panels: NDArray[np.object_] = row.subplots(1, 3, width_ratios=[box[1], box[0], box[0]])
    for axes in panels:
        axes.set_anchor("N")
    return panels


def _cluster_row(row: SubFigure, scene: Scene, cluster: pd.Series, symbol: str) -> None:
    peak = cluster[["peak_x_mm", "peak_y_mm", "peak_z_mm"]].to_numpy(dtype=float)
    for axis, axes in enumerate(_panels(row, scene)):
        plane = scene.plane(axis, float(peak[axis]))
        scene.draw(axes, plane)
        crosshair(axes, plane, peak)
    words = (
        f"Cluster {cluster['cluster']} ({cluster['sign']}): {cluster['region']}, "
        f"peak {symbol} = {decimal(cluster['peak_t'])} at {coordinates(peak)} mm, "
        f"{thousands(cluster['volume_mm3'])} mm³"
    )
    row.suptitle(words, x=0.01, ha="left", fontsize=9, fontweight="bold")


def _value(result: ContrastResult, place: Place) -> str:
    found = float(values_at(result.t_map, np.array(place.mm)[:, None], order=0)[0])
    text = "not analysed" if is_missing(found) else f"{result.statistic} = {decimal(found)}"
    return f"{coordinates(place.mm)} mm, {text}"


def _clusters_caption(result: ContrastResult, shown: int) -> str:
    limits, total = result.threshold, len(result.clusters)
    which = "All clusters" if shown == total else f"The {shown} largest of {total} clusters"
    sided = "one-sided for each sign, " if result.statistic == "t" else ""
    return (
        f"{result.title}. {which} with {result.height} (p < {level(limits.p)}, {sided}uncorrected) "
        f"and at least {thousands(limits.extent_mm3)} mm³; planes through "
        f"each peak (cross), MNI mm. {ORIENTATION}"
    )


def _clusters_alt(result: ContrastResult, shown: pd.DataFrame) -> str:
    places = "; ".join(
        f"{row.region}, {row.sign}, {result.statistic} = {decimal(row.peak_t)}"
        for row in shown.itertuples()
    )
    return f"Slices through the cluster peaks of {result.title}: {places}."
