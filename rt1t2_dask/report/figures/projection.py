"""Maximum-intensity projections of clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.figures.planes import Box, values_at

Extent = tuple[float, float, float, float]
SAGITTAL, CORONAL, AXIAL = 0, 1, 2


@dataclass(frozen=True)
class View:
    """A 2-D projection in world millimetres.

    Parameters
    ----------
    values : ndarray, shape (up, across)
        NaN where the projection is empty.
    extent : tuple of float
        Left, right, bottom, top in mm.
    """

    values: NDArray[np.float32]
    extent: Extent


@dataclass(frozen=True)
class Projection:
    """An image seen from above, from the side and from behind."""

    axial: View
    sagittal: View
    coronal: View


def project(volume: Volume, box: Box) -> Projection:
    """Project an image along each axis, keeping the largest magnitude with its sign.

    Parameters
    ----------
    volume : Volume
        Shape (x, y, z), on any grid; NaN is transparent.
    box : Box
        Box to project, sampled at the image's smallest voxel edge.
    """
    step = float(volume.grid.voxel_mm.min())
    ticks = [
        np.arange(low, high + step / 2, step) for low, high in zip(box.low, box.high, strict=True)
    ]
    world = np.stack(np.meshgrid(*ticks, indexing="ij"))
    values = values_at(volume, world, order=0)
    axial, sagittal, coronal = (_view(values, ticks, a) for a in (AXIAL, SAGITTAL, CORONAL))
    return Projection(axial, sagittal, coronal)


def _view(values: NDArray[np.float64], ticks: list[NDArray[np.float64]], axis: int) -> View:
    across, up = (ticks[a] for a in range(3) if a != axis)
    half = (across[1] - across[0]) / 2
    strength = np.where(np.isfinite(values), np.abs(values), -1.0)
    strongest = np.expand_dims(strength.argmax(axis=axis), axis)
    flat = np.take_along_axis(values, strongest, axis=axis).squeeze(axis)
    extent = (across[0] - half, across[-1] + half, up[0] - half, up[-1] + half)
    return View(flat.T.astype(np.float32), extent)
