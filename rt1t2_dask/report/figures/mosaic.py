"""Mosaics of one person's images for visual quality control."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.figures.picture import (
    ALARM,
    BANNER,
    OKABE_ITO,
    Picture,
    house_style,
    new_figure,
)
from rt1t2_dask.report.figures.planes import Box, Plane
from rt1t2_dask.report.figures.scene import ORIENTATION

Sampler = Callable[[Plane], NDArray[np.float64]]
Image = NDArray[np.float64]
Inside = NDArray[np.bool_]

_CUTS = {2: (0.2, 0.36, 0.52, 0.68, 0.84), 1: (0.35, 0.65), 0: (0.4, 0.55)}
_WIDTH_IN = 10.5
_SIDES = {0: ("P", "A"), 1: ("L", "R"), 2: ("L", "R")}
_COLOURS = (OKABE_ITO[4], OKABE_ITO[5], OKABE_ITO[1], OKABE_ITO[3])
_BACKGROUND = "#10103A"
_DARK = np.array(to_rgb(_BACKGROUND))
_GAP = 3
_SHADES = 40
_PALE_ALARM = "#E9C7CD"  # the mark of simulated data, which is drawn thinly


@dataclass(frozen=True)
class Strip:
    """One row of planes.

    Parameters
    ----------
    title : str
        Title of the row.
    box : Box
        Box to show, in the space of the samplers.
    background : callable
        Returns the image on a plane; NaN outside.
    outlines : mapping of str to callable
        At most four masks by name, each sampled on a plane; above 0.5 is inside.
    unit : str
        Name of the colour bar; empty for a grey image without one.
    limits : (float, float), optional
        Values of the darkest and the brightest colour; of the image itself where left out.
    within : callable, optional
        Mask whose values set the scale; the first outline where left out.
    """

    title: str
    box: Box
    background: Sampler
    outlines: Mapping[str, Sampler] = field(default_factory=dict)
    unit: str = ""
    limits: tuple[float, float] | None = None
    within: Sampler | None = None


def of(volume: Volume, order: int = 1) -> Sampler:
    """Sample a volume in its own space."""
    return lambda plane: plane.sample(volume, order)


def mosaic(strips: Sequence[Strip], simulated: bool, title: str = "", flag: str = "") -> Picture:
    """Draw one person's mosaic: each strip is a row of axial, coronal and sagittal planes.

    Parameters
    ----------
    strips : sequence of Strip
    simulated : bool
    title : str
        Label of the person.
    flag : str
        Reasons for a quality flag; empty for none.

    Notes
    -----
    Without limits colours run from the 2nd to the 98th percentile, grey from 0 to a little over the
    98th, of what lies within the mask that sets the scale.
    """
    rows = [paint(strip) for strip in strips]
    heights = [_WIDTH_IN * 0.86 * r.image.shape[0] / r.image.shape[1] + 0.3 for r in rows]
    with house_style():
        figure = new_figure(_WIDTH_IN, sum(heights) + 0.45, simulated)
        body = cast(SubFigure, figure.subfigures(1, 1))
        panels = body.subplots(len(rows), 1, height_ratios=heights, squeeze=False).ravel()
        for axes, strip, row in zip(panels, strips, rows, strict=True):
            _show(body, axes, strip, row)
        words = f"{title} \N{EM DASH} FLAGGED: {flag}" if flag else title
        colour = ALARM if flag else "black"
        body.suptitle(_cut(words), x=0.01, ha="left", fontweight="bold", color=colour, fontsize=9)
    caption = f"{title}: {'; '.join(strip.title for strip in strips)}. {ORIENTATION}"
    return Picture(figure, f"Planes through the images of {title}. {flag}".strip(), caption)


@dataclass(frozen=True)
class Painted:
    """The planes of a strip side by side; rows of the image from the bottom to the top."""

    image: Image
    planes: tuple[Plane, ...]
    starts: tuple[int, ...]
    norm: Normalize


def palette() -> list[tuple[int, int, int]]:
    """List the colours of a mosaic: greys, ratio, outlines, and the mark of simulated data."""
    shades = np.linspace(0, 1, _SHADES)
    maps = [mpl.colormaps[name](shades)[:, :3] for name in ("gray", "viridis")]
    single = [to_rgb(c) for c in (*_COLOURS, _BACKGROUND, ALARM, BANNER, _PALE_ALARM)]
    found = np.rint(255 * np.concatenate([*maps, np.array(single)])).astype(int)
    return [(int(red), int(green), int(blue)) for red, green, blue in found]


def paint(strip: Strip) -> Painted:
    """Paint all planes of a strip side by side."""
    planes = tuple(
        Plane(axis, _between(strip.box, axis, share), strip.box)
        for axis, shares in _CUTS.items()
        for share in shares
    )
    values = [strip.background(plane) for plane in planes]
    masks = [
        [np.nan_to_num(sampler(plane)) > 0.5 for sampler in strip.outlines.values()]
        for plane in planes
    ]
    norm = _norm(strip, values, _scaled_within(strip, planes, masks))
    colours = mpl.colormaps["viridis" if strip.unit else "gray"]
    panels = []
    for value, inside in zip(values, masks, strict=True):
        panel = np.asarray(colours(norm(value)))[..., :3]
        panel[~np.isfinite(value)] = _DARK
        for colour, mask in zip(_COLOURS, inside, strict=False):
            panel[_rim(mask)] = to_rgb(colour)
        panels.append(panel)
    tallest = max(panel.shape[0] for panel in panels)
    widths = [panel.shape[1] + _GAP for panel in panels]
    image = np.concatenate([_framed(panel, tallest) for panel in panels], axis=1)
    return Painted(image, planes, tuple(int(n) for n in np.cumsum([0, *widths[:-1]])), norm)


def _scaled_within(
    strip: Strip, planes: tuple[Plane, ...], masks: list[list[Inside]]
) -> list[Inside]:
    """Return the mask on each plane that sets the scale; none for the whole image."""
    if strip.within is not None:
        return [np.nan_to_num(strip.within(plane)) > 0.5 for plane in planes]
    return [own[0] for own in masks] if strip.outlines else []


def _norm(strip: Strip, values: list[Image], within: list[Inside]) -> Normalize:
    """Scale to the values within a mask: scalp fat would dominate otherwise."""
    if strip.limits is not None:
        return Normalize(*strip.limits)
    chosen = [v[m] for v, m in zip(values, within, strict=True)] if within else values
    known = np.concatenate([v[np.isfinite(v)] for v in chosen])
    low, high = np.percentile(known, [2, 98]) if known.size else (0.0, 1.0)
    return Normalize(float(low), float(high)) if strip.unit else Normalize(0.0, 1.15 * float(high))


def _between(box: Box, axis: int, share: float) -> float:
    return float(np.round(box.low[axis] + share * (box.high[axis] - box.low[axis])))


def _rim(inside: Inside) -> Inside:
    return np.asarray(inside & ~ndimage.binary_erosion(inside), dtype=np.bool_)


def _framed(panel: Image, height: int) -> Image:
    below = (height - panel.shape[0]) // 2
    frame = np.ones((height, panel.shape[1] + _GAP, 3))
    frame[below : below + panel.shape[0], : panel.shape[1]] = panel
    return frame


def _show(body: SubFigure, axes: Axes, strip: Strip, row: Painted) -> None:
    axes.imshow(row.image, origin="lower", interpolation="antialiased")
    axes.set_axis_off()
    axes.set_title(strip.title, loc="left", pad=3, fontsize=8.5)
    for plane, start in zip(row.planes, row.starts, strict=True):
        _mark(axes, plane, start, row.image.shape[0])
    if strip.unit:
        bar = ScalarMappable(row.norm, "viridis")
        body.colorbar(bar, ax=axes, label=strip.unit, shrink=0.8, pad=0.01)
    handles = [
        Line2D([], [], color=colour, label=name)
        for colour, name in zip(_COLOURS, strip.outlines, strict=False)
    ]
    if handles:
        axes.legend(
            handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, fontsize=7.5,
            frameon=False, borderaxespad=0,
        )  # fmt: skip


def _mark(axes: Axes, plane: Plane, start: int, height: int) -> None:
    """Label a plane's position and its sides."""
    across, up = plane.ticks_mm
    top = (height + up.size) // 2
    style: dict[str, Any] = {
        "fontsize": 6.5,
        "color": "white",
        "va": "top",
        "path_effects": [patheffects.withStroke(linewidth=1.6, foreground="black")],
    }
    left, right = _SIDES[plane.axis]
    axes.text(start + 3, top - 3, left, ha="left", **style)
    axes.text(start + across.size - 3, top - 3, right, ha="right", **style)
    place = f"{'xyz'[plane.axis]} = {plane.at_mm:.0f} mm"
    style["va"] = "bottom"
    axes.text(start + across.size / 2, top - up.size + 2, place, ha="center", **style)


def _cut(words: str, most: int = 130) -> str:
    return words if len(words) <= most else words[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"
