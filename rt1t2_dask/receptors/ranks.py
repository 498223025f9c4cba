"""Ranks of many short rows, ties averaged."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


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
    _rank_rows(values, out)
    return out


@numba.njit(nogil=True, cache=True)
def _rank_rows(rows: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    n_rows, n = rows.shape
    for i in range(n_rows):
        row = rows[i]
        order = np.argsort(row)
        first = 0
        while first < n:
            last = first
            while last + 1 < n and row[order[last + 1]] == row[order[first]]:
                last += 1
            shared = 0.5 * (first + last) + 1.0
            for place in range(first, last + 1):
                out[i, order[place]] = shared
            first = last + 1
