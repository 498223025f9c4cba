"""Trim a brain mask that reaches the skull back to the tissue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, label

from rt1t2_dask.images.distance import depth_in, distance_from
from rt1t2_dask.images.volume import Volume

Mask = NDArray[np.bool_]

BRIDGE_MM = 2.0
SULCUS_MM = 6.0
LEAST_KEPT = 0.6
_BINS = 128


def trim(mask: Mask, t1w: Volume, keep: Mask | None = None) -> Mask:
    """Trim extracerebral CSF, and what is attached to it by thin bridges, from a brain mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)
        Reaches the brain's edge or beyond it; not empty.
    t1w : Volume
        Bias-corrected, on the mask's grid; fluid is darker than tissue.
    keep : ndarray of bool, shape (x, y, z), optional
        Lesions: dark as fluid may be, they belong to the brain.

    Returns
    -------
    ndarray of bool, shape (x, y, z)
        Within `mask`: tissue in one piece, closed over ventricles and sulci (6 mm), without
        holes. `mask` itself where under 60 % of it would be left: then the T1w's contrast does
        not tell tissue from fluid.

    Notes
    -----
    Ours. A mask that comes back from a template's mask reaches as far into the fluid as the
    template's head does; in an atrophied brain that is far. Fluid is parted from grey and white
    matter by Otsu's thresholds for three classes, bridges of up to 4 mm (dura, vessels, marrow)
    are cut by an opening.
    """
    voxel_mm = t1w.grid.voxel_mm
    box = _around(mask, np.ceil(SULCUS_MM / voxel_mm).astype(int) + 2)
    inside = mask[box]
    tissue = inside & (t1w.data[box] > three_classes(t1w.data[mask])[0])
    if keep is not None:
        tissue |= keep[box] & inside
    closed = _closed(_unbridged(tissue, voxel_mm), voxel_mm) & inside
    if closed.sum() < LEAST_KEPT * inside.sum():
        return mask
    trimmed = np.zeros_like(mask)
    trimmed[box] = closed
    return trimmed


def one_piece(mask: Mask) -> Mask:
    """Keep the largest 6-connected component; an empty mask stays empty."""
    labels, found = label(mask)
    if found < 2:
        return mask
    return np.asarray(labels == np.bincount(labels.ravel())[1:].argmax() + 1)


def three_classes(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return the two thresholds that best separate three classes (Otsu 1979, section III).

    Parameters
    ----------
    values : ndarray
        Finite; values beyond the 0.1 and 99.9 % quantiles are clipped.

    Returns
    -------
    tuple of float
        Ascending. Both thresholds at once: in sequence, they would split CSF where the mask holds
        much of it.
    """
    low, high = (float(v) for v in np.quantile(values, [0.001, 0.999]))
    if high <= low:
        return low, high
    counts, edges = np.histogram(np.clip(values, low, high), bins=_BINS)
    mass = np.concatenate([[0.0], np.cumsum(counts)])
    moment = np.concatenate([[0.0], np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)])
    spread = _weighed(mass[None, :] - mass[:, None], moment[None, :] - moment[:, None])
    between = spread[0][:, None] + spread + spread[:, -1][None, :]
    between[np.tril_indices(_BINS + 1)] = -np.inf
    first, second = np.unravel_index(int(between.argmax()), between.shape)
    return float(edges[first]), float(edges[second])


def _weighed(mass: NDArray[np.float64], moment: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each class's mass times its squared mean; 0 for an empty class."""
    return np.divide(moment**2, mass, out=np.zeros_like(mass), where=mass > 0)


def _unbridged(tissue: Mask, voxel_mm: NDArray[np.float64]) -> Mask:
    core = one_piece(depth_in(tissue, voxel_mm) > BRIDGE_MM)
    reach = BRIDGE_MM + float(voxel_mm.min())
    return np.asarray(tissue & (distance_from(core, voxel_mm) <= reach))


def _closed(tissue: Mask, voxel_mm: NDArray[np.float64]) -> Mask:
    grown = distance_from(tissue, voxel_mm) <= SULCUS_MM
    left = depth_in(np.pad(grown, 1, mode="edge"), voxel_mm)
    return np.asarray(binary_fill_holes(left[1:-1, 1:-1, 1:-1] > SULCUS_MM) | tissue)


def _around(mask: Mask, margin: NDArray[np.intp]) -> tuple[slice, ...]:
    """Return the box of a mask, some voxels wider on each side where the image goes on."""
    where = [np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    return tuple(
        slice(max(int(w[0] - m), 0), int(w[-1] + m) + 1) for w, m in zip(where, margin, strict=True)
    )
