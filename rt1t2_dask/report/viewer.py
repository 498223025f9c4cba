"""Data of the interactive viewer: anatomy and t on one grid, packed for the page."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.content import ContrastResult
from rt1t2_dask.report.figures.picture import SIMULATED_MARK
from rt1t2_dask.report.figures.planes import Box, box_round, values_at
from rt1t2_dask.report.figures.scene import COLD, HOT
from rt1t2_dask.report.numbers import coordinates, decimal

STEP_MM = 2.0
T_SCALE = 100
NOT_MEASURED = -32768


@dataclass(frozen=True)
class Packed:
    """An array for the browser.

    Parameters
    ----------
    base64 : str
        Gzip of the little-endian values, x fastest, then y, then z.
    """

    base64: str


@dataclass(frozen=True)
class Anatomy:
    """The anatomy shared by all viewers of a page, 8-bit grey on `STEP_MM` samples."""

    packed: Packed
    box: Box
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Viewer:
    """One contrast: t in hundredths as 16-bit integers, and settings of the script."""

    packed: Packed
    settings: dict[str, Any]
    clusters: tuple[tuple[str, tuple[float, float, float]], ...]


def pack(values: NDArray[Any]) -> Packed:
    """Pack an array, shape (x, y, z), deterministically."""
    little = np.ascontiguousarray(values.T, dtype=values.dtype.newbyteorder("<"))
    return Packed(base64.b64encode(gzip.compress(little.tobytes(), 9, mtime=0)).decode("ascii"))


def anatomy(template: Volume) -> Anatomy:
    """Sample the template (linear) inside the bounding box of its brain."""
    tight = box_round(np.nan_to_num(template.data) > 0, template.affine)
    box = Box(np.floor(tight.low / STEP_MM) * STEP_MM, tight.high)
    grey = np.nan_to_num(on_lattice(template, box, order=1))
    brightest = float(np.percentile(grey[grey > 0], 99.5)) if np.any(grey > 0) else 1.0
    scaled = np.clip(255 * grey / brightest, 0, 255).round().astype(np.uint8)
    return Anatomy(pack(scaled), box, _shape(scaled))


def viewer(result: ContrastResult, brain: Anatomy, simulated: bool) -> Viewer:
    """Sample a t map (nearest voxel) where the anatomy is sampled.

    Parameters
    ----------
    result : ContrastResult
    brain : Anatomy
    simulated : bool
        Marks each slice as simulated.
    """
    t = on_lattice(result.t_map, brain.box)
    scaled = np.where(np.isfinite(t), np.clip(np.round(T_SCALE * t), -32767, 32767), NOT_MEASURED)
    largest = float(np.nanmax(np.abs(t), initial=0))
    clusters = _clusters(result)
    settings = {
        "low": brain.box.low.tolist(),
        "step": STEP_MM,
        "shape": list(brain.shape),
        "scale": T_SCALE,
        "missing": NOT_MEASURED,
        "u": result.threshold.u,
        "statistic": result.statistic,
        "symbol": result.symbol,
        "largest": max(largest, 1.05 * result.threshold.u),
        "start": list(clusters[0][1]) if clusters else _strongest(t, brain.box),
        "hot": HOT,
        "cold": COLD,
        "mark": SIMULATED_MARK if simulated else "",
    }
    return Viewer(pack(scaled.astype(np.int16)), settings, clusters)


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
