"""Inner loops of permutation tests with one variance per group, compiled.

Lanes are voxels under one permutation, or permutations of one voxel. With d_g the
correlations of the orthonormal columns U with the permuted residual over group g, s_g the
residual's sum of squares there and c = sum_g d_g, the full model leaves
s_g - 2 c'd_g + c' U_g'U_g c in the group: all that Welch's t and Winkler's G need.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.jit import compiled
from rt1t2_dask.stats.permutation.kernels import F32, GROUP, WIDTH, products
from rt1t2_dask.stats.permutation.microkernel import ROWS

LEAST: Final = np.float32(1e-9)
ONE: Final = np.float32(1)


@compiled
def _left_over(d: F32, s: F32, gram: F32, c: F32) -> None:
    """Sum d over groups into c, and convert s to the groups' residual sums of squares."""
    groups, columns = gram.shape[0], gram.shape[1]
    twice = np.empty(WIDTH, np.float32)
    c[:] = 0
    for row in range(groups * columns):
        for j in range(WIDTH):
            c[row % columns, j] += d[row, j]
    for g in range(groups):
        for k in range(columns):
            for j in range(WIDTH):
                twice[j] = -2 * d[g * columns + k, j]
            for m in range(columns):
                for j in range(WIDTH):
                    twice[j] += gram[g, k, m] * c[m, j]
            for j in range(WIDTH):
                s[g, j] += c[k, j] * twice[j]
        for j in range(WIDTH):
            s[g, j] = max(s[g, j], LEAST)


@compiled
def _share(ratio: float, dof: float, q: int, nominal: float) -> float:
    """Compute explained variance at the nominal dof with the p of F, ratio = q F / dof."""
    if q == 1:
        part = (8 * dof + 1) / (8 * dof + 3)
        whole = (8 * nominal + 1) / (8 * nominal + 3)
        power = dof * part * part / (nominal * whole * whole)
    else:
        power = (dof + 0.5 * q - 1) / (nominal + 0.5 * q - 1)
    return float(-np.expm1(-power * np.log1p(ratio)))


@compiled
def _welch(s: F32, c: F32, dof: F32, spread: F32, nominal: float, out: F32) -> None:
    """Compute signed explained variance of Welch's t from :func:`_left_over`.

    The variance is sum_g s_g / dof_g sum_{i in g} x_i^2, its freedom Satterthwaite's.
    """
    for j in range(WIDTH):
        variance, square = np.float32(0), np.float32(0)
        for g in range(dof.shape[0]):
            part = s[g, j] * spread[g] / dof[g]
            variance += part
            square += part * part / dof[g]
        own = variance * variance / square
        ratio = c[0, j] * c[0, j] / (variance * own)
        u = _share(float(ratio), float(own), 1, nominal)
        out[j] = -u if c[0, j] < 0 else u


@compiled
def _winkler(
    d: F32, s: F32, gram: F32, dof: F32, members: F32, q: int, nominal: float, out: F32
) -> None:
    """Compute explained variance of G: a Cholesky factor of sum_g w_g U_g'U_g, nuisance first."""
    groups, columns = gram.shape[0], gram.shape[1]
    a, b, w = np.empty((columns, columns)), np.empty(columns), np.empty(groups)
    for j in range(WIDTH):
        largest, whole = 0.0, 0.0
        for g in range(groups):
            w[g] = dof[g] / s[g, j]
            largest = max(largest, w[g])
            whole += w[g] * members[g]
        spread = 0.0
        for g in range(groups):
            spread += (1 - w[g] * members[g] / whole) ** 2 / dof[g]
        for k in range(columns):
            b[k] = 0.0
            for g in range(groups):
                b[k] += w[g] / largest * d[g * columns + columns - 1 - k, j]
            for m in range(k + 1):
                a[k, m] = 0.0
                for g in range(groups):
                    a[k, m] += w[g] / largest * gram[g, columns - 1 - k, columns - 1 - m]
        explained = _explained(a, b, q) * largest
        scale = 1 + 2 * (q - 1) / (q * (q + 2)) * spread
        own = q * (q + 2) / (3 * spread)
        out[j] = _share(explained / scale / own, own, q, nominal)


@compiled
def _explained(a: NDArray[np.float64], b: NDArray[np.float64], q: int) -> float:
    """Compute the gain in b'A^-1 b of the last q columns, A lower triangular; both overwritten."""
    total = 0.0
    for k in range(b.shape[0]):
        for m in range(k):
            for i in range(m):
                a[k, m] -= a[k, i] * a[m, i]
            a[k, m] /= a[m, m]
            a[k, k] -= a[k, m] * a[k, m]
            b[k] -= a[k, m] * b[m]
        a[k, k] = np.sqrt(max(a[k, k], 1e-30))
        b[k] /= a[k, k]
        if k >= b.shape[0] - q:
            total += b[k] * b[k]
    return total


@compiled
def _judged(
    d: F32, s: F32, c: F32, gram: F32, dof: F32, members: F32, q: int, nominal: float, out: F32
) -> None:
    _left_over(d, s, gram, c)
    if q == 1:
        _welch(s, c, dof, gram[:, 0, 0], nominal, out)
    else:
        _winkler(d, s, gram, dof, members, q, nominal, out)


@compiled
def fill_unequal(
    whole: F32,
    weights: F32,
    masks: F32,
    count: int,
    gram: F32,
    dof: F32,
    members: F32,
    q: int,
    nominal: float,
    maps: F32,
) -> None:
    """Write signed explained variance of every voxel without missing data.

    Parameters
    ----------
    whole : ndarray, shape (tile, participant, WIDTH)
        Unit residuals.
    weights : ndarray, shape (group, panel, participant, ROWS)
        Panels of GROUP permutations: for each and each variance group, its columns.
    masks : ndarray, shape (group, panel, participant, ROWS)
        For each permutation, who is in each variance group.
    count : int
        Permutations.
    gram : ndarray, shape (variance group, column, column)
        Of the columns over each variance group.
    dof, members : ndarray, shape (variance group,)
        Residual degrees of freedom, and how many there are.
    q : int
        Rank of the contrast, whose columns come first.
    nominal : float
        Degrees of freedom of the explained variance.
    maps : ndarray, shape (count, tile * WIDTH)
        Filled.
    """
    groups, columns = gram.shape[0], gram.shape[1]
    d = np.empty((weights.shape[1] * ROWS, WIDTH), np.float32)
    s = np.empty((masks.shape[1] * ROWS, WIDTH), np.float32)
    c = np.empty((columns, WIDTH), np.float32)
    for t in range(whole.shape[0]):
        square = whole[t] * whole[t]
        for group in range(weights.shape[0]):
            products(whole[t], weights[group], d)
            products(square, masks[group], s)
            for k in range(min(GROUP, count - group * GROUP)):
                out = maps[group * GROUP + k, t * WIDTH : (t + 1) * WIDTH]
                own = d[k * groups * columns : (k + 1) * groups * columns]
                sums = s[k * groups : (k + 1) * groups]
                _judged(own, sums, c, gram, dof, members, q, nominal, out)


@compiled
def _geometry(
    columns: F32, group: NDArray[np.intp], present: NDArray[np.bool_], gram: F32, dof: F32,
    members: F32,
) -> None:  # fmt: skip
    """Compute gram matrix, residual dof and size of each variance group over those present."""
    gram[:], dof[:], members[:] = 0, 0, 0
    for i in range(present.shape[0]):
        if not present[i]:
            continue
        g = group[i]
        members[g] += ONE
        dof[g] += ONE
        for k in range(columns.shape[0]):
            dof[g] -= columns[k, i] * columns[k, i]
            for m in range(columns.shape[0]):
                gram[g, k, m] += columns[k, i] * columns[m, i]


@compiled
def _accumulate(
    residual: F32, columns: F32, group: NDArray[np.intp], present: NDArray[np.bool_],
    order: NDArray[np.int16], j: int, d: F32, s: F32,
) -> None:  # fmt: skip
    """Fill lane j of d and s from one voxel under one order, without the missing."""
    for k in range(residual.shape[0]):
        if not present[k]:
            continue
        sign = np.float32(-1 if order[k] < 0 else 1)
        place = ~order[k] if order[k] < 0 else order[k]
        while not present[place]:
            place = ~order[place] if order[place] < 0 else order[place]
        first = group[place] * columns.shape[0]
        for q in range(columns.shape[0]):
            d[first + q, j] += columns[q, place] * sign * residual[k]
        s[group[place], j] += residual[k] * residual[k]


@compiled
def scan_partial_unequal(
    residuals: F32,
    columns: F32,
    group: NDArray[np.intp],
    groups: int,
    present: NDArray[np.bool_],
    orders: NDArray[np.int16],
    q: int,
    nominal: float,
    scores: F32,
) -> None:
    """Compute signed explained variance of voxels with missing participants.

    Parameters
    ----------
    residuals, columns, present, orders
        As in :func:`rt1t2_dask.stats.permutation.kernels.scan_partial`; the columns span
        the constant too.
    group : ndarray of int, shape (participant,)
        Variance group of each row of the design.
    groups : int
        How many there are.
    q, nominal
        As in :func:`fill_unequal`.
    scores : ndarray, shape (voxel, permutation)
        Filled.
    """
    k = columns.shape[1]
    gram, c = np.empty((groups, k, k), np.float32), np.empty((k, WIDTH), np.float32)
    dof, members = np.empty(groups, np.float32), np.empty(groups, np.float32)
    d, s = np.empty((groups * k, WIDTH), np.float32), np.empty((groups, WIDTH), np.float32)
    out = np.empty(WIDTH, np.float32)
    for v in range(residuals.shape[0]):
        _geometry(columns[v], group, present[v], gram, dof, members)
        for start in range(0, orders.shape[0], WIDTH):
            width = min(WIDTH, orders.shape[0] - start)
            d[:], s[:] = 0, 0
            for j in range(width):
                order = orders[start + j]
                _accumulate(residuals[v], columns[v], group, present[v], order, j, d, s)
            _judged(d, s, c, gram, dof, members, q, nominal, out)
            scores[v, start : start + width] = out[:width]
