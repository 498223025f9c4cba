"""Glass brain: maximum-intensity projections of clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.content import ContrastResult
from rt1t2_dask.report.figures.picture import Picture, house_style, new_figure, stacked
from rt1t2_dask.report.figures.projection import View, project
from rt1t2_dask.report.figures.scene import Scene, sides, ticks
from rt1t2_dask.report.figures.t_scene import FOOT_IN, WIDTH_IN, passing, t_bar, t_scene
from rt1t2_dask.report.numbers import coordinates, plural, thousands

_TITLES = ("from the left", "from behind", "from above")
_EDGE = [patheffects.withStroke(linewidth=2.0, foreground="white")]


def glass_brain(result: ContrastResult, template: Volume, simulated: bool) -> Picture | None:
    """Draw maximum-intensity projections of the clusters, numbered at their peaks.

    Parameters
    ----------
    result : ContrastResult
    template : Volume
        T1 of the brain in the same space, on any grid; its outline is drawn.
    simulated : bool

    Returns
    -------
    Picture or None
        None without suprathreshold clusters.
    """
    if result.clusters.empty:
        return None
    kept = passing(result)
    scene = t_scene(result, template, kept, result.threshold.u)
    width, depth, height = scene.box.high - scene.box.low
    seen, brain = project(kept, scene.box), project(_inside(template), scene.box)
    body_in = WIDTH_IN * max(height, depth) / (2 * width + depth)
    with house_style():
        figure = new_figure(WIDTH_IN, body_in + FOOT_IN, simulated)
        body, foot = stacked(figure, [body_in, FOOT_IN])
        panels = body.subplots(1, 3, width_ratios=[depth, width, width])
        pairs = (
            (seen.sagittal, brain.sagittal),
            (seen.coronal, brain.coronal),
            (seen.axial, brain.axial),
        )
        for axis, (axes, (view, outline)) in enumerate(zip(panels, pairs, strict=True)):
            _draw(axes, view, outline, scene)
            _number(axes, axis, result.clusters)
            sides(axes, axis)
            ticks(axes, axis, outline.extent)
            axes.set_title(_TITLES[axis], pad=3)
        t_bar(foot, scene, result)
    return Picture(figure, _alt(result), _caption(result))


def _inside(template: Volume) -> Volume:
    inside = np.nan_to_num(template.data) > 0
    return template.with_data(np.where(inside, 1.0, np.nan).astype(np.float32))


def _draw(axes: Axes, view: View, outline: View, scene: Scene) -> None:
    inside = np.nan_to_num(outline.values)
    style: dict[str, Any] = {"origin": "lower", "interpolation": "nearest"}
    axes.imshow(inside, cmap="Greys", vmin=0, vmax=8, extent=outline.extent, **style)
    axes.contour(
        inside, [0.5], colors="#555555", linewidths=1.0, extent=outline.extent, origin="lower"
    )
    axes.imshow(view.values, cmap=scene.colours, norm=scene.norm, extent=view.extent, **style)
    left, right, bottom, top = outline.extent
    axes.set(xlim=(left, right), ylim=(bottom, top), anchor="N")


def _number(axes: Axes, axis: int, clusters: pd.DataFrame) -> None:
    across, up = (f"peak_{name}_mm" for k, name in enumerate("xyz") if k != axis)
    for row in clusters.to_dict("records"):
        axes.text(
            row[across],
            row[up],
            f"{row['cluster']}{'+' if row['sign'] == 'positive' else '−'}",
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            path_effects=_EDGE,
        )


def _caption(result: ContrastResult) -> str:
    signs = "" if result.statistic == "F" else (f" (+ {result.positive}, − {result.negative})")
    return (
        f"{result.title}: clusters above {result.height} and "
        f"{thousands(result.threshold.extent_mm3)} mm³, maximum-intensity projections. Numbers "
        f"mark the peaks{signs}; MNI mm. From behind and from above, left is left."
    )


def _alt(result: ContrastResult) -> str:
    peaks = "; ".join(
        f"{row['cluster']} {row['sign']} at {coordinates([row[f'peak_{a}_mm'] for a in 'xyz'])}"
        for row in result.clusters.to_dict("records")
    )
    found = plural(len(result.clusters), "cluster")
    return f"Glass brain of {result.title} with {found}: {peaks}."
