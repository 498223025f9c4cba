"""Simulated genes: how often null sets are found, and what was planted. SIMULATED DATA.

Every study simulates its own table of 83 regions x 2,000 genes, 23 sets without planted genes (null
sets and cell classes; coexpressed) and three with them, and tests one map of the left cortex with
the default spins. Nothing planted in the map: a smooth map with exponential covariance (range 0.6
rad), so that any set found is a false positive. Planted: the change that was planted in simulated
patients, with noise of half its spread in every region.
"""

from __future__ import annotations

import numpy as np
from nulls.expression import smooth_maps
from nulls.figure import Figure, Value
from numpy.typing import NDArray

from rt1t2_dask.morphometry.regions import desikan_names, desikan_places
from rt1t2_dask.simulate.expression import N_PLANTED, PLANTED, SimulatedGenes, simulate_genes
from rt1t2_dask.simulate.regions import planted_change
from rt1t2_dask.transcriptome import enrichment, pls, spins

Float = NDArray[np.float64]
LEFT, SPINS, ALPHA, NOISE = 34, 199, 0.05, 0.5
PLACES = np.array(list(desikan_places().values()), np.float64)


def simulated(rng: np.random.Generator) -> tuple[SimulatedGenes, Float]:
    """Simulate genes, and return them with the planted change over the left cortex, z."""
    names, seed = desikan_names(), int(rng.integers(2**31))
    change = planted_change(names, PLACES, seed)
    found = simulate_genes(dict(zip(names, change.tolist(), strict=True)), seed)
    return found, pls.zscore(change[:LEFT, None])[:, 0]


def tested(found: SimulatedGenes, values: Float) -> tuple[float, dict[str, float], Float]:
    """Return p of the first component, p of every set, and the weight of every gene."""
    x, y = pls.zscore(found.values[:LEFT]), pls.zscore(values[:, None])
    orders = spins.spin_orders(PLACES[:LEFT], np.ones(LEFT, bool), SPINS, method="nearest")
    gram = pls.gram_matrix(x)
    fitted = pls.simpls(gram, y, 1)
    weights = pls.gene_weights(x, fitted.coefficients)[:, 0]
    sets = {**found.sets, **found.classes}
    place = {gene: k for k, gene in enumerate(found.genes)}
    rows = [np.array([place[gene] for gene in own]) for own in sets.values()]

    def null(block: slice) -> Float:
        spun = pls.simpls(gram, y[orders[block]], 1).coefficients[..., 0]
        return np.asarray(spun @ x)

    result = enrichment.enrich(weights, enrichment.membership(rows, len(place)), null, SPINS)
    share = pls.spin_p(fitted.explained, pls.explained_null(gram, y, orders, 1))[0]
    return float(share), dict(zip(sets, result.p.tolist(), strict=True)), weights


def found_share(p: dict[str, float], planted: bool) -> list[float]:
    """Return whether each set with, or without, planted genes was found."""
    return [float(value <= ALPHA) for name, value in p.items() if (PLANTED in name) == planted]


def nothing(rng: np.random.Generator) -> dict[str, Value]:
    """Test a map that has nothing to do with the genes."""
    genes, _ = simulated(rng)
    own = smooth_maps(PLACES[:LEFT], 1, int(rng.integers(2**31)))[:, 0]
    share, p, _ = tested(genes, own)
    every = found_share(p, False) + found_share(p, True)
    return {"genes_null_pls": float(share <= ALPHA), "genes_null_sets": every}


def planted(rng: np.random.Generator) -> dict[str, Value]:
    """Test a map that shows the planted change."""
    genes, change = simulated(rng)
    share, p, weights = tested(genes, change + NOISE * rng.standard_normal(LEFT))
    first, last = np.argsort(-weights)[:N_PLANTED], np.argsort(weights)[:N_PLANTED]
    there = [*(first < N_PLANTED), *((last >= N_PLANTED) & (last < 2 * N_PLANTED))]
    return {
        "genes_planted_null_sets": found_share(p, False),
        "genes_planted_sets": found_share(p, True),
        "genes_planted_pls": float(share <= ALPHA),
        "genes_planted_at_the_ends": float(np.mean(there)),
    }


FIGURES: dict[str, Figure] = {
    "genes_null": Figure(
        1000, nothing, {"genes_null_pls": (None, 0.07), "genes_null_sets": (None, 0.06)}
    ),
    "genes_planted": Figure(
        500,
        planted,
        {
            "genes_planted_null_sets": (None, 0.06),
            "genes_planted_sets": (0.9, None),
            "genes_planted_pls": (None, None),
            "genes_planted_at_the_ends": (0.8, None),
        },
    ),
}
