"""Null studies of whole-brain contrasts: 11 against 18 people, one group more variable.

Smooth noise (FWHM 3 voxels) in an ellipsoid of about 20,000 voxels, one covariate, the default
method of `recommended`. SIMULATED DATA.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from nulls.figure import Figure, Value
from numpy.typing import NDArray
from scipy import ndimage, stats

from rt1t2_dask.stats import design
from rt1t2_dask.stats.clusters.lattice import lattice
from rt1t2_dask.stats.clusters.spatial import Search, relabel, relabel_in_chunks
from rt1t2_dask.stats.glm import fit as glm
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange, prepared
from rt1t2_dask.stats.permutation.null import p_fwe

N = (11, 18)
SHAPE, RADII = (36, 44, 36), (14.0, 18.5, 17.0)
FWHM_VOXELS = 3.0
PERMUTATIONS, ALPHA, FORMING_P = 199, 0.05, 0.001
COST_VOXELS, COST_PERMUTATIONS, ROUNDS = 230_000, 256, 5
SITES = ("x", "y", "z")
SHOWN = (None, None)
BAR, BAR_TFCE, BAR_COST = (None, 0.06), (None, 0.065), (None, 5.0)


@cache
def ellipsoid() -> NDArray[np.bool_]:
    """Return the mask."""
    index = np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2
    return np.asarray((((index / np.array(RADII)) ** 2).sum(axis=-1) < 1).T)


def people(rng: np.random.Generator, spread: float) -> NDArray[np.float32]:
    """Return maps of a null study, the first group's errors so many times as variable."""
    mask = ellipsoid()
    data = np.empty((sum(N), int(mask.sum())), np.float32)
    for k, row in enumerate(data):
        noise = rng.standard_normal(mask.shape, np.float32)
        smooth = ndimage.gaussian_filter(noise, FWHM_VOXELS / 2.3548)[mask]
        row[:] = smooth / smooth.std() * (spread if k < N[0] else 1.0)
    return 1.5 + np.float32(0.1) * data


def model(rng: np.random.Generator, sites: bool) -> design.Design:
    """Return a design with one covariate, and three sites where wanted."""
    table = pd.DataFrame({"age": rng.normal(60, 12, sum(N))})
    groups = ["a"] * N[0] + ["b"] * N[1]
    if not sites:
        return design.two_sample(groups, "a", "b", table)
    site = [SITES[k % 3] for k in range(sum(N))]
    own = design.two_sample(groups, "a", "b", table.assign(site=site))
    return replace(own, blocks=np.array(site))


def study(
    key: str, spread: float, tfce: bool, sites: bool, rng: np.random.Generator
) -> dict[str, Value]:
    """Return whether anything is found, by statistic, and the parametric rate at .001."""
    data, own = people(rng, spread), model(rng, sites)
    how = exchange.exchanged(own, "welch")
    seed = int(rng.integers(2**31))
    plan = exchange.plan(own, PERMUTATIONS, seed, batch_size=PERMUTATIONS, exchange=how)
    if not tfce:
        block = permutation.prepare(data, own, plan, "welch")
        observed = permutation.observed_tails(block)
        null = permutation.run_orders(block, plan.orders(0)).tails
        return {key: float(p_fwe(observed.both[0], null.both) <= ALPHA)} | _parametric(
            key, data, own
        )
    blocks = [(np.arange(data.shape[1]), permutation.prepare(data, own, plan, "welch"))]
    search = Search(lattice(ellipsoid(), 18), lattice(ellipsoid(), 26), FORMING_P)
    seen = relabel(blocks, prepared.identity(sum(N)), search).tails
    null = relabel_in_chunks(blocks, plan.orders(0), search).tails
    found = {name: float(p_fwe(seen[name].both[0], null[name].both) <= ALPHA) for name in seen}
    return {key: found["tfce"], f"{key}_extent": found["extent"]}


def _parametric(key: str, data: NDArray[np.float32], own: design.Design) -> dict[str, Value]:
    """Return the share of voxels with a one-sided p under .001."""
    fitted = glm.fit(data, own, "welch")
    return {f"{key}_parametric_001": float((fitted.z > stats.norm.isf(0.001)).mean())}


def cost(rng: np.random.Generator) -> dict[str, Value]:
    """Return the cost of a permutation of Welch's t over that of the pooled t, max-t alone."""
    data = rng.standard_normal((sum(N), COST_VOXELS), np.float32) + 1.5
    own = model(rng, False)
    ready: dict[str, Any] = {}
    for kind in ("equal", "welch"):
        plan = exchange.plan(own, COST_PERMUTATIONS, exchange=exchange.exchanged(own, kind))
        block = permutation.prepare(data, own, plan, kind)
        ready[kind] = block, plan.span(0, COST_PERMUTATIONS)
        permutation.run_orders(block, ready[kind][1][:8])
    seconds = {kind: min(_timed(*one) for _ in range(ROUNDS)) for kind, one in ready.items()}
    return {"welch_cost_ratio": seconds["welch"] / seconds["equal"]}


def _timed(block: prepared.PreparedBlock, orders: exchange.Orders) -> float:
    start = time.process_time()
    permutation.run_orders(block, orders)
    return time.process_time() - start


def _figure(key: str, spread: float, *, tfce: bool = False, sites: bool = False) -> Figure:
    studies = 500 if tfce else 2000
    one = partial(study, key, spread, tfce, sites)
    if tfce:
        return Figure(studies, one, {key: BAR_TFCE, f"{key}_extent": BAR_TFCE})
    return Figure(studies, one, {key: BAR, f"{key}_parametric_001": SHOWN})


FIGURES: dict[str, Figure] = {
    "fwe_equal_sd1": _figure("fwe_equal_sd1", 1.0),
    "fwe_sd15": _figure("fwe_sd15", 1.5),
    "fwe_sd2": _figure("fwe_sd2", 2.0),
    "fwe_sites_sd2": _figure("fwe_sites_sd2", 2.0, sites=True),
    "fwe_tfce_sd1": _figure("fwe_tfce_sd1", 1.0, tfce=True),
    "fwe_tfce_sd15": _figure("fwe_tfce_sd15", 1.5, tfce=True),
    "fwe_tfce_sd2": _figure("fwe_tfce_sd2", 2.0, tfce=True),
    "welch_cost_ratio": Figure(3, cost, {"welch_cost_ratio": BAR_COST}),
}
