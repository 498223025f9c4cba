"""Small strokes: dark in T1w, bright in T2w, in white matter away from planted effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.simulate.effects import Effect
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.intensities import WHITE

Points = NDArray[np.float64]

INTENSITY = {"t1w": 0.45 * WHITE["t1w"], "t2w": 1.9 * WHITE["t2w"]}
_RADIUS_MM = (4.0, 9.0)
_CLEARANCE_MM = 4.0
_ELONGATION = 0.25
_EDGE_MM = 1.0
_MIN_WHITE = 0.9


@dataclass(frozen=True)
class Lesion:
    """An ellipsoid in template space: centre and semi-axes in mm."""

    centre_mm: Points
    axes_mm: Points


def draw_lesions(
    rng: np.random.Generator, head: HeadModel, count: int, effects: Sequence[Effect]
) -> tuple[Lesion, ...]:
    """Draw lesions of radius 4 to 9 mm centred in white matter.

    Lesions stay 4 mm away from planted effects, which remain measurable.
    """
    lesions = []
    white = np.flatnonzero(np.where(head.brain, head.white, 0) > _MIN_WHITE)
    for _ in range(count):
        radius = rng.uniform(*_RADIUS_MM)
        axes = radius * (1 + _ELONGATION * rng.uniform(-1, 1, 3))
        index = np.stack(np.unravel_index(rng.permutation(white), head.grid.shape), axis=-1)
        centres = index + head.grid.affine[:3, 3]
        clear = _is_clear(centres, float(axes.max()), effects)
        lesions.append(Lesion(centres[np.argmax(clear)], axes))
    return tuple(lesions)


def add(
    image: NDArray[np.float32],
    contrast: str,
    points: NDArray[np.floating],
    lesions: Sequence[Lesion],
) -> NDArray[np.float32]:
    """Return the image with lesions; `points` are its voxels' template positions in mm."""
    if not lesions:
        return image
    share = share_at(points, lesions)
    return np.asarray(image * (1 - share) + INTENSITY[contrast] * share, dtype=np.float32)


def share_at(points: NDArray[np.floating], lesions: Sequence[Lesion]) -> NDArray[np.float64]:
    """Compute the lesion fraction (0 to 1, smooth edge) at template points, shape (..., 3)."""
    share = np.zeros(points.shape[:-1])
    for lesion in lesions:
        radius = np.sqrt(
            sum(((points[..., i] - lesion.centre_mm[i]) / lesion.axes_mm[i]) ** 2 for i in range(3))
        )
        depth = (1 - radius) * lesion.axes_mm.mean() / _EDGE_MM
        share = np.maximum(share, 1 / (1 + np.exp(-2 * np.clip(depth, -30, 30))))
    return share


def _is_clear(centres: Points, reach_mm: float, effects: Sequence[Effect]) -> NDArray[np.bool_]:
    clear = np.ones(len(centres), dtype=bool)
    for effect in effects:
        distance = np.linalg.norm(centres - effect.centre_mm, axis=1)
        clear &= distance > effect.radius_mm + reach_mm + _CLEARANCE_MM
    return clear
