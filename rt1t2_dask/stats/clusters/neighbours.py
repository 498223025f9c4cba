"""Smoothness of residuals from sums of products of neighbouring voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.clusters.smoothness import DETERMINANT_DOF, all_corners, fwhm_of_roughness

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
NEIGHBOURS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""Pairs of here, the next along x, along y and along z whose products are summed."""


def neighbour_index(mask: Bool) -> NDArray[np.int64]:
    """Find each voxel's next neighbour along x, y and z, shape (3, voxel); -1 outside the mask."""
    order = np.full([size + 1 for size in mask.shape], -1, np.int64)
    order[:-1, :-1, :-1][mask] = np.arange(int(mask.sum()))
    x, y, z = np.nonzero(mask)
    return np.stack([order[x + 1, y, z], order[x, y + 1, z], order[x, y, z + 1]])


def add_products(total: Float, row: Float, index: NDArray[np.int64]) -> None:
    """Add one person's products of neighbouring voxels, in place.

    Parameters
    ----------
    total : ndarray, shape (6, voxel)
        NaN where data are missing or there is no neighbour.
    row : ndarray, shape (voxel,)
    index : ndarray of int, shape (3, voxel)
        From `neighbour_index`.
    """
    padded = np.append(row, np.nan)
    four = [row, *(padded[index[axis]] for axis in range(3))]
    for k, (a, b) in enumerate(NEIGHBOURS):
        total[k] += four[a] * four[b]


@dataclass(frozen=True)
class NeighbourSums:
    """X'X, X'Y, Y'Y of some people, and products of their neighbouring voxels.

    Parameters
    ----------
    gram : ndarray, shape (column, column)
    cross : ndarray, shape (column, voxel)
        NaN, as the others, where somebody was not measured.
    squares : ndarray, shape (voxel,)
    products : ndarray, shape (6, voxel)
    """

    gram: Float
    cross: Float
    squares: Float
    products: Float

    @classmethod
    def none(cls, columns: int, voxels: int) -> NeighbourSums:
        """Return the sums of nobody."""
        shapes = (columns, columns), (columns, voxels), (voxels,), (len(NEIGHBOURS), voxels)
        return cls(*(np.zeros(shape) for shape in shapes))

    def add_person(self, x: Float, row: Float, index: NDArray[np.int64]) -> None:
        """Add one person: a row of the design, shape (column,), and of the data, (voxel,)."""
        self.gram[:] += np.outer(x, x)
        self.cross[:] += x[:, None] * row
        self.squares[:] += row**2
        add_products(self.products, row, index)

    def add(self, other: NeighbourSums) -> None:
        """Add the sums of other people."""
        for own, further in zip(self._arrays(), other._arrays(), strict=True):
            own[:] += further

    def _arrays(self) -> tuple[Float, ...]:
        return self.gram, self.cross, self.squares, self.products


def fwhm_of_sums(
    sums: NeighbourSums,
    estimates: Float,
    deviation: Float,
    mask: Bool,
    complete: Bool,
    scale: float,
    dof: float = DETERMINANT_DOF,
) -> Float:
    """Estimate the smoothness of residuals, shape (3,), in voxels.

    Parameters
    ----------
    sums : NeighbourSums
        Of the people whose residuals are used.
    estimates : ndarray, shape (column, voxel)
        In the columns of the sums.
    deviation : ndarray, shape (voxel,)
        Residual standard deviation.
    mask : ndarray of bool, shape (x, y, z)
        Where the voxels lie.
    complete : ndarray of bool, shape (voxel,)
        Where all of these people were measured and the deviation is known.
    scale : float
        Rows of the design over its residual degrees of freedom and over the people in `sums`.
    dof : float
        Residual degrees of freedom; see `rt1t2_dask.stats.clusters.smoothness.fwhm_of_roughness`.

    Raises
    ------
    UserError
        No 2 x 2 x 2 voxels are measured in all of them.

    Notes
    -----
    SPM12's estimate (see `rt1t2_dask.stats.clusters.smoothness`) needs sums of products of
    residuals at voxels u and w only: r_u'r_w = Y_u'Y_w - b_u'X'Y_w - b_w'X'Y_u + b_u'X'X b_w.
    """
    whole = mask.copy()
    whole[mask] = complete
    corners = np.zeros(mask.shape, bool)
    corners[:-1, :-1, :-1] = all_corners(whole)
    here = np.flatnonzero(corners[mask])
    if not len(here):
        raise UserError(
            "smoothness: no 2 x 2 x 2 voxels of the mask are measured in everybody; check "
            "contrast.mask, or leave out the people or the site with the smallest coverage."
        )
    places = [here, *neighbour_index(mask)[:, here]]

    def product(a: int, b: int, raw: Float) -> Float:
        u, w = places[a], places[b]
        one, other = estimates[:, u], estimates[:, w]
        crossed = (one * sums.cross[:, w] + other * sums.cross[:, u]).sum(axis=0)
        fitted = np.einsum("iv,ij,jv->v", one, sums.gram, other)
        return np.asarray(scale * (raw - crossed + fitted) / (deviation[u] * deviation[w]))

    own = [product(k, k, sums.squares[places[k]]) for k in range(4)]
    x, y, z, xy, xz, yz = (
        product(a, b, sums.products[k, here]) for k, (a, b) in enumerate(NEIGHBOURS)
    )
    axes = [own[k + 1] - 2 * first + own[0] for k, first in enumerate((x, y, z))]
    mixed = [xy - x - y + own[0], xz - x - z + own[0], yz - y - z + own[0]]
    return fwhm_of_roughness(np.stack([*axes, *mixed]), dof)
