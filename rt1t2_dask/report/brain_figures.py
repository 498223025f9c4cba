"""Statistics on the brain: slices at cluster peaks, an overview, lesion overlap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.content import ContrastResult
from rt1t2_dask.report.numbers import coordinates, decimal, plural, thousands
from rt1t2_dask.report.picture import Picture, house_style, new_figure, stacked
from rt1t2_dask.report.scene import ORIENTATION, Scene, crosshair, signed_colours
from rt1t2_dask.report.sections import Plane, supra_threshold

MAX_CLUSTERS = 8
_WIDTH_IN = 7.5
_FOOT_IN = 0.75
_ROWS, _COLUMNS = 3, 4
_DASHED = (0, (2.5, 1.5))


def cluster_slices(result: ContrastResult, template: Volume, simulated: bool) -> Picture | None:
    """Draw the three planes through each cluster's peak, the largest clusters first.

    Parameters
    ----------
    result : ContrastResult
    template : Volume
        T1 of the brain in the same space, on any grid.
    simulated : bool

    Returns
    -------
    Picture or None
        None where no cluster passed the threshold.
    """
    if result.clusters.empty:
        return None
    shown = result.clusters.sort_values("volume_mm3", ascending=False, kind="stable")
    shown = shown.head(MAX_CLUSTERS)
    scene = _t_scene(result, template, _kept(result), result.threshold.u)
    with house_style():
        width, depth, height = scene.box.high - scene.box.low
        row_in = _WIDTH_IN * max(depth, height) / (2 * width + depth) + 0.2
        figure = new_figure(_WIDTH_IN, row_in * len(shown) + _FOOT_IN, simulated)
        heights = [row_in] * len(shown) + [_FOOT_IN]
        *rows, foot = stacked(figure, heights)
        for row, (_, cluster) in zip(rows, shown.iterrows(), strict=True):
            _cluster_row(row, scene, cluster)
        _bar(foot, scene, _t_label(result), result.threshold.u)
    return Picture(figure, _clusters_alt(result, shown), _clusters_caption(result, len(shown)))


def overview(result: ContrastResult, template: Volume, simulated: bool) -> Picture:
    """Draw all of t on axial slices, fading below the threshold, clusters outlined.

    Nothing is hidden by the threshold (Taylor et al. 2023, NeuroImage 274:120138).
    """
    kept = _kept(result)
    scene = _t_scene(result, template, result.t_map, 0.0)
    with house_style():
        levels = _levels(scene.box.low[2] + 12, scene.box.high[2] - 12)
        figure, foot, panels = _axial_panels(scene, levels, simulated)
        for axes, plane in panels:
            strength = np.abs(np.nan_to_num(plane.sample(result.t_map))) / result.threshold.u
            scene.draw(axes, plane, np.minimum(strength, 1) ** 2)
            _outline(axes, plane, kept)
        _bar(foot, scene, _t_label(result), result.threshold.u)
    caption = (
        f"{result.title}: t on axial slices, fading below |t| = {decimal(result.threshold.u)}. "
        "White lines run round the clusters that pass height and extent: solid where "
        f"positive ({result.positive}), dashed where negative ({result.negative}). {ORIENTATION}"
    )
    found = plural(len(result.clusters), "cluster")
    return Picture(figure, f"Axial slices with t of {result.title}; {found} outlined.", caption)


def lesion_overlap(count: Volume, template: Volume, simulated: bool) -> Picture | None:
    """Draw how many people have a lesion at each voxel; None where nobody has one.

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
        bar = _bar(foot, scene, "people with a lesion at the voxel")
        bar.set_xticks(np.unique(np.linspace(1, most, min(most, 8)).round()))
    overlap = f"at most {plural(most, 'person', 'people')} at one voxel"
    caption = f"Lesion overlap: {overlap}. {ORIENTATION}"
    return Picture(figure, f"Axial slices with the number of lesions; {overlap}.", caption)


def coverage_map(share: Volume, template: Volume, simulated: bool) -> Picture | None:
    """Draw in which share of the people each voxel was measured; None where nowhere.

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
        _bar(foot, scene, "share of the people measured at the voxel")
    everybody = float(np.mean(share.data[share.data > 0] == 1))
    words = f"{100 * everybody:.1f} % of the voxels measured in anybody are measured in everybody"
    return Picture(
        figure,
        f"Axial slices with the share of people measured; {words}.",
        f"Coverage: {words}. {ORIENTATION}",
    )


def _kept(result: ContrastResult) -> Volume:
    return supra_threshold(result.t_map, result.threshold.u, result.threshold.extent_mm3)


def _t_scene(result: ContrastResult, template: Volume, overlay: Volume, grey_below: float) -> Scene:
    largest = float(np.max(np.abs(result.t_map.data), initial=0, where=_finite(result.t_map)))
    colours, norm = signed_colours(grey_below, max(largest, 1.05 * result.threshold.u))
    return Scene(template, overlay, colours, norm)


def _finite(volume: Volume) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(volume.data), dtype=bool)


def _cluster_row(row: SubFigure, scene: Scene, cluster: pd.Series) -> None:
    peak = cluster[["peak_x_mm", "peak_y_mm", "peak_z_mm"]].to_numpy(dtype=float)
    box = scene.box.high - scene.box.low
    panels = row.subplots(1, 3, width_ratios=[box[1], box[0], box[0]])
    for axis, axes in enumerate(panels):
        plane = scene.plane(axis, float(peak[axis]))
        scene.draw(axes, plane)
        crosshair(axes, plane, peak)
        axes.set_anchor("N")
    words = (
        f"Cluster {cluster['cluster']} ({cluster['sign']}): {cluster['region']}, "
        f"peak t = {decimal(cluster['peak_t'])} at {coordinates(peak)} mm, "
        f"{thousands(cluster['volume_mm3'])} mm³"
    )
    row.suptitle(words, x=0.01, ha="left", fontsize=9, fontweight="bold")


def _axial_panels(
    scene: Scene, levels: NDArray[np.float64], simulated: bool
) -> tuple[Figure, SubFigure, Iterator[tuple[Axes, Plane]]]:
    width, depth, _ = scene.box.high - scene.box.low
    rows = -(-levels.size // _COLUMNS)
    body_in = rows * (_WIDTH_IN / _COLUMNS * depth / width + 0.1)
    figure = new_figure(_WIDTH_IN, body_in + _FOOT_IN, simulated)
    body, foot = stacked(figure, [body_in, _FOOT_IN])
    panels = body.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for spare in panels[levels.size :]:
        spare.set_axis_off()
    planes = (scene.plane(2, float(z)) for z in levels)
    return figure, foot, zip(panels, planes, strict=False)


def _levels(low: float, high: float) -> NDArray[np.float64]:
    spread = np.linspace(low, high, _ROWS * _COLUMNS)
    return np.asarray(np.unique(spread.round()), dtype=np.float64)


def _outline(axes: Axes, plane: Plane, kept: Volume) -> None:
    values = np.nan_to_num(plane.sample(kept))
    for inside, dash in ((values > 0, "solid"), (values < 0, _DASHED)):
        if inside.any():
            for colour, wide, form in (("black", 1.9, "solid"), ("white", 1.0, dash)):
                style: dict[str, Any] = {"colors": colour, "linewidths": wide, "linestyles": [form]}
                axes.contour(*plane.ticks_mm, inside, [0.5], **style)


def _bar(foot: SubFigure, scene: Scene, words: str, u: float | None = None) -> Axes:
    grid = foot.add_gridspec(1, 3, width_ratios=[1, 3, 1])
    middle = foot.add_subplot(grid[1])
    foot.colorbar(ScalarMappable(scene.norm, scene.colours), cax=middle, orientation="horizontal")
    if u is not None:
        largest = float(scene.norm.vmax or u)
        middle.set_xticks([-largest, -u, 0, u, largest])
        middle.set_xticklabels([decimal(tick) for tick in (-largest, -u, 0, u, largest)])
    middle.set_xlabel(words)
    return middle


def _t_label(result: ContrastResult) -> str:
    dof = result.threshold.dof
    freedom = "" if dof is None else f" (df = {decimal(dof, 0 if dof == int(dof) else 1)})"
    return f"{result.statistic}{freedom}; orange: {result.positive}, blue: {result.negative}"


def _clusters_caption(result: ContrastResult, shown: int) -> str:
    limits, total = result.threshold, len(result.clusters)
    which = "All clusters" if shown == total else f"The {shown} largest of {total} clusters"
    return (
        f"{result.title}. {which} with |t| > {decimal(limits.u)} (p < {limits.p:g}, one-sided for "
        f"each sign, uncorrected) and at least {thousands(limits.extent_mm3)} mm³; planes through "
        f"each peak (cross), MNI mm. {ORIENTATION}"
    )


def _clusters_alt(result: ContrastResult, shown: pd.DataFrame) -> str:
    places = "; ".join(
        f"{row.region}, {row.sign}, t = {decimal(row.peak_t)}" for row in shown.itertuples()
    )
    return f"Slices through the cluster peaks of {result.title}: {places}."
