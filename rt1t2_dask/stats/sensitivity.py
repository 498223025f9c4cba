"""Sensitivity of a group difference to an analysis choice, by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.stats.scale import Scale

Map = NDArray[np.floating]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ContrastMaps:
    """One contrast under one analysis choice.

    Parameters
    ----------
    effect, t : ndarray, shape (x, y, z)
        Difference of adjusted means in the maps' unit, and its t; NaN where not tested.
    level : ndarray, shape (x, y, z)
        Mean of the maps over people, in the same unit.
    """

    effect: Map
    t: Map
    level: Map


def summarise(
    maps: ContrastMaps, main: Map, regions: Mapping[str, Mask], scale: Scale = Scale.RATIO
) -> list[dict[str, Any]]:
    """Summarise a contrast over regions.

    Parameters
    ----------
    maps : ContrastMaps
    main : ndarray, shape (x, y, z)
        The effect under the main choice.
    regions : mapping of str to ndarray of bool
    scale : Scale
        Of the maps.

    Returns
    -------
    list of dict
        ``region``, ``voxels``, ``effect`` (mean, the maps' unit), ``effect_percent`` (mean effect
        in percent of the mean level, NaN where the scale has none), ``t`` (mean) and
        ``same_sign_share`` (share of voxels whose effect has the main choice's sign); None where
        a region has no voxel that was tested.
    """
    return [{"region": name, **_row(maps, main, mask, scale)} for name, mask in regions.items()]


def _row(maps: ContrastMaps, main: Map, mask: Mask, scale: Scale) -> dict[str, Any]:
    known = mask & np.isfinite(maps.effect) & np.isfinite(maps.level) & np.isfinite(main)
    if not known.any():
        return {"voxels": 0}
    effect, level = maps.effect[known].mean(), maps.level[known].mean()
    return {
        "voxels": int(known.sum()),
        "effect": float(effect),
        "effect_percent": float(scale.percent(effect, level)),
        "t": float(maps.t[known].mean()),
        "same_sign_share": float(np.mean(np.sign(maps.effect[known]) == np.sign(main[known]))),
    }
