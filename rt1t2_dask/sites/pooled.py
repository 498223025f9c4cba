"""Pooled t or F over all sites, from the sums that each site shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.clusters.smoothness import all_corners, fwhm_of_roughness
from rt1t2_dask.stats.glm.fit import GlmResult
from rt1t2_dask.stats.glm.grouped import fit_sums
from rt1t2_dask.stats.glm.presence import MIN_GROUP_N, MIN_GROUP_SHARE, least_people
from rt1t2_dask.stats.glm.sufficient import Fit, Sums

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
NEIGHBOURS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""Pairs of here, the next along x, along y and along z whose products are summed."""


@dataclass(frozen=True)
class JointModel:
    """The joint model of all sites.

    Parameters
    ----------
    everybody : ndarray, shape (column, column)
        X'X of all people, missing or not.
    contrast : ndarray, shape (column, q)
    groups : tuple of int
        Columns that are 1 for one group and 0 for the others; empty for one group.
    sizes : tuple of int
        People of these groups, or of all.
    """

    everybody: Float
    contrast: Float
    groups: tuple[int, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Pooled:
    """The test, its fit, and the voxels without missing data."""

    result: GlmResult
    fit: Fit
    complete: Bool


def pooled_test(
    sites: Sequence[Sums],
    model: JointModel,
    *,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
) -> Pooled:
    """Test a contrast at every voxel as if all images were pooled.

    Parameters
    ----------
    sites : sequence of Sums
        Of the joint design's columns; see `Sums.through`.
    model : JointModel
    min_group_n, min_group_share
        As :func:`rt1t2_dask.stats.glm.fit.fit`.

    Returns
    -------
    Pooled
        Equal to ``stats.glm.fit`` of all rows with equal variances, to rounding.
    """
    enough = _enough(sites, model, min_group_n, min_group_share)
    result, fit = fit_sums(sites, model.everybody, model.contrast, enough)
    whole = sum(model.sizes) if model.groups else model.sizes[0]
    return Pooled(result, fit, np.isfinite(result.t) & (fit.people == whole))


def _enough(
    sites: Sequence[Sums], model: JointModel, min_group_n: int, min_group_share: float
) -> Bool:
    """Return where each group has enough people for a test of pooled images."""
    there = np.ones(len(sites[0].squares), bool)
    columns = model.groups or (None,)
    for column, size in zip(columns, model.sizes, strict=True):
        n = np.sum([_members(site, column) for site in sites], axis=0)
        there &= n >= least_people(size, min_group_n, min_group_share)
    return there


def _members(site: Sums, column: int | None) -> Float:
    if column is None:
        return site.people.astype(np.float64)
    return np.asarray(np.append(site.grams[:, column, column], 0.0)[site.pattern])


def neighbour_index(mask: Bool) -> NDArray[np.int64]:
    """Find each voxel's next neighbour along x, y and z, shape (3, voxel); -1 outside the mask."""
    order = np.full([size + 1 for size in mask.shape], -1, np.int64)
    order[:-1, :-1, :-1][mask] = np.arange(int(mask.sum()))
    x, y, z = np.nonzero(mask)
    return np.stack([order[x + 1, y, z], order[x, y + 1, z], order[x, y, z + 1]])


def add_products(total: Float, row: NDArray[np.float64], index: NDArray[np.int64]) -> None:
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


def pooled_fwhm(pooled: Pooled, products: Float, mask: Bool, dof: float) -> Float:
    """Estimate the smoothness of the pooled residuals, shape (3,), in voxels.

    Parameters
    ----------
    pooled : Pooled
    products : ndarray, shape (6, voxel)
        Products of neighbouring voxels summed over all people of all sites.
    mask : ndarray of bool, shape (x, y, z)
        Where the voxels lie.
    dof : float
        Residual degrees of freedom where nobody is missing.

    Raises
    ------
    UserError
        No 2 x 2 x 2 voxels are measured in everybody.

    Notes
    -----
    SPM12's estimate (see `rt1t2_dask.stats.clusters.smoothness`) needs sums of products of
    residuals at neighbouring voxels u and w only: r_u'r_w = Y_u'Y_w - b_u'(X'X)b_w where the
    same people are present. It takes all people, where `fwhm_voxels` takes at most 64.
    """
    complete = mask.copy()
    complete[mask] = pooled.complete
    corners = np.zeros(mask.shape, bool)
    corners[:-1, :-1, :-1] = all_corners(complete)
    here = np.flatnonzero(corners[mask])
    if not len(here):
        raise UserError(
            "smoothness: no 2 x 2 x 2 voxels are measured in everybody of all sites; leave out "
            "the site with the smallest coverage, which each export reports."
        )
    index = neighbour_index(mask)[:, here]
    places = [here, *index]
    deviation = np.sqrt(pooled.fit.residual / dof)
    estimates = pooled.fit.estimates

    def correlated(k: int) -> Float:
        a, b = (places[i] for i in NEIGHBOURS[k])
        fitted = np.einsum("iv,iv->v", estimates[:, a], estimates[:, b])
        return np.asarray((products[k, here] - fitted) / (dof * deviation[a] * deviation[b]))

    x, y, z, xy, xz, yz = (correlated(k) for k in range(6))
    rough = np.stack(
        [2 - 2 * x, 2 - 2 * y, 2 - 2 * z, xy - x - y + 1, xz - x - z + 1, yz - y - z + 1]
    )
    return fwhm_of_roughness(rough)
