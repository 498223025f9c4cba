"""Random smooth maps against expression: how often p <= .05 under spins and under shuffles.

Sets are tested with fewer relabelings than PLS, and all maps only under the spins that are the
default; shuffles of genes are what enrichment programs do when they are given a ranked list.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from rt1t2_dask import assets
from rt1t2_dask.morphometry.regions import sphere_centroids
from rt1t2_dask.transcriptome import enrichment, pls, spins
from rt1t2_dask.transcriptome.expression import Expression, positions, read_gmt

Float = NDArray[np.float64]
Null = Callable[[slice], Float]
LEFT, RANGE_RADIANS, N_NULL, N_SETS, ALPHA = 34, 0.6, 999, 199, 0.05
SHARE = 5
SETS = ("gene_sets_pooled", "gene_sets_go_pain")


def smooth_maps(places: Float, n: int, seed: int) -> Float:
    """Draw Gaussian maps with exponential covariance on the sphere, shape (region, n)."""
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    angle = np.arccos(np.clip(unit @ unit.T, -1, 1))
    root = np.linalg.cholesky(np.exp(-angle / RANGE_RADIANS) + 1e-9 * np.eye(len(unit)))
    return np.asarray(root @ np.random.default_rng(seed).standard_normal((len(unit), n)))


def false_positives(expression: Expression, n_maps: int) -> dict[str, dict[str, float]]:
    """Test maps that have nothing to do with expression; also under nearest spins."""
    x = pls.zscore(expression.values[:LEFT])
    places = sphere_centroids(expression.regions[:LEFT])
    assert places is not None
    maps, left = smooth_maps(places, n_maps, 1), np.ones(LEFT, bool)
    orders = {
        "nearest": spins.spin_orders(places, left, N_NULL, method="nearest"),
        "vasa": spins.spin_orders(places, left, N_NULL, method="vasa"),
        "shuffle": spins.shuffles(LEFT, N_NULL),
    }
    sets: dict[str, tuple[str, ...]] = {}
    for name in SETS:
        sets |= read_gmt(assets.read(assets.resolve(name)), name)
    members = enrichment.membership(list(positions(sets, expression)[0].values()), x.shape[1])
    gram, found = pls.gram_matrix(x), {}
    for name, order in orders.items():
        p = []
        for k in range(n_maps):
            y = pls.zscore(maps[:, k : k + 1])
            p.append(pls.spin_p(pls.simpls(gram, y, 1).explained, null_of(gram, y, order))[0])
        found[name] = _rate(f"{name}, PLS", np.array(p)[:, None])
        few = maps[:, : n_maps if name == "nearest" else n_maps // SHARE]
        found[name] |= _set_rates(name, x, few, members, lambda y, o=order: _spun(x, y, o))
    few = maps[:, : n_maps // SHARE]
    found["gene_shuffle"] = _set_rates("gene shuffle", x, few, members, lambda y: _shuffled(y @ x))
    return found


def _set_rates(
    name: str, x: Float, maps: Float, members: enrichment.Membership, null: Callable[[Float], Null]
) -> dict[str, float]:
    """Test every set on every map, by running sum and by median rank."""
    score, median = [], []
    for k in range(maps.shape[1]):
        y = pls.zscore(maps[:, k : k + 1])[:, 0]
        result = enrichment.enrich(y @ x, members, null(y), N_SETS)
        score.append(result.p)
        median.append(result.p_median_rank)
    rates = _rate(f"{name}, sets", np.array(score))
    ranks = _rate(f"{name}, median rank of sets", np.array(median))
    both = {f"set_{k}": v for k, v in rates.items()}
    return both | {f"set_median_{k}": v for k, v in ranks.items()}


def null_of(gram: Float, y: Float, order: NDArray[np.intp]) -> Float:
    """Give the explained variance of one component under the null."""
    return pls.explained_null(gram, y, order, 1)


def _spun(x: Float, y: Float, order: NDArray[np.intp]) -> Null:
    return lambda block: np.asarray(y[order[block]] @ x)


def _shuffled(statistic: Float) -> Null:
    rng = np.random.default_rng(0)
    return lambda block: rng.permuted(np.tile(statistic, (block.stop - block.start, 1)), axis=1)


def _rate(what: str, p: Float) -> dict[str, float]:
    """Give the share of p <= .05, shape (map, test), with its interval by resampling maps."""
    hits = (p <= ALPHA).mean(axis=1)
    if p.shape[1] == 1:
        low, high = stats.binomtest(int(hits.sum()), len(p)).proportion_ci(method="wilson")
    else:
        drawn = np.random.default_rng(0).integers(0, len(p), (4000, len(p)))
        low, high = np.quantile(hits[drawn].mean(axis=1), (0.025, 0.975))
    share = float(hits.mean())
    print(
        f"{what}: p <= .05 in {100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f}) of "
        f"{len(p)} maps",
        flush=True,
    )
    return {"rate": share, "low": float(low), "high": float(high)}
