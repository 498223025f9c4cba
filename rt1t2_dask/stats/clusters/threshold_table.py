"""Number of clusters at each height and extent threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Affine
from rt1t2_dask.stats.clusters.components import Sign, find
from rt1t2_dask.stats.clusters.random_field import (
    SearchVolume,
    cluster_p_uncorrected,
    expected_clusters,
)

COLUMNS = (
    *("p", "height", "extent_mm3", "sign", "clusters", "volume_mm3", "largest_mm3"),
    "expected_by_chance",
)


def table(
    t_map: NDArray[Any],
    affine: Affine,
    dof: NDArray[Any],
    volume: SearchVolume,
    p: Sequence[float],
    extents_mm3: Sequence[float],
) -> pd.DataFrame:
    """Count clusters at every height and extent threshold, by sign.

    Parameters
    ----------
    t_map : ndarray, shape (x, y, z)
        t or F; NaN where not tested.
    affine : ndarray, shape (4, 4)
    dof : ndarray, shape (x, y, z)
        Degrees of freedom; values are first converted to those of `volume` at equal p.
    volume : SearchVolume
        Whose ``numerator`` tells F from t.
    p : sequence of float
        Cluster-forming thresholds, one-sided for each sign of t, in (0, 1).
    extents_mm3 : sequence of float
        Smallest volumes, 0 or more.

    Returns
    -------
    DataFrame
        `COLUMNS`: ``volume_mm3`` of all clusters together, ``largest_mm3`` of the largest (0 for
        none), ``expected_by_chance`` the number that random-field theory expects in noise of this
        smoothness (Friston et al. 1994), for the sign.
    """
    signs: Sequence[Sign] = ("positive", "negative") if volume.numerator is None else ("positive",)
    voxel_mm3 = abs(float(np.linalg.det(np.asarray(affine, np.float64)[:3, :3])))
    rows: list[tuple[Any, ...]] = []
    for one in sorted(p, reverse=True):
        for sign in signs:
            found = find(
                t_map, affine, dof, sign=sign, p=one, extent_mm3=np.inf,
                nominal_dof=volume.dof, numerator=volume.numerator,
            )  # fmt: skip
            for extent in sorted(extents_mm3):
                least = int(np.ceil(extent / voxel_mm3 - 1e-6))
                kept = voxel_mm3 * found.sizes[found.sizes >= least]
                chance = expected(found.height, least, volume)
                sizes = (len(kept), float(kept.sum()), float(kept.max(initial=0)))
                rows.append((one, found.height, extent, sign, *sizes, chance))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def expected(height: float, voxels: int, volume: SearchVolume) -> float:
    """Return the number of clusters of at least so many voxels expected by chance.

    Parameters
    ----------
    height : float
        t or F at the degrees of freedom of `volume`.
    voxels : int
        0 counts all.
    volume : SearchVolume

    Returns
    -------
    float
        For one sign.
    """
    clusters = float(expected_clusters(height, volume))
    if voxels == 0:
        return clusters
    return clusters * float(cluster_p_uncorrected(voxels, height, volume))
