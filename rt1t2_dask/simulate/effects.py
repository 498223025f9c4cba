"""Planted changes of the T1w/T2w ratio, in template space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from rt1t2_dask.images.volume import Affine, Grid
from rt1t2_dask.simulate.head import HeadModel

Points = NDArray[np.float64]

EDGE_MM = 2.0
_SEARCH_MM = 30.0


@dataclass(frozen=True)
class Effect:
    """A sphere in which the ratio of brain tissue differs.

    Parameters
    ----------
    name : str
        The region; several spheres may share one name.
    centre_mm : tuple of float
        Template (MNI) coordinates.
    radius_mm : float
        Radius at half of the change.
    change : float
        Fraction by which the ratio changes in the sphere, -0.15 for 15 % lower.
    """

    name: str
    centre_mm: tuple[float, float, float]
    radius_mm: float
    change: float


def change_at(points: NDArray[np.floating], effects: Sequence[Effect]) -> NDArray[np.float64]:
    """Compute the ratio change (fraction) of pure brain tissue at template points, shape (..., 3).

    Where spheres overlap, the larger change applies; edges fall off logistically over `EDGE_MM`.
    """
    total = np.zeros(points.shape[:-1])
    for effect in effects:
        distance = np.sqrt(sum((points[..., i] - effect.centre_mm[i]) ** 2 for i in range(3)))
        inside = np.clip((effect.radius_mm - distance) / EDGE_MM, -30, 30)
        change = effect.change / (1 + np.exp(-2 * inside))
        total = np.where(np.abs(change) > np.abs(total), change, total)
    return np.asarray(total)


def planted_change(head: HeadModel, effects: Sequence[Effect], grid: Grid) -> NDArray[np.float64]:
    """Return the true, unsmoothed ratio change (fraction) on a grid in template space.

    Parameters
    ----------
    head : HeadModel
        Its tissue fraction weights the change: CSF does not change.
    effects : sequence of Effect
        What was planted.
    grid : Grid
        Any grid in template mm.

    Returns
    -------
    ndarray, shape (x, y, z)
        0 outside the brain.
    """
    points = grid.world().astype(np.float64)
    index = to_index(points, head.grid.affine)
    tissue = np.where(head.brain, head.tissue, 0).astype(np.float32)
    share = map_coordinates(tissue, np.moveaxis(index, -1, 0), order=1)
    return np.asarray(change_at(points, effects) * share)


def move_inside(effects: Sequence[Effect], head: HeadModel, depth_mm: float) -> tuple[Effect, ...]:
    """Move each centre to the nearest voxel at least `depth_mm` inside the brain mask.

    The grid's edges are not edges of the brain. Centres already that deep are unchanged.

    Raises
    ------
    ValueError
        No voxel that deep within 30 mm of a centre.
    """
    return tuple(_moved(effect, head, depth_mm) for effect in effects)


def to_index(points: NDArray[np.floating], affine: Affine) -> Points:
    """Convert world points in mm, shape (..., 3), to voxel indices."""
    inverse = np.linalg.inv(np.asarray(affine, dtype=np.float64))
    return np.asarray(np.einsum("...j,ij->...i", points, inverse[:3, :3]) + inverse[:3, 3])


def _moved(effect: Effect, head: HeadModel, depth_mm: float) -> Effect:
    centre = np.rint(to_index(np.array(effect.centre_mm), head.grid.affine)).astype(int)
    step = float(head.grid.voxel_mm[0])
    # Depth is valid only where the box extends `depth_mm` beyond the search.
    reach, margin = round(_SEARCH_MM / step), int(np.ceil(depth_mm / step)) + 1
    start = np.maximum(centre - reach - margin, 0)
    stop = np.minimum(centre + reach + margin + 1, head.grid.shape)
    box = head.brain[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    padded = np.pad(box, 1, mode="edge")
    depth = step * distance_transform_edt(padded)[1:-1, 1:-1, 1:-1]
    deep = np.argwhere(depth >= depth_mm) + start
    offset = np.linalg.norm(deep - centre, axis=1)
    if not offset.size or offset.min() > reach:
        raise ValueError(f"{effect.name}: no voxel {depth_mm} mm inside the brain is near")
    if offset.min() == 0:
        return effect
    nearest = head.grid.affine[:3, :3] @ deep[np.argmin(offset)] + head.grid.affine[:3, 3]
    x, y, z = (float(value) for value in nearest)
    return replace(effect, centre_mm=(x, y, z))
