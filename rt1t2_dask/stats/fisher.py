"""Fisher's exact test of groups x 2 tables, by enumeration or Monte Carlo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Float = NDArray[np.float64]
Int = NDArray[np.int64]
# Above this number of tables, p is by Monte Carlo: half a million took 0.13 s on one core to
# enumerate.
MOST_TABLES = 1_000_000
DRAWS, DRAW_SEED = 200_000, 20_250
# Relative tolerance for tables as probable as the observed one.
LOG_TIE = 1e-7


def fisher_exact(counts: NDArray[Any]) -> float:
    """Return the p of `fisher_test` alone."""
    return fisher_test(counts)[0]


def fisher_test(counts: NDArray[Any], most_tables: int = MOST_TABLES) -> tuple[float, float]:
    """Test an r x 2 table by Fisher's exact test.

    Parameters
    ----------
    counts : ndarray of int, shape (group, 2)
    most_tables : int
        Up to this many tables of the same margins are enumerated, else sampled.

    Returns
    -------
    p : float
        Sum of the probabilities, given the margins, of tables no more probable than this one;
        NaN where a margin leaves only one table. Drawn, (k + 1) / (n + 1) of n = 200,000.
    error : float
        Standard error of p: 0 where it is exact.
    """
    table = np.asarray(counts, np.int64)
    table = table[table.sum(axis=1) > 0]
    sizes, first = table.sum(axis=1), int(table[:, 0].sum())
    if len(sizes) < 2 or first in (0, int(sizes.sum())):
        return float("nan"), float("nan")
    observed = float(_log_ways(table[:, 0], sizes))
    if count_tables(sizes, first) > most_tables:
        return _drawn(sizes, first, observed)
    ways = _every_log_ways(sizes, first)
    likely = ways <= observed + LOG_TIE
    p = np.exp(special.logsumexp(ways[likely]) - special.logsumexp(ways))
    return float(min(p, 1.0)), 0.0


def count_tables(sizes: Int, first: int) -> int:
    """Count the r x 2 tables with these row sums and this sum of the first column."""
    ways = [1] + [0] * first
    for size in sizes.tolist():
        sums = np.cumsum(np.array(ways, dtype=object))
        ways = [int(sums[k] - (sums[k - size - 1] if k > size else 0)) for k in range(first + 1)]
    return ways[first]


def _drawn(sizes: Int, first: int, observed: float) -> tuple[float, float]:
    """Compute p by Monte Carlo, from the multivariate hypergeometric distribution."""
    rng = np.random.default_rng(DRAW_SEED)
    tables = rng.multivariate_hypergeometric(sizes, first, size=DRAWS, method="marginals")
    rarer = int((_log_ways(tables, sizes) <= observed + LOG_TIE).sum())
    p = (rarer + 1) / (DRAWS + 1)
    return p, float(np.sqrt(p * (1 - p) / DRAWS))


def _every_log_ways(sizes: Int, first: int) -> Float:
    """Return the log number of ways to make each table, group after group."""
    used, ways = np.zeros(1, np.int64), np.zeros(1)
    for k, size in enumerate(sizes[:-1].tolist()):
        own = np.arange(size + 1)
        used = np.add.outer(used, own).ravel()
        ways = np.add.outer(ways, _log_ways(own[:, None], sizes[k : k + 1])).ravel()
        # What is left must fit into the groups that follow.
        kept = (used <= first) & (first - used <= sizes[k + 1 :].sum())
        used, ways = used[kept], ways[kept]
    last: Float = _log_ways((first - used)[:, None], sizes[-1:])
    return np.asarray(ways + last)


def _log_ways(first: Int, sizes: Int) -> Any:
    """Sum the logarithms of binomial coefficients over groups, the last axis."""
    ways = special.gammaln(sizes + 1) - special.gammaln(first + 1)
    return np.sum(ways - special.gammaln(sizes - first + 1), axis=-1)
