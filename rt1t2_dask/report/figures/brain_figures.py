"""Statistics on axial slices: an overview of t, lesion overlap, coverage."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.content import ContrastResult
from rt1t2_dask.report.figures.picture import Picture, house_style, new_figure, stacked
from rt1t2_dask.report.figures.planes import Plane
from rt1t2_dask.report.figures.scene import ORIENTATION, Scene
from rt1t2_dask.report.figures.t_scene import (
    FOOT_IN,
    WIDTH_IN,
    colour_bar,
    draw_faded,
    passing,
    t_bar,
    t_scene,
)
from rt1t2_dask.report.numbers import plural

_ROWS, _COLUMNS = 3, 4


def overview(result: ContrastResult, template: Volume, simulated: bool) -> Picture:
    """Draw the whole t map on axial slices, transparent below the threshold, clusters outlined.

    Nothing is hidden by the threshold (Taylor et al. 2023, NeuroImage 274:120138).
    """
    kept = passing(result)
    scene = t_scene(result, template, result.t_map, 0.0)
    with house_style():
        levels = _levels(scene.box.low[2] + 12, scene.box.high[2] - 12)
        figure, foot, panels = _axial_panels(scene, levels, simulated)
        for axes, plane in panels:
            draw_faded(axes, scene, plane, result, kept)
        t_bar(foot, scene, result)
    signs = (
        f": solid where positive ({result.positive}), dashed where negative ({result.negative})"
        if result.statistic == "t"
        else ""
    )
    caption = (
        f"{result.title}: {result.statistic}on axial slices, transparent below the threshold "
        f"({result.height}). White outlines: clusters above the height and extent "
        f"thresholds{signs}. {ORIENTATION}"
    )
    found = plural(len(result.clusters), "cluster")
    return Picture(
        figure,
        f"Axial slices with {result.statistic} of {result.title}; {found} outlined.",
        caption,
    )


def lesion_overlap(count: Volume, template: Volume, simulated: bool) -> Picture | None:
    """Draw the number of people with a lesion at each voxel; None without lesions.

    Parameters
    ----------
    count : Volume
        People, shape (x, y, z).
    template : Volume
        T1 of the brain in the same space, on any grid.
    simulated : bool
    """
    most = int(np.max(count.data, initial=0))
    if most == 0:
        return None
    colours = mpl.colormaps["viridis"].resampled(most)
    norm = BoundaryNorm(np.arange(0.5, most + 1), most) if most > 1 else BoundaryNorm([0.5, 1.5], 1)
    overlay = count.with_data(np.where(count.data > 0, count.data, np.nan))
    scene = Scene(template, overlay, colours, norm)
    lesioned = np.argwhere(count.data > 0) @ np.asarray(count.affine)[:3, :3].T
    z = lesioned[:, 2] + count.affine[2, 3]
    with house_style():
        figure, foot, panels = _axial_panels(scene, _levels(z.min(), z.max()), simulated)
        for axes, plane in panels:
            scene.draw(axes, plane)
        bar = colour_bar(foot, scene, "people with a lesion")
        bar.set_xticks(np.unique(np.linspace(1, most, min(most, 8)).round()))
    overlap = f"at most {plural(most, 'person', 'people')} at one voxel"
    caption = f"Lesion overlap: {overlap}. {ORIENTATION}"
    return Picture(figure, f"Axial slices with the number of lesions; {overlap}.", caption)


def coverage_map(share: Volume, template: Volume, simulated: bool) -> Picture | None:
    """Draw the fraction of people measured at each voxel; None if there are no voxels.

    Parameters
    ----------
    share : Volume
        0 to 1, shape (x, y, z).
    template : Volume
        T1 of the brain in the same space, on any grid.
    simulated : bool
    """
    if not np.any(share.data > 0):
        return None
    overlay = share.with_data(np.where(share.data > 0, share.data, np.nan))
    scene = Scene(template, overlay, mpl.colormaps["cividis"], Normalize(0, 1))
    z = [scene.box.low[2] + 12, scene.box.high[2] - 10]
    with house_style():
        figure, foot, panels = _axial_panels(scene, _levels(z[0], z[1]), simulated)
        for axes, plane in panels:
            scene.draw(axes, plane)
        colour_bar(foot, scene, "fraction of people measured")
    everybody = float(np.mean(share.data[share.data > 0] == 1))
    words = f"{100 * everybody:.1f} % of the voxels measured in anyone are measured in everyone"
    return Picture(
        figure,
        f"Axial slices with the fraction of people measured; {words}.",
        f"Coverage: {words}. {ORIENTATION}",
    )


def _axial_panels(
    scene: Scene, levels: NDArray[np.float64], simulated: bool
) -> tuple[Figure, SubFigure, Iterator[tuple[Axes, Plane]]]:
    width, depth, _ = scene.box.high - scene.box.low
    rows = -(-levels.size // _COLUMNS)
    body_in = rows * (WIDTH_IN / _COLUMNS * depth / width + 0.1)
    figure = new_figure(WIDTH_IN, body_in + FOOT_IN, simulated)
    body, foot = stacked(figure, [body_in, FOOT_IN])
    panels = body.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for spare in panels[levels.size :]:
        spare.set_axis_off()
    planes = (scene.plane(2, float(z)) for z in levels)
    return figure, foot, zip(panels, planes, strict=False)


def _levels(low: float, high: float) -> NDArray[np.float64]:
    spread = np.linspace(low, high, _ROWS * _COLUMNS)
    return np.asarray(np.unique(spread.round()), dtype=np.float64)
