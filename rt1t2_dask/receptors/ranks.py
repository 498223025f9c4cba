"""Ranks of many short rows, ties averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.jit import compiled


def average_ranks(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Rank each row from 1, tied values sharing the average of their ranks.

    Parameters
    ----------
    rows : ndarray, shape (n, region)
        Infinite values rank as the largest or smallest; NaN is not allowed.

    Returns
    -------
    ndarray of float64, shape (n, region)
    """
    values = np.ascontiguousarray(rows, dtype=np.float64)
    out = np.empty_like(values)
    # numpy's argsort is vectorised, numba's is not; the order among ties does not reach the result.
    _share_ties(values, np.argsort(values, axis=1), out)
    return out


@compiled
def _share_ties(
    rows: NDArray[np.float64], order: NDArray[np.intp], out: NDArray[np.float64]
) -> None:
    n_rows, n = rows.shape
    for i in range(n_rows):
        first = 0
        while first < n:
            last = first
            while last + 1 < n and rows[i, order[i, last + 1]] == rows[i, order[i, first]]:
                last += 1
            for place in range(first, last + 1):
                out[i, order[i, place]] = 0.5 * (first + last) + 1.0
            first = last + 1
