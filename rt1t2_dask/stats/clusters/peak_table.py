"""Local maxima as rows of a table, with SPM12's p values of peaks and of the set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.stats.clusters import random_field
from rt1t2_dask.stats.clusters.components import ClusterMap, Peak
from rt1t2_dask.stats.clusters.random_field import SearchVolume

COLUMNS = (
    "cluster", "peak", "sign", "t", "zscore", "x_mm", "y_mm", "z_mm",
    "p_uncorrected", "p_fwe_rft", "q_fdr", "region",
)  # fmt: skip


def table(
    maps: Sequence[ClusterMap], volume: SearchVolume, region: Callable[[Peak], str]
) -> pd.DataFrame:
    """Tabulate the maxima of all clusters, numbered as in the table of clusters.

    Parameters
    ----------
    maps : sequence of ClusterMap
        Usually positive, then negative.
    volume : SearchVolume
    region : callable
        Labels the anatomy at a peak.

    Returns
    -------
    DataFrame
        The columns of ``contrast-<name>_peaks.tsv``: p of the height alone, family-wise by random
        field (or Bonferroni where that is smaller), and topological FDR over all suprathreshold
        maxima.
    """
    rows: list[tuple[Any, ...]] = []
    before = 0
    for one in maps:
        q = q_by_height(one, volume)
        for number, cluster in enumerate(one.clusters, start=before + 1):
            for k, peak in enumerate(cluster.maxima, start=1):
                by_chance = chance(abs(peak.t_nominal), volume)
                place = (number, k, cluster.sign, peak.t, peak.z, *peak.mm)
                rows.append((*place, *by_chance, q[abs(peak.t_nominal)], region(peak)))
        before += len(one.clusters)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def set_level(one: ClusterMap, volume: SearchVolume) -> dict[str, Any]:
    """Return the set-level statistics of a sign: number of clusters and p."""
    count = len(one.clusters)
    p = random_field.set_p(count, one.extent_voxels, one.height, volume)
    return {"clusters": count, "p": p}


def chance(t: float, volume: SearchVolume) -> tuple[float, float]:
    """Return the uncorrected and the random-field FWE p of a peak, for one sign."""
    alone = random_field.peak_p_uncorrected(t, volume.dof, volume.numerator)
    return float(alone), float(random_field.peak_p_fwe(t, volume))


def q_by_height(one: ClusterMap, volume: SearchVolume) -> dict[float, float]:
    """Return the topological FDR of peaks by their height, over all maxima of a sign."""
    q = random_field.peak_q_fdr(one.maxima_t, one.height, volume)
    return dict(zip(np.asarray(one.maxima_t, np.float64).tolist(), q.tolist(), strict=True))
