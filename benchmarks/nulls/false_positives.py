"""Family-wise error of the permutation tests where nothing is to be found.

Run: python -m benchmarks.nulls.false_positives [--cohorts 500] [--permutations 199] [--first 0]
Null cohorts of smooth noise in an ellipsoid of about 60,000 voxels, 11 against 18 people and
two covariates, with people missing at the edge. A line a cohort, the rates last as JSON;
``--first`` divides the cohorts over runs, ``--log`` keeps finished ones. SIMULATED DATA.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy import ndimage  # noqa: E402
from summary.bars import most  # noqa: E402
from summary.figures import conclude  # noqa: E402

from rt1t2_dask.stats import design  # noqa: E402
from rt1t2_dask.stats.clusters.lattice import lattice  # noqa: E402
from rt1t2_dask.stats.clusters.spatial import Search, relabel, relabel_in_chunks  # noqa: E402
from rt1t2_dask.stats.permutation import blocks as permutation  # noqa: E402
from rt1t2_dask.stats.permutation import (  # noqa: E402
    exchange,
    prepared,
)
from rt1t2_dask.stats.permutation.null import p_fwe  # noqa: E402

N = (11, 18)
SHAPE = (54, 64, 54)
RADII = (21.0, 27.5, 25.0)
FWHM_VOXELS = 3.0
ALPHA = 0.05
NAMES = ("max_t", "extent", "mass", "tfce")


def ellipsoid() -> NDArray[np.bool_]:
    index = np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2
    return np.asarray((((index / np.array(RADII)) ** 2).sum(axis=-1) < 1).T)


def cohort(mask: NDArray[np.bool_], seed: int) -> tuple[NDArray[np.float32], design.Design]:
    rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(seed,)))
    data = np.empty((sum(N), int(mask.sum())), np.float32)
    for row in data:
        noise = rng.standard_normal(mask.shape, np.float32)
        row[:] = 1.5 + ndimage.gaussian_filter(noise, FWHM_VOXELS / 2.3548)[mask]
    data[3, :500] = np.nan
    data[20:22, -400:] = np.nan
    table = pd.DataFrame(rng.normal(size=(sum(N), 2)), columns=["age", "dose"])
    return data, design.two_sample(["a"] * N[0] + ["b"] * N[1], "a", "b", table)


def p_values(mask: NDArray[np.bool_], seed: int, permutations: int) -> dict[str, float]:
    data, model = cohort(mask, seed)
    plan = exchange.plan(model, permutations, seed, batch_size=permutations)
    block = np.arange(data.shape[1]), permutation.prepare(data, model, plan)
    search = Search(lattice(mask, 18), lattice(mask, 26))
    seen = relabel([block], prepared.identity(block[1].participants), search).tails
    null = relabel_in_chunks([block], plan.orders(0), search).tails
    return {name: float(p_fwe(seen[name].both[0], null[name].both)) for name in NAMES}


def known(log: Path | None) -> dict[int, dict[str, float]]:
    lines = log.read_text().splitlines() if log and log.exists() else []
    rows = [json.loads(line) for line in lines]
    return {row["seed"]: row for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=500)
    parser.add_argument("--permutations", type=int, default=199)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--log", type=Path, default=None)
    options = parser.parse_args()
    mask, done = ellipsoid(), known(options.log)
    for seed in range(options.first, options.first + options.cohorts):
        if seed in done:
            continue
        done[seed] = {"seed": seed} | p_values(mask, seed, options.permutations)
        print(json.dumps(done[seed]), flush=True)
        if options.log:
            with options.log.open("a") as out:
                out.write(json.dumps(done[seed]) + "\n")
    rows = pd.DataFrame(list(done.values()))
    error = float(np.sqrt(ALPHA * (1 - ALPHA) / len(rows)))
    rates = {f"fwe_{name}": float((rows[name] <= ALPHA).mean()) for name in NAMES}
    bar = ALPHA + 3 * error
    found = {"voxels": int(mask.sum()), "cohorts": len(rows), "bar": bar} | rates
    conclude("false_positives", found, {name: most(bar) for name in rates})


if __name__ == "__main__":
    main()
