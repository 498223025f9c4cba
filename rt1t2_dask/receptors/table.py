"""The table of receptors: all maps and patient groups, corrected together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.receptors.maps import receptor_of
from rt1t2_dask.stats.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    # The numerics import numba, which a run that only reads results must not load.
    from rt1t2_dask.receptors.colocalisation import Colocalisation

COLUMNS = (
    "group",
    "receptor",
    "map",
    "mean_fisher_z",
    "mean_rho",
    "p_permutation",
    "q_fdr",
    "p_spatial",
    "ci_low",
    "ci_high",
    "n_regions",
    "n_permutations",
    "p_fwe",
    "p_conjunction",
    "q_conjunction",
)


def table(
    results: Mapping[str, Colocalisation],
    maps: Sequence[str],
    p_spatial: Mapping[str, NDArray[np.float64]] | None = None,
) -> pd.DataFrame:
    """Build ``group/receptors.tsv``.

    Parameters
    ----------
    results : mapping of group to Colocalisation
    maps : sequence of str
        Names of the maps, in the order of the results' columns.
    p_spatial : mapping of group to ndarray of shape (m,), optional
        NaN where not given.

    Returns
    -------
    DataFrame
        Columns as in `COLUMNS`. ``p_fwe`` is of the largest |mean Fisher z|, studentised by its
        permutation SD, over the maps of a group; ``p_conjunction``, the larger of ``p_permutation``
        and ``p_spatial``, is small only where patients differ from controls and the map fits better
        than equally smooth maps. The Benjamini-Hochberg family of ``q_fdr`` (of ``p_permutation``)
        and of ``q_conjunction`` is all maps of all groups in the table; maps without a p are not
        tests.
    """
    spatial = p_spatial or {}
    parts = [_rows(group, result, maps, spatial.get(group)) for group, result in results.items()]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    frame["p_conjunction"] = frame[["p_permutation", "p_spatial"]].max(axis=1, skipna=False)
    for p, q in (("p_permutation", "q_fdr"), ("p_conjunction", "q_conjunction")):
        frame[q] = benjamini_hochberg(frame[p].to_numpy(dtype=np.float64))
    return frame[list(COLUMNS)]


def _rows(
    group: str, result: Colocalisation, maps: Sequence[str], p_spatial: NDArray[np.float64] | None
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": group,
            "receptor": [receptor_of(name) for name in maps],
            "map": list(maps),
            "mean_fisher_z": result.mean_fisher_z,
            "mean_rho": result.mean_rho,
            "p_permutation": result.p_permutation,
            "p_spatial": np.nan if p_spatial is None else p_spatial,
            "ci_low": result.ci_low,
            "ci_high": result.ci_high,
            "n_regions": result.n_regions,
            "n_permutations": result.n_permutations,
            "p_fwe": result.p_fwe,
        }
    )
