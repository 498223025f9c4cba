"""Anatomical slices with a statistic overlay, labelled in millimetres and sides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.figures.planes import AXES, Box, Plane, box_round
from rt1t2_dask.report.numbers import decimal

ORIENTATION = "Neurological convention: left is left."
HOT = ("#A63603", "#E6550D", "#FD8D3C", "#FDD0A2")
COLD = ("#08519C", "#3182BD", "#6BAED6", "#C6DBEF")
_SIDES = {0: ("P", "A"), 1: ("L", "R"), 2: ("L", "R")}
_THIN_EDGE = [patheffects.withStroke(linewidth=1.4, foreground="black")]


@dataclass(frozen=True)
class Scene:
    """An anatomical image with the overlay of one statistic.

    Parameters
    ----------
    anatomy : Volume
        T1 in the statistic's space; 0 outside the brain or head.
    overlay : Volume
        Statistic, NaN where not shown.
    colours : Colormap
    norm : Normalize
    """

    anatomy: Volume
    overlay: Volume
    colours: Colormap
    norm: Normalize

    @cached_property
    def box(self) -> Box:
        """The bounding box of the anatomy, mm."""
        return box_round(np.nan_to_num(self.anatomy.data) > 0, self.anatomy.affine)

    @cached_property
    def brightest(self) -> float:
        """Anatomy value shown as white."""
        data = np.nan_to_num(self.anatomy.data)
        return float(np.percentile(data[data > 0], 99.5)) if np.any(data > 0) else 1.0

    def plane(self, axis: int, at_mm: float) -> Plane:
        """Return the plane across the anatomy's box."""
        return Plane(axis, at_mm, self.box)

    def draw(self, axes: Axes, plane: Plane, opacity: NDArray[np.float64] | None = None) -> None:
        """Draw anatomy and statistic on one plane.

        Parameters
        ----------
        axes : Axes
        plane : Plane
        opacity : ndarray, shape of the plane, or None
            In [0, 1] for each sample of the overlay; None means opaque.
        """
        grey = plane.sample(self.anatomy, order=1)
        axes.set_facecolor("black")
        axes.imshow(
            np.nan_to_num(grey),
            origin="lower",
            extent=plane.extent,
            cmap="gray",
            vmin=0,
            vmax=self.brightest,
        )
        colour = self.colours(self.norm(plane.sample(self.overlay)))
        shown = np.isfinite(plane.sample(self.overlay))
        colour[..., 3] = shown * (1.0 if opacity is None else opacity)
        axes.imshow(colour, origin="lower", extent=plane.extent, interpolation="nearest")
        label(axes, plane)


def label(axes: Axes, plane: Plane) -> None:
    """Label the plane's position in mm, mm ticks and the sides L/R or P/A."""
    name = "xyz"[plane.axis]
    axes.set_title(f"{AXES[plane.axis]}, {name} = {decimal(plane.at_mm, 0)} mm", pad=3)
    ticks(axes, plane.axis, plane.extent)
    sides(axes, plane.axis, colour="white", edge="black")


def sides(axes: Axes, axis: int, colour: str = "black", edge: str = "white") -> None:
    """Label the anatomical sides of a picture across an axis."""
    outline = [patheffects.withStroke(linewidth=2.2, foreground=edge)]
    for text, x in zip(_SIDES[axis], (0.04, 0.96), strict=True):
        axes.text(
            x,
            0.97,
            text,
            transform=axes.transAxes,
            ha="center",
            va="top",
            color=colour,
            fontweight="bold",
            path_effects=outline,
        )


def crosshair(axes: Axes, plane: Plane, point_mm: NDArray[np.float64], gap_mm: float = 5) -> None:
    """Mark a point with an open crosshair."""
    left, right, bottom, top = plane.extent
    x, y = (float(point_mm[axis]) for axis in plane.in_plane)
    style: dict[str, Any] = {"color": "white", "linewidth": 0.6, "path_effects": _THIN_EDGE}
    for start, end in ((left, x - gap_mm), (x + gap_mm, right)):
        axes.plot([start, end], [y, y], **style)
    for start, end in ((bottom, y - gap_mm), (y + gap_mm, top)):
        axes.plot([x, x], [start, end], **style)
    axes.set(xlim=(left, right), ylim=(bottom, top))


def ticks(axes: Axes, axis: int, extent: tuple[float, float, float, float]) -> None:
    """Draw mm ticks on both axes of a picture across an axis."""
    left, right, bottom, top = extent
    axes.set_xticks(_round_ticks(left, right))
    axes.set_yticks(_round_ticks(bottom, top))
    axes.tick_params(labelsize=7, length=2, pad=1)
    across, up = (name for k, name in enumerate("xyz") if k != axis)
    axes.set_xlabel(f"{across} (mm)", fontsize=7, labelpad=1)
    axes.set_ylabel(f"{up} (mm)", fontsize=7, labelpad=0)


def _round_ticks(low: float, high: float, step: int = 40) -> NDArray[np.int64]:
    return np.arange(int(np.ceil(low / step)), int(np.floor(high / step)) + 1) * step


def signed_colours(u: float, largest: float) -> tuple[Colormap, Normalize]:
    """Return a colour-blind-safe map: orange for t above u, blue below -u, grey between.

    Parameters
    ----------
    u : float
        Threshold; 0 leaves no grey.
    largest : float
        |t| at both ends of the scale, above `u`.
    """
    t = np.linspace(-largest, largest, 1024)
    depth = np.clip((np.abs(t) - u) / (largest - u), 0, 1)
    hot, cold = (LinearSegmentedColormap.from_list("sign", ends) for ends in (HOT, COLD))
    colours = np.where((t > 0)[:, None], hot(depth), cold(depth))
    colours[np.abs(t) <= u] = (0.6, 0.6, 0.6, 1.0)
    return ListedColormap(colours), Normalize(-largest, largest, clip=True)
