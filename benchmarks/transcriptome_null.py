"""Random smooth maps against expression: how often p <= .05 under spins and plain shuffles."""

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
LEFT, RANGE_RADIANS, N_NULL, ALPHA = 34, 0.6, 999, 0.05
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
        "vasa": spins.spin_orders(places, left, N_NULL),
        "nearest": spins.spin_orders(places, left, N_NULL, method="nearest"),
        "shuffle": spins.shuffles(LEFT, N_NULL),
    }
    sets: dict[str, tuple[str, ...]] = {}
    for name in SETS:
        sets |= read_gmt(assets.read(assets.resolve(name)), name)
    members = enrichment.membership(list(positions(sets, expression)[0].values()), x.shape[1])
    gram = pls.gram_matrix(x)
    found = {}
    for name, order in orders.items():
        p_pls, p_set, p_median = [], [], []
        for k in range(n_maps):
            y = pls.zscore(maps[:, k : k + 1])
            p_pls.append(pls.spin_p(pls.simpls(gram, y, 1).explained, null_of(gram, y, order))[0])
            if k < n_maps // 5:
                result = enrichment.enrich(y[:, 0] @ x, members, _spun(x, y[:, 0], order), N_NULL)
                p_set += result.p.tolist()
                p_median += result.p_median_rank.tolist()
        found[name] = _rate(name, "PLS", p_pls, n_maps)
        found[name] |= {f"set_{k}": v for k, v in _rate(name, "set", p_set, n_maps // 5).items()}
        print(f"{name}: median rank p <= .05 in {100 * np.mean(np.array(p_median) <= ALPHA):.1f} %")
        found[name]["set_median_rate"] = float(np.mean(np.array(p_median) <= ALPHA))
    return found


def null_of(gram: Float, y: Float, order: NDArray[np.intp]) -> Float:
    """Give the explained variance of one component under the null."""
    return pls.explained_null(gram, y, order, 1)


def _spun(x: Float, y: Float, order: NDArray[np.intp]) -> Callable[[slice], Float]:
    return lambda block: np.asarray(y[order[block]] @ x)


def _rate(name: str, what: str, p: list[float], maps: int) -> dict[str, float]:
    """Give the share of p <= .05 with its interval; sets of one map count as one look each."""
    share = float(np.mean(np.array(p) <= ALPHA))
    count = round(share * maps)
    low, high = stats.binomtest(count, maps).proportion_ci(method="wilson")
    print(f"{name}, {what}: p <= .05 in {100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f})")
    return {"rate": share, "low": float(low), "high": float(high)}
