"""A permutation test of maps held in memory: numpy arrays or xarray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure, label

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.api import as_maps, variance_ratio
from rt1t2_dask.stats.clusters.sequential import relabel_until
from rt1t2_dask.stats.clusters.spatial import (
    ALL,
    Placed,
    Relabeled,
    Search,
    Statistic,
    observed_statistic,
    relabel_in_chunks,
)
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import Variance
from rt1t2_dask.stats.glm.presence import MIN_GROUP_N, MIN_GROUP_SHARE
from rt1t2_dask.stats.mesh.neighbourhood import Neighbourhood, SearchMesh, neighbourhood
from rt1t2_dask.stats.permutation.blocks import prepare
from rt1t2_dask.stats.permutation.exchange import Method, PermutationPlan, exchanged, plan
from rt1t2_dask.stats.permutation.null import p_fwe, p_uncorrected
from rt1t2_dask.stats.permutation.pareto import fit_tail, require_relabelings
from rt1t2_dask.stats.permutation.prepared import PreparedBlock

NEIGHBOURS = generate_binary_structure(3, 2)

Float = NDArray[np.float64]


def permutation_test(
    maps: NDArray[Any] | xr.DataArray,
    design: Design,
    n: int = 1000,
    *,
    seed: int = 0,
    statistics: Sequence[Statistic] = (),
    forming_p: float = 0.001,
    variance: Variance = "equal",
    method: Method = "freedman_lane",
    exchangeable: Sequence[str] | None = None,
    whole: bool = False,
    pareto_tail: bool = False,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
    mesh: SearchMesh | None = None,
    tfce_powers: tuple[float, float] | None = None,
    early_stop: int | None = None,
) -> xr.Dataset:
    """Test a design's contrast by relabeling, with family-wise p over the maps.

    Parameters
    ----------
    maps : ndarray or DataArray, shape (participant, ...)
        All participants of the design, in its order; NaN where not measured.
        Three dimensions after the first where ``statistics`` are requested, or (participant,
        vertex) with a ``mesh``.
    design : Design
        From ``two_sample``, ``one_sample``, ``paired``, ``anova``, ``regression`` or
        ``from_formula``.
    n : int
        Relabelings apart from the identity; all distinct ones where they are no more.
    seed : int
        The same seed gives the same bits.
    statistics : sequence of {"extent", "mass", "tfce"}
        What is computed beside the largest statistic: clusters of 18 neighbours, TFCE of 26
        with E 0.5, H 2. On a mesh neighbours share an edge, extent is mm^2, mass t x mm^2, and
        TFCE has E 1, H 2.
    forming_p : float
        p of the cluster-forming threshold, one-sided for t.
    variance : {"equal", "welch", "spm_unequal"}
        Whose statistic is permuted: Student's t or F, Welch's t or Winkler's G, or those
        of the whitened model.
    method : {"freedman_lane", "smith"}
        Permute residuals, or the regressor.
    exchangeable, whole
        See :func:`rt1t2_dask.stats.permutation.exchange.plan`.
    pareto_tail : bool
        Extrapolate small p with a generalised Pareto tail of the null; needs 1,000 relabelings.
    min_group_n, min_group_share
        A voxel needs this many people and this fraction of each group.
    mesh : SearchMesh, optional
        Triangles and areas of the vertices that the maps lie on; both hemispheres, concatenated
        with :meth:`rt1t2_dask.stats.mesh.neighbourhood.SearchMesh.joined`, are one search. Vertices
        outside its mask are not tested.
    tfce_powers : tuple of float, optional
        E and H of TFCE in place of those above.
    early_stop : int, optional
        Stop after the batch of 256 relabelings by which so many reached every observed maximum;
        p of voxels and clusters are then coarse.

    Returns
    -------
    Dataset, dimensions of ``maps`` but the first, and ``relabeling``
        ``statistic`` (t or F), ``p`` of each voxel, ``p_fwe`` by the largest statistic;
        if requested ``tfce`` and ``p_fwe_tfce``, and over the voxels of clusters
        ``p_fwe_extent`` and ``p_fwe_mass``; ``null_...``: the largest of each relabeling,
        either sign. Attribute ``n``: relabelings run; with ``early_stop`` also the sequential p
        of each maximum, ``p_sequential_max_t`` and so on.

    Raises
    ------
    UserError
        The maps hold fewer participants than the design, are not 3-D for clusters nor of the
        mesh's vertices, or have no testable voxel; or the method does not suit the design.
    """
    array = as_maps(maps, design)
    if pareto_tail:
        require_relabelings(n)
    _require_space(array, statistics, mesh)
    data = design.observed(array.to_numpy().reshape(array.shape[0], -1))
    if mesh is not None:
        data = np.where(mesh.inside, data, np.nan)  # before variances of groups are estimated
    how: dict[str, Any] = {"exchangeable": exchangeable, "whole": whole, "method": method}
    relabelings = plan(design, n, seed, exchange=exchanged(design, variance), **how)
    least: dict[str, Any] = {"min_group_n": min_group_n, "min_group_share": min_group_share}
    known = {"group_variance": variance_ratio(data, design, variance)} | least
    block = prepare(data, design, relabelings, variance, **known)
    inside = np.isfinite(block.z)
    if not inside.any():
        raise UserError(f"no voxel can be tested with {least}: too many values are missing.")
    if not inside.all():
        block = prepare(data[:, inside], design, relabelings, variance, **known)
    mask = inside.reshape(array.shape[1:] if statistics and mesh is None else (-1, 1, 1))
    search = _search(mask, mesh, forming_p, statistics, tfce_powers)
    found, attrs = _relabeled((np.arange(block.voxels), block), relabelings, search, early_stop)
    values = _voxelwise(block, found, attrs["n"], pareto_tail)
    if search.tfce:
        values |= _enhanced(values["statistic"], found, search, pareto_tail)
    if search.clusters:
        values |= _clustered(values["statistic"], mask, block, found, search)
    like = array[0].drop_vars(str(array.dims[0]), errors="ignore")
    nulls = {f"null_{k}": ("relabeling", tails.both) for k, tails in found.tails.items()}
    return xr.Dataset(
        {k: like.copy(data=_filled(v, inside).reshape(like.shape)) for k, v in values.items()}
        | nulls,
        attrs=attrs | {"null_max_t": "as normal deviates"},
    )


def _require_space(
    array: xr.DataArray, statistics: Sequence[Statistic], mesh: SearchMesh | None
) -> None:
    unknown = set(statistics) - set(ALL)
    if unknown:
        raise UserError(f"statistics {sorted(unknown)}: choose from {', '.join(ALL)}.")
    if mesh is not None and array.shape[1:] != (mesh.vertices,):
        raise UserError(
            f"maps of shape {array.shape} on a mesh of {mesh.vertices} vertices: need "
            "(participant, vertex), both hemispheres in the mesh's order."
        )
    if statistics and mesh is None and array.ndim != 4:
        raise UserError(
            f"maps of shape {array.shape}: clusters and TFCE ({', '.join(statistics)}) need "
            "(participant, x, y, z), or (participant, vertex) and a mesh."
        )


def _search(
    mask: NDArray[np.bool_],
    mesh: SearchMesh | None,
    forming_p: float,
    statistics: Sequence[Statistic],
    powers: tuple[float, float] | None,
) -> Search:
    if mesh is None:
        return replace(Search.over(mask, forming_p, statistics), powers=powers)
    return Search.on(neighbourhood(mesh, mask.ravel()), forming_p, statistics, powers)


def _relabeled(
    placed: Placed, relabelings: PermutationPlan, search: Search, enough: int | None
) -> tuple[Relabeled, dict[str, Any]]:
    """Run the relabelings; say how many, and the sequential p where they may stop early."""
    if enough is None:
        found = relabel_in_chunks([placed], relabelings.span(0, relabelings.n), search)
        return found, {"n": relabelings.n}
    found, p = relabel_until([placed], relabelings, search, enough)
    told = {f"p_sequential_{name}": own for name, own in p.items()}
    return found, {"n": len(found.tails["max_t"].both)} | told


def _voxelwise(block: PreparedBlock, found: Relabeled, n: int, tail: bool) -> dict[str, Float]:
    null = found.tails["max_t"].both
    p = p_fwe(np.abs(block.z), null, fit_tail(null) if tail else None)
    statistic = observed_statistic(block).astype(np.float64)
    return {"statistic": statistic, "p": p_uncorrected(found.exceed, n), "p_fwe": p}


def _enhanced(statistic: Float, found: Relabeled, search: Search, tail: bool) -> dict[str, Float]:
    null = found.tails["tfce"].both
    enhanced = search.enhance(statistic).astype(np.float64)
    p = p_fwe(np.abs(enhanced), null, fit_tail(null) if tail else None)
    return {"tfce": enhanced, "p_fwe_tfce": p}


def _clustered(
    statistic: Float,
    mask: NDArray[np.bool_],
    block: PreparedBlock,
    found: Relabeled,
    search: Search,
) -> dict[str, Float]:
    """Compute the family-wise p of each voxel's cluster; NaN outside clusters."""
    excess = np.abs(statistic) - search.height(block.residuals.regressors, block.residuals.dof)
    area = search.extents.areas if isinstance(search.extents, Neighbourhood) else None
    out = {f"p_fwe_{name}": np.full(len(statistic), np.nan) for name in _wanted(search)}
    for sign in (1, -1):
        own, count = _labels((excess > 0) & (np.sign(statistic) == sign), mask, search)
        weight = excess if area is None else excess * area
        sizes = {
            "extent": np.bincount(own, area, count + 1),
            "mass": np.bincount(own, weight, count + 1),
        }
        for name in _wanted(search):
            p = p_fwe(sizes[name], found.tails[name].both)
            out[f"p_fwe_{name}"][own > 0] = p[own[own > 0]]
    return out


def _labels(
    over: NDArray[np.bool_], mask: NDArray[np.bool_], search: Search
) -> tuple[NDArray[Any], int]:
    """Label the clusters among voxels or vertices, shape (voxel,), 0 for none; and their number."""
    if isinstance(search.extents, Neighbourhood):
        return search.extents.components(over)
    whole = np.zeros(mask.shape, bool)
    whole[mask] = over
    labels, count = label(whole, NEIGHBOURS)
    return labels[mask], count


def _wanted(search: Search) -> list[str]:
    return [name for name in ("extent", "mass") if name in search.statistics]


def _filled(values: Float, inside: NDArray[np.bool_]) -> Float:
    whole = np.full(len(inside), np.nan)
    whole[inside] = values
    return whole
