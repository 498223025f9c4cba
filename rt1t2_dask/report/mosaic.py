"""One person's ratio map in many planes, for the eye that checks quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.numbers import percent
from rt1t2_dask.report.picture import OKABE_ITO, Picture, house_style, new_figure
from rt1t2_dask.report.scene import ORIENTATION, label
from rt1t2_dask.report.sections import Box, Plane, box_round

_CUTS = 7
_WIDTH_IN = 10.5
_LINES: tuple[Any, ...] = ("solid", "dashed", "dotted", "dashdot")
_COLOURS = (OKABE_ITO[4], OKABE_ITO[5], OKABE_ITO[2], OKABE_ITO[3])


def mosaic(
    ratio: Volume, outlines: Mapping[str, Volume], simulated: bool, title: str = ""
) -> Picture:
    """Draw a ratio map in seven planes along each axis, with outlines of masks.

    Parameters
    ----------
    ratio : Volume
        T1w/T2w ratio, NaN where not measured.
    outlines : mapping of str to Volume
        Up to four masks by name, e.g. template brain and lesion, on any grid of the same space.
    simulated : bool
    title : str
        Whom it shows.

    Notes
    -----
    Grey runs from the 2nd to the 98th percentile of the measured voxels.
    """
    measured = np.isfinite(ratio.data)
    box = box_round(measured, ratio.affine)
    shown = ratio.data[measured]
    low, high = np.percentile(shown, [2, 98]) if shown.size else (0.0, 1.0)
    norm = Normalize(float(low), float(high))
    with house_style():
        figure = new_figure(_WIDTH_IN, 5.6, simulated)
        body = cast(SubFigure, figure.subfigures(1, 1))
        panels = body.subplots(3, _CUTS)
        for axis, row in enumerate(panels):
            for axes, plane in zip(row, _planes(axis, box), strict=True):
                _panel(axes, plane, ratio, norm, outlines)
        bar = ScalarMappable(norm, "gray")
        body.colorbar(bar, ax=list(panels.ravel()), label="T1w/T2w ratio", shrink=0.6)
        _legend(body, outlines)
        body.suptitle(title, x=0.01, ha="left", fontweight="bold")
    caption = f"{title}: T1w/T2w ratio; not measured is blue-black. {ORIENTATION}"
    measured_share = percent(round(float(measured.mean()), 3))
    return Picture(figure, f"Ratio map of {title}; {measured_share} of the grid measured.", caption)


def _planes(axis: int, box: Box) -> list[Plane]:
    places = np.linspace(box.low[axis], box.high[axis], _CUTS + 2)[1:-1].round()
    return [Plane(axis, float(place), box) for place in places]


def _panel(
    axes: Axes, plane: Plane, ratio: Volume, norm: Normalize, outlines: Mapping[str, Volume]
) -> None:
    axes.set_facecolor("#10103A")
    axes.imshow(plane.sample(ratio), origin="lower", extent=plane.extent, cmap="gray", norm=norm)
    for k, mask in enumerate(outlines.values()):
        inside = np.nan_to_num(plane.sample(mask)) > 0
        if inside.any() and not inside.all():
            axes.contour(
                *plane.ticks_mm,
                inside,
                [0.5],
                colors=_COLOURS[k % 4],
                linestyles=_LINES[k % 4],
                linewidths=0.9,
            )
    label(axes, plane)
    axes.set_title(f"{'xyz'[plane.axis]} = {plane.at_mm:.0f}", fontsize=7.5, pad=2)
    axes.set_xticks([])
    axes.set_yticks([])


def _legend(figure: SubFigure, outlines: Mapping[str, Volume]) -> None:
    handles = [
        Line2D([], [], color=_COLOURS[k % 4], linestyle=_LINES[k % 4], label=name)
        for k, name in enumerate(outlines)
    ]
    if handles:
        figure.legend(handles=handles, loc="outside upper right", ncols=4, fontsize=8)
