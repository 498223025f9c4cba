"""Colours and scale shared by all figures of one contrast."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import SubFigure
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.content import ContrastResult
from rt1t2_dask.report.figures.planes import Plane, supra_threshold
from rt1t2_dask.report.figures.scene import Scene, signed_colours
from rt1t2_dask.report.numbers import decimal

WIDTH_IN = 7.5
FOOT_IN = 0.75
_CLOSE = 1.4
_DASHED = (0, (2.5, 1.5))


def passing(result: ContrastResult) -> Volume:
    """Mask t to suprathreshold clusters; NaN elsewhere."""
    return supra_threshold(result.t_map, result.threshold.u, result.threshold.extent_mm3)


def t_scene(result: ContrastResult, template: Volume, overlay: Volume, grey_below: float) -> Scene:
    """Overlay t on the template, scaled to the largest |t|."""
    largest = float(np.max(np.abs(result.t_map.data), initial=0, where=_finite(result.t_map)))
    colours, norm = signed_colours(grey_below, max(largest, 1.05 * result.threshold.u))
    return Scene(template, overlay, colours, norm)


def _finite(volume: Volume) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(volume.data), dtype=bool)


def t_bar(foot: SubFigure, scene: Scene, result: ContrastResult) -> Axes:
    """Draw the colour bar of a statistic with its threshold; F has no negative half."""
    u, largest = result.threshold.u, float(scene.norm.vmax or result.threshold.u)
    bar = colour_bar(foot, scene, t_label(result))
    ticks = [-u, 0, u] if largest < _CLOSE * u else [-largest, -u, 0, u, largest]
    if result.statistic == "F":
        ticks = [tick for tick in ticks if tick >= 0]
        bar.set_xlim(0, largest)
    bar.set_xticks(ticks, [decimal(tick) for tick in ticks])
    return bar


def colour_bar(foot: SubFigure, scene: Scene, words: str) -> Axes:
    """Draw the colour bar of a scene."""
    grid = foot.add_gridspec(1, 3, width_ratios=[1, 3, 1])
    middle = foot.add_subplot(grid[1])
    foot.colorbar(ScalarMappable(scene.norm, scene.colours), cax=middle, orientation="horizontal")
    middle.set_xlabel(words)
    return middle


def t_label(result: ContrastResult) -> str:
    """Return a label with statistic, degrees of freedom and the meaning of signs."""
    dof = result.threshold.dof
    freedom = "" if dof is None else f" (df = {decimal(dof, 0 if dof == int(dof) else 1)})"
    if result.statistic == "F":
        return f"F{freedom}; orange: {result.positive}"
    return f"t{freedom}; orange: {result.positive}, blue: {result.negative}"


def draw_faded(
    axes: Axes, scene: Scene, plane: Plane, result: ContrastResult, kept: Volume
) -> None:
    """Draw the whole t map, transparent below the threshold, clusters outlined."""
    strength = np.abs(np.nan_to_num(plane.sample(result.t_map))) / result.threshold.u
    scene.draw(axes, plane, np.minimum(strength, 1) ** 2)
    _outline(axes, plane, kept)


def _outline(axes: Axes, plane: Plane, kept: Volume) -> None:
    values = np.nan_to_num(plane.sample(kept))
    for inside, dash in ((values > 0, "solid"), (values < 0, _DASHED)):
        if inside.any():
            for colour, wide, form in (("black", 1.9, "solid"), ("white", 1.0, dash)):
                style: dict[str, Any] = {"colors": colour, "linewidths": wide, "linestyles": [form]}
                axes.contour(*plane.ticks_mm, inside, [0.5], **style)
