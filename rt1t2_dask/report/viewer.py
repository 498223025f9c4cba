"""Data of the interactive viewer: anatomy and maps on one grid, packed for the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.content import ContrastResult
from rt1t2_dask.report.figures.picture import SIMULATED_MARK
from rt1t2_dask.report.figures.planes import Box, box_round, values_at
from rt1t2_dask.report.figures.scene import COLD, HOT
from rt1t2_dask.report.layers import Layer, MapWords, Packed, map_layer, pack, statistic_layer
from rt1t2_dask.report.numbers import coordinates, decimal

STEP_MM = 2.0
MEAN = MapWords("mean", "Mean ratio of everybody", "mean ratio", "T1w/T2w")
FURTHER = {
    "d": MapWords("g", "Effect size: Hedges' g", "g", "SD"),
    "r": MapWords("r", "Effect size: partial r", "r"),
    "eta2": MapWords("eta2", "Effect size: partial η²", "η²"),
    "fwe": MapWords("fwe", "Whole-brain p by permutation: −log10 p FWE", "−log10 p", "FWE"),
    "tfce": MapWords("tfce", "The same of TFCE: −log10 p FWE", "−log10 p", "FWE, TFCE"),
}
HEIGHTS = dict.fromkeys(("fwe", "tfce"), -math.log10(0.05))
UNITS = {"log": "of the log ratio", "ratio": "of the ratio", "signed": "of the maps"}


@dataclass(frozen=True)
class Anatomy:
    """The anatomy shared by all viewers of a page, 8-bit grey on `STEP_MM` samples.

    Parameters
    ----------
    packed : Packed
    box : Box
    shape : tuple of int
    mean : Layer or None
        The mean ratio, shared too.
    """

    packed: Packed
    box: Box
    shape: tuple[int, int, int]
    mean: Layer | None = None


@dataclass(frozen=True)
class Viewer:
    """One contrast: its maps, the statistic first, and settings of the script."""

    layers: tuple[Layer, ...]
    settings: dict[str, Any]
    clusters: tuple[tuple[str, tuple[float, float, float]], ...]


def anatomy(template: Volume, mean: Volume | None = None) -> Anatomy:
    """Sample the template (linear), and the mean ratio, inside the bounding box of its brain."""
    tight = box_round(np.nan_to_num(template.data) > 0, template.affine)
    box = Box(np.floor(tight.low / STEP_MM) * STEP_MM, tight.high)
    grey = np.nan_to_num(on_lattice(template, box, order=1))
    brightest = float(np.percentile(grey[grey > 0], 99.5)) if np.any(grey > 0) else 1.0
    scaled = np.clip(255 * grey / brightest, 0, 255).round().astype(np.uint8)
    shared = None if mean is None else map_layer(on_lattice(mean, box), MEAN)
    return Anatomy(pack(scaled), box, _shape(scaled), shared)


def viewer(result: ContrastResult, brain: Anatomy, simulated: bool) -> Viewer:
    """Sample the maps of a contrast (nearest voxel) where the anatomy is sampled.

    Parameters
    ----------
    result : ContrastResult
    brain : Anatomy
    simulated : bool
        Marks each slice as simulated.
    """
    t = on_lattice(result.t_map, brain.box)
    clusters = _clusters(result)
    settings = {
        "low": brain.box.low.tolist(),
        "step": STEP_MM,
        "shape": list(brain.shape),
        "start": list(clusters[0][1]) if clusters else _strongest(t, brain.box),
        "hot": HOT,
        "cold": COLD,
        "mark": SIMULATED_MARK if simulated else "",
    }
    words = MapWords(result.statistic, f"Test statistic: {result.statistic}", result.statistic)
    first = statistic_layer(t, words, result.statistic == "t", result.threshold.u)
    return Viewer((first, *_further(result, brain.box)), settings, clusters)


def _further(result: ContrastResult, box: Box) -> list[Layer]:
    """Pack the further maps of a contrast, in the order in which they are offered."""
    scale = "ratio" if result.details is None else result.details.scale
    known = {"effect": MapWords("effect", "Effect: estimate", "effect", UNITS[scale])} | FURTHER
    if result.paired:
        known["d"] = MapWords("dz", "Effect size: d_z", "d_z", "SD of the differences")
    return [
        map_layer(on_lattice(result.maps[name], box), words, HEIGHTS.get(name, 0.0))
        for name, words in known.items()
        if name in result.maps
    ]


def on_lattice(volume: Volume, box: Box, order: int = 0) -> NDArray[np.float64]:
    """Sample an image every `STEP_MM` in a box, shape (x, y, z); NaN outside the image."""
    steps = (
        np.arange(low, high + 1e-6, STEP_MM) for low, high in zip(box.low, box.high, strict=True)
    )
    return values_at(volume, np.array(np.meshgrid(*steps, indexing="ij")), order)


def _shape(values: NDArray[Any]) -> tuple[int, int, int]:
    x, y, z = values.shape
    return x, y, z


def _strongest(t: NDArray[np.float64], box: Box) -> list[float]:
    if not np.isfinite(t).any():
        return [float(x) for x in (box.low + box.high) / 2]
    index = np.array(np.unravel_index(int(np.nanargmax(np.abs(t))), t.shape))
    return [float(x) for x in box.low + STEP_MM * index]


def _clusters(
    result: ContrastResult,
) -> tuple[tuple[str, tuple[float, float, float]], ...]:
    columns = ["peak_x_mm", "peak_y_mm", "peak_z_mm"]
    peaks = result.clusters[columns].to_numpy(dtype=np.float64)
    rows = zip(peaks, result.clusters.itertuples(), strict=True)
    return tuple(
        (
            f"{row.cluster}: {row.region}, {result.statistic} = {decimal(row.peak_t)} "
            f"({coordinates(peak)})",
            (float(peak[0]), float(peak[1]), float(peak[2])),
        )
        for peak, row in rows
    )
