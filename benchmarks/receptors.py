"""Receptors: JuSpace's numbers, speed against a scipy loop, and spatial nulls against peers.

    python benchmarks/receptors.py [--pairs 1000] [--peers PYTHON --peer-pairs N]

PYTHON is an interpreter that has brainspace and brainsmash; without it ``fpr_peers`` is null.
All maps here are simulated. One thread; CPU seconds; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  (threads must be set before BLAS starts)
from nulls.spatial import (  # noqa: E402
    SCENARIOS,
    cpu,
    false_positives,
    peers,
    pet_space,
    simulated_maps,
)
from peers.juspace import oracle  # noqa: E402
from summary.figures import conclude  # noqa: E402


def scipy_loop(problem, draws: int):
    """Recompute z, ranks and partial correlations with numpy and scipy, one at a time."""
    from scipy.stats import rankdata

    rng = np.random.default_rng(0)
    n1, n = len(problem.patients), len(problem.people)
    g = rankdata(problem.gm)
    out = np.empty((draws, len(problem.maps)))
    for k in range(draws):
        order = rng.permutation(n)
        rest = problem.people[order[n1:]]
        z = (problem.people[order[:n1]] - rest.mean(axis=0)) / rest.std(axis=0, ddof=1)
        rho = np.empty((n1, len(problem.maps)))
        for i, row in enumerate(z):
            a = rankdata(row)
            for j, pet in enumerate(problem.maps):
                b = rankdata(pet)
                r = np.corrcoef([a, b, g])
                rho[i, j] = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt(
                    (1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2)
                )
        out[k] = np.arctanh(rho).mean(axis=0)
    return out


def speed() -> dict[str, float]:
    from rt1t2_dask.receptors.colocalisation import colocalise
    from rt1t2_dask.receptors.maps import THE_17, shipped_means
    from rt1t2_dask.receptors.problem import Problem

    means = shipped_means()
    rng = np.random.default_rng(1)
    problem = Problem(
        rng.normal(size=(15, 119)).round(2),
        rng.normal(size=(18, 119)).round(2),
        means[list(THE_17)].to_numpy().T,
        means["gm_prior"].to_numpy(),
    )
    args = problem.patients, problem.controls, problem.maps, problem.gm
    colocalise(*args, n_permutations=500)
    ours, loop, draws = [], [], 20
    for _ in range(3):
        ours.append(cpu(lambda: colocalise(*args, n_permutations=10_000))[0])
        loop.append(cpu(lambda: scipy_loop(problem, draws))[0] / draws * 10_000)
    return {
        "cpu_s_10000": float(np.median(ours)),
        "loop_ratio": float(np.median(loop) / np.median(ours)),
    }


def surrogate_speed() -> dict[str, float]:
    from rt1t2_dask.receptors.maps import shipped_means
    from rt1t2_dask.receptors.spatial.surrogates import surrogates

    values, space = shipped_means()["D1_SCH23390_c11"].to_numpy(), pet_space()[1]
    seconds = {
        f"surrogates_s_10000{ending}": cpu(
            lambda m=method: surrogates(values, space, 10_000, seed=0, method=m)
        )[0]
        for method, ending in (("variogram", ""), ("moran", "_moran"))
    }
    return seconds | variogram_error(values, space)


def variogram_error(values, space) -> dict[str, float]:
    """Mean error of the surrogates' mean variogram as a share of the map's; permutations beside."""
    from rt1t2_dask.receptors.spatial.surrogates import surrogates
    from rt1t2_dask.receptors.spatial.variogram import compare

    rng = np.random.default_rng(0)
    order = rng.permuted(np.tile(np.arange(len(values)), (1000, 1)), axis=1)
    found = {"permuted": values[order]}
    for method in ("moran", "variogram"):
        found[method] = surrogates(values, space, 1000, seed=0, method=method)
    return all_errors(space) | {
        f"variogram_error_{name}": compare(values, fakes, space.xyz).error
        for name, fakes in found.items()
    }


def all_errors(space) -> dict[str, float]:
    """Median and largest error over the 17 maps."""
    from rt1t2_dask.receptors.maps import THE_17, shipped_means
    from rt1t2_dask.receptors.spatial.surrogates import surrogates
    from rt1t2_dask.receptors.spatial.variogram import compare

    maps = shipped_means()[list(THE_17)].to_numpy().T
    fakes = [surrogates(values, space, 1000, seed=0, method="variogram") for values in maps]
    errors = [compare(*pair, space.xyz).error for pair in zip(maps, fakes, strict=True)]
    return {
        "variogram_error_median_of_17": float(np.median(errors)),
        "variogram_error_largest_of_17": float(np.max(errors)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--peers")
    parser.add_argument("--peer-pairs", type=int, default=100)
    options = parser.parse_args()
    found = oracle()
    for run, differences in found.pop("oracle_cases", {}).items():
        print(run, json.dumps(differences), flush=True)
    result = speed() | surrogate_speed() | found
    print(json.dumps(result), flush=True)
    for name, scenario in SCENARIOS.items():
        rng = np.random.default_rng(2026)
        first, second = (simulated_maps(rng, options.pairs, **scenario) for _ in range(2))
        found = false_positives(first, second)
        if options.peers:
            found["peers"] = peers(options.peers, first, second, options.peer_pairs)
        ending = "" if name == "smooth" else f"_{name}"
        result |= {
            f"fpr_{k}{ending}": found.get(k) for k in ("naive", "moran", "variogram", "peers")
        }
        print(name, json.dumps(found), flush=True)
    conclude("receptors", result)


if __name__ == "__main__":
    main()
