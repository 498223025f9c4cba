"""Sufficient statistics of a linear model over some people: X'X, X'Y and Y'Y."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.glm.columns import pseudo_inverse

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Index = NDArray[np.int64]
BLANK = -1
TILE = 65536

# Maps are float32: what varies by less than 1e-6 of its root mean square is constant. Sums of
# squares of one value leave 1e-16 to 1e-15 of the total, never exactly 0.
CONSTANT = 1e-12


@dataclass(frozen=True)
class Sums:
    """X'X, X'Y and Y'Y of one site at every voxel.

    Parameters
    ----------
    grams : ndarray, shape (pattern, column, column)
        X'X of all people, then of each other set of people present at some voxel.
    pattern : ndarray of int, shape (voxel,)
        Index of the set at each voxel; -1 where the site has none.
    cross : ndarray, shape (column, voxel)
        X'Y in the data's unit; 0 where the site has none.
    squares : ndarray, shape (voxel,)
        Y'Y, likewise.
    counts : ndarray of int, shape (pattern,)
        People present.
    """

    grams: Float
    pattern: Index
    cross: Float
    squares: Float
    counts: Index

    @property
    def columns(self) -> int:
        """Columns of the design."""
        return int(self.cross.shape[0])

    @property
    def everybody(self) -> Float:
        """X'X of all people, missing or not, shape (column, column)."""
        return np.asarray(self.grams[0])

    @property
    def people(self) -> Index:
        """People at each voxel, shape (voxel,)."""
        padded = np.append(self.counts, 0)
        return np.asarray(padded[self.pattern])

    def grams_at(self, part: slice, basis: Float) -> Float:
        """Return X'X of the design X @ ``basis`` at some voxels, shape (column, column, voxel)."""
        table = np.einsum("ai,nab,bj->ijn", basis, self.grams, basis, optimize=True)
        padded = np.concatenate([table, np.zeros((*table.shape[:2], 1))], axis=2)
        return np.asarray(padded[..., self.pattern[part]])

    def through(self, transform: Float) -> Sums:
        """Return the sums of the design X @ ``transform``, shape (column, new)."""
        grams = np.einsum("ai,nab,bj->nij", transform, self.grams, transform)
        return Sums(grams, self.pattern, transform.T @ self.cross, self.squares, self.counts)


def transformed(sums: Sums, factor: Float, shift: Float) -> Sums:
    """Return the sums of ``factor`` Y + X ``shift``.

    Parameters
    ----------
    sums : Sums
    factor : ndarray, shape (voxel,)
        Where it or ``shift`` is not finite, nobody is left.
    shift : ndarray, shape (column, voxel)
    """
    known = np.isfinite(factor) & np.isfinite(shift).all(axis=0) & (sums.pattern != BLANK)
    a, c = np.where(known, factor, 0.0), np.where(known, shift, 0.0)
    cross, squares = np.empty_like(sums.cross), np.empty_like(sums.squares)
    identity = np.eye(sums.columns)
    for start in range(0, len(a), TILE):
        part = slice(start, start + TILE)
        moved = np.einsum("ijv,jv->iv", sums.grams_at(part, identity), c[:, part])
        cross[:, part] = a[part] * sums.cross[:, part] + moved
        between = 2 * a[part] * np.einsum("iv,iv->v", c[:, part], sums.cross[:, part])
        own = a[part] ** 2 * sums.squares[part]
        squares[part] = own + between + np.einsum("iv,iv->v", c[:, part], moved)
    pattern = np.where(known, sums.pattern, BLANK)
    return Sums(sums.grams, pattern, np.where(known, cross, 0.0), squares, sums.counts)


def accumulate(
    values: NDArray[Any], matrix: Float, least: Bool | None = None, minimum: int = 0
) -> Sums:
    """Sum over a site's people.

    Parameters
    ----------
    values : ndarray, shape (person, voxel)
        NaN where not measured.
    matrix : ndarray, shape (person, column)
        Design, not centred.
    least : ndarray of bool, shape (set, person), optional
        Sets of people, each of which needs ``minimum`` members at a voxel; otherwise the voxel is
        blank.
    minimum : int
        Smallest number of people in a sum.
    """
    present = np.isfinite(values)
    sets, pattern = patterns(present)
    weights = sets.T.astype(np.float64)
    grams = np.einsum("np,pi,pj->nij", weights, matrix, matrix, optimize=True)
    if least is not None:
        enough = np.asarray((weights @ least.T.astype(np.float64) >= minimum).all(axis=1))
        pattern = np.where(enough[pattern], pattern, BLANK)
    shared = np.asarray(pattern != BLANK)
    filled = np.where(present & shared, values, 0.0).astype(np.float64, copy=False)
    squares = np.einsum("pv,pv->v", filled, filled)
    return Sums(grams, pattern, matrix.T @ filled, squares, weights.sum(axis=1).astype(np.int64))


def join(blocks: Sequence[Sums], index: Sequence[NDArray[np.intp]], voxels: int) -> Sums:
    """Concatenate sums of blocks of voxels; voxels of no block are blank.

    Parameters
    ----------
    blocks : sequence of Sums
    index : sequence of ndarray of int
        Voxel indices of each block.
    voxels : int
        Total number of voxels.
    """
    columns = blocks[0].columns
    cross, squares = np.zeros((columns, voxels)), np.zeros(voxels)
    pattern = np.full(voxels, BLANK, np.int64)
    kept = [np.append(blocks[0].grams[0].ravel(), blocks[0].counts[0])]
    known = {kept[0].tobytes(): 0}
    for sums, where in zip(blocks, index, strict=True):
        cross[:, where], squares[where] = sums.cross, sums.squares
        place = np.full(len(sums.grams) + 1, BLANK, np.int64)
        for k in np.unique(sums.pattern[sums.pattern != BLANK]):
            row = np.append(sums.grams[k].ravel(), sums.counts[k])
            place[k] = known.setdefault(row.tobytes(), len(known))
            if place[k] == len(kept):
                kept.append(row)
        pattern[where] = place[sums.pattern]
    table = np.array(kept).reshape(len(kept), columns**2 + 1)
    grams = table[:, :-1].reshape(-1, columns, columns)
    return Sums(grams, pattern, cross, squares, table[:, -1].astype(np.int64))


@dataclass(frozen=True)
class Fit:
    """Least squares from sums, in a basis in which X'X of all people is the identity.

    Parameters
    ----------
    estimates : ndarray, shape (column, voxel)
        In that basis.
    residual : ndarray, shape (voxel,)
        Sum of squared residuals.
    total : ndarray, shape (voxel,)
        Y'Y.
    people, rank : ndarray of int, shape (voxel,)
    inverses, grams : ndarray, shape (column, column, pattern)
        Inverse of X'X, and X'X, for each set of people.
    pattern : ndarray of int, shape (voxel,)
    basis : ndarray, shape (column, column)
        X @ basis is the basis; ``basis @ estimates`` are the coefficients of X.
    """

    estimates: Float
    residual: Float
    total: Float
    people: Index
    rank: Index
    inverses: Float
    grams: Float
    pattern: Index
    basis: Float

    @property
    def coefficients(self) -> Float:
        """Coefficients of the columns of X, shape (column, voxel)."""
        return np.asarray(self.basis @ self.estimates)


def solve(sites: Sequence[Sums], everybody: Float) -> Fit:
    """Fit one linear model to all sites' people.

    Parameters
    ----------
    sites : sequence of Sums
        Of one design and the same voxels.
    everybody : ndarray, shape (column, column)
        X'X of all people, missing or not; of full rank. Defines the basis only.

    Raises
    ------
    numpy.linalg.LinAlgError
        Columns depend on each other.

    Notes
    -----
    Normal equations in an orthonormal basis (Cholesky factor of ``everybody``), so that covariates
    of any scale lose no digits; directions without data at a voxel are left out.
    """
    basis = np.linalg.inv(np.linalg.cholesky(everybody)).T
    combos, pattern = _combined(sites)
    grams = np.zeros((len(combos), *everybody.shape))
    counts = np.zeros(len(combos), np.int64)
    for k, site in enumerate(sites):
        there = combos[:, k] != BLANK
        grams[there] += site.grams[combos[there, k]]
        counts[there] += site.counts[combos[there, k]]
    grams = np.einsum("ai,nab,bj->ijn", basis, grams, basis, optimize=True)
    inverses, rank = pseudo_inverse(grams)
    cross = basis.T @ np.sum([site.cross for site in sites], axis=0)
    squares = np.asarray(np.sum([site.squares for site in sites], axis=0))
    estimates = np.empty_like(cross)
    for start in range(0, len(pattern), TILE):
        part = slice(start, start + TILE)
        estimates[:, part] = np.einsum("ijv,jv->iv", inverses[..., pattern[part]], cross[:, part])
    residual = np.maximum(squares - np.einsum("iv,iv->v", estimates, cross), 0.0)
    return Fit(
        estimates,
        residual,
        squares,
        counts[pattern],
        rank[pattern],
        inverses,
        grams,
        pattern,
        basis,
    )


def add(one: Sums, other: Sums) -> Sums:
    """Add the sums of two sites of one design and the same voxels."""
    combos, pattern = _combined([one, other])
    grams = np.zeros((len(combos) + 1, *one.grams.shape[1:]))
    counts = np.zeros(len(combos) + 1, np.int64)
    for k, site in enumerate((one, other)):
        there = np.append(0, combos[:, k])
        grams[there != BLANK] += site.grams[there[there != BLANK]]
        counts[there != BLANK] += site.counts[there[there != BLANK]]
    return Sums(grams, pattern + 1, one.cross + other.cross, one.squares + other.squares, counts)


def residual_squares(site: Sums, coefficients: Float) -> Float:
    """Compute one site's residual sum of squares given coefficients, shape (voxel,)."""
    fitted = np.zeros(len(site.squares))
    padded = np.concatenate([site.grams, np.zeros((1, *site.grams.shape[1:]))])
    for start in range(0, len(fitted), TILE):
        part = slice(start, start + TILE)
        own = coefficients[:, part]
        fitted[part] = np.einsum("iv,vij,jv->v", own, padded[site.pattern[part]], own)
    cross = np.einsum("iv,iv->v", coefficients, site.cross)
    return np.asarray(np.maximum(site.squares - 2 * cross + fitted, 0.0))


def varies(site: Sums) -> Bool:
    """Return whether a site's values vary, by voxel; the first column of X is 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        about_mean = site.squares - site.cross[0] ** 2 / site.people
    return np.asarray(about_mean > CONSTANT * site.squares)


def patterns(present: Bool) -> tuple[Bool, Index]:
    """Find the sets of people present, shape (person, set), and the set of each voxel.

    The first set is all people.
    """
    whole = present.all(axis=0)
    some = np.flatnonzero(~whole)
    sets, found = np.unique(np.packbits(present[:, some], axis=0), axis=1, return_inverse=True)
    partial = np.unpackbits(sets, axis=0, count=len(present)).astype(bool)
    pattern = np.zeros(present.shape[1], np.int64)
    pattern[some] = found.ravel() + 1
    return np.column_stack([np.ones(len(present), bool), partial]), pattern


def _combined(sites: Sequence[Sums]) -> tuple[Index, Index]:
    """Combine the sites' patterns, shape (combination, site), and index them by voxel."""
    key = np.zeros(len(sites[0].pattern), np.int64)
    for site in sites:
        key = key * (len(site.grams) + 1) + site.pattern + 1
        key = np.unique(key, return_inverse=True)[1].ravel()
    _, first, pattern = np.unique(key, return_index=True, return_inverse=True)
    return np.stack([site.pattern[first] for site in sites], axis=1), pattern.ravel()
