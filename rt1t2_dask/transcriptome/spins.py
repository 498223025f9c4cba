"""Spin nulls: rotations of the sphere as permutations of regions."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.jit import compiled

Float = NDArray[np.float64]
Index = NDArray[np.intp]
Method = Literal["vasa", "nearest"]
LEAST_REGIONS = 5
DRAW = 256


def rotations(n: int, seed: int, block: int) -> Float:
    """Draw rotations uniform on the sphere, shape (n, 3, 3), from block number ``block``.

    Notes
    -----
    QR of Gaussian matrices with the signs of R's diagonal taken out, determinant +1: without that
    step rotations are not uniform.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, block)))
    q, r = np.linalg.qr(rng.standard_normal((n, 3, 3)))
    q *= np.sign(np.einsum("nii->ni", r))[:, None, :]
    q[np.linalg.det(q) < 0, :, 0] *= -1
    return np.asarray(q)


def spin_orders(
    centroids: Float, left: NDArray[np.bool_], n: int, seed: int = 0, method: Method = "vasa"
) -> Index:
    """Return the region whose value each region takes in each spin.

    Parameters
    ----------
    centroids : ndarray, shape (region, 3)
        Of regions on the sphere of their hemisphere; any radius.
    left : ndarray of bool, shape (region,)
        Hemisphere; both turn together, the right one mirrored.
    n : int
        Spins.
    seed : int
        Spins 256 k to 256 k + 255 come from ``SeedSequence(seed, spawn_key=(0, k))``.
    method : {"vasa", "nearest"}
        ``vasa``: every value is used once a hemisphere, so that each null map has the values
        of the original (Vasa et al. 2018, Cereb Cortex 28:281: the region farthest from any
        rotated one chooses first). ``nearest``: each takes the nearest rotated region's value,
        with repeats and omissions (Alexander-Bloch et al. 2018, NeuroImage 178:540, on regions).

    Returns
    -------
    ndarray of int, shape (n, region)
        Null map b is ``map[orders[b]]``.

    Raises
    ------
    UserError
        Fewer than five regions in a hemisphere that has any.
    """
    unit = centroids / np.linalg.norm(centroids, axis=1, keepdims=True)
    orders = np.empty((n, len(unit)), np.intp)
    for side, mirror in ((left, 1.0), (~left, -1.0)):
        rows = np.flatnonzero(side)
        if not len(rows):
            continue
        if len(rows) < LEAST_REGIONS:
            raise UserError(
                f"spins need {LEAST_REGIONS} regions per hemisphere; the map has {len(rows)}."
            )
        places = unit[rows] * np.array([mirror, 1.0, 1.0])
        for block, start in enumerate(range(0, n, DRAW)):
            turned = rotations(DRAW, seed, block)[: n - start]
            found = np.empty((len(turned), len(rows)), np.intp)
            closeness = (places @ turned) @ places.T
            (_once if method == "vasa" else _nearest)(closeness, found)
            orders[start : start + DRAW, rows] = rows[found]
    return orders


def shuffles(n_regions: int, n: int, seed: int = 0) -> Index:
    """Return random permutations, which ignore space; only for comparison."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    return rng.permuted(np.tile(np.arange(n_regions), (n, 1)), axis=1)


@compiled
def _nearest(closeness: Float, found: Index) -> None:
    for b in range(closeness.shape[0]):
        for i in range(closeness.shape[1]):
            best = 0
            for j in range(closeness.shape[2]):
                if closeness[b, i, j] > closeness[b, i, best]:
                    best = j
            found[b, i] = best


@compiled
def _once(closeness: Float, found: Index) -> None:
    """Assign each region one rotated region: the farthest from any chooses first."""
    n = closeness.shape[1]
    best = np.empty(n, np.intp)
    placed = np.empty(n, np.bool_)
    taken = np.empty(n, np.bool_)
    for b in range(closeness.shape[0]):
        placed[:] = False
        taken[:] = False
        best[:] = -1
        for _ in range(n):
            chosen = -1
            for i in range(n):
                if placed[i]:
                    continue
                if best[i] < 0 or taken[best[i]]:
                    top = -1
                    for j in range(n):
                        if not taken[j] and (top < 0 or closeness[b, i, j] > closeness[b, i, top]):
                            top = j
                    best[i] = top
                if chosen < 0 or closeness[b, i, best[i]] < closeness[b, chosen, best[chosen]]:
                    chosen = i
            found[b, chosen] = best[chosen]
            placed[chosen] = True
            taken[best[chosen]] = True
