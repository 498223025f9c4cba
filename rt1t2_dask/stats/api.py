"""A contrast of maps held in memory: numpy arrays or xarray."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.effect_sizes import (
    noncentral_interval,
    partial_eta_squared,
)
from rt1t2_dask.stats.glm.fit import GlmResult, Variance, fit
from rt1t2_dask.stats.glm.presence import MIN_GROUP_N, MIN_GROUP_SHARE
from rt1t2_dask.stats.glm.reml import accumulate_cy, group_variances


def contrast(
    maps: NDArray[Any] | xr.DataArray,
    design: Design,
    variance: Variance = "equal",
    *,
    min_group_n: int = MIN_GROUP_N,
    min_group_share: float = MIN_GROUP_SHARE,
) -> xr.Dataset:
    """Test a design's contrast at every voxel.

    Parameters
    ----------
    maps : ndarray or DataArray, shape (participant, ...)
        All participants of the design, in its order; NaN where not measured. Read into memory as a
        whole.
    design : Design
        From ``two_sample``, ``one_sample``, ``paired``, ``anova``, ``regression`` or
        ``from_formula``.
    variance : {"equal", "welch", "spm_unequal"}
        See :func:`rt1t2_dask.stats.glm.fit.fit`.
    min_group_n, min_group_share
        A voxel needs this many people and this fraction of each group.

    Returns
    -------
    Dataset, dimensions of ``maps`` but the first
        ``t`` (``F`` where several sets of weights are tested), ``z``, ``dof``, ``n``; for t
        also ``effect``, ``se``, Hedges' ``g`` and its 95 % interval ``g_low, g_high``; for F
        ``partial_eta2`` and ``partial_eta2_low, partial_eta2_high``.
        Values of an array are reached by ``result["t"].to_numpy()``.

    Raises
    ------
    UserError
        The maps hold fewer participants than the design.
    """
    array = as_maps(maps, design)
    flat = array.to_numpy().reshape(array.shape[0], -1)
    data = design.observed(flat)
    ratio = variance_ratio(data, design, variance)
    result = fit(
        data,
        design,
        variance,
        group_variance=ratio,
        min_group_n=min_group_n,
        min_group_share=min_group_share,
    )
    found: dict[str, NDArray[Any]] = {"z": result.z, "dof": result.dof, "n": result.n}
    if design.q > 1:
        found = {"F": result.t} | found | _explained(result, design.q)
    else:
        low, high = noncentral_interval(result.t, result.dof, result.se / result.sd)
        found = {"t": result.t, "effect": result.effect, "se": result.se} | found
        found |= {"g": result.hedges_g, "g_low": low, "g_high": high}
    like = array[0].drop_vars(str(array.dims[0]), errors="ignore")
    return xr.Dataset({k: like.copy(data=v.reshape(like.shape)) for k, v in found.items()})


def _explained(result: GlmResult, q: int) -> dict[str, NDArray[Any]]:
    eta, low, high = partial_eta_squared(result, q)
    return {"partial_eta2": eta, "partial_eta2_low": low, "partial_eta2_high": high}


def variance_ratio(
    data: NDArray[Any], design: Design, variance: Variance
) -> dict[str, float] | None:
    """Estimate the groups' relative variances where ``spm_unequal`` asks for them."""
    if variance != "spm_unequal":
        return None
    return group_variances(accumulate_cy(data, design), design)


def as_maps(maps: NDArray[Any] | xr.DataArray, design: Design) -> xr.DataArray:
    """Return the maps as xarray; a UserError where they hold fewer participants than the design."""
    array = maps if isinstance(maps, xr.DataArray) else xr.DataArray(np.asarray(maps))
    wanted = max(int(rows.max()) for rows in (design.rows, design.partner) if rows is not None) + 1
    if array.ndim < 1 or array.shape[0] < wanted:
        raise UserError(
            f"maps of shape {array.shape}: the design needs {wanted} or more participants along "
            f"the first dimension."
        )
    return array
