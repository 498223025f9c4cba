"""Receptors: speed against a scipy loop, and false positives of spatial nulls against peers.

    python benchmarks/receptors.py [--pairs 1000] [--peers PYTHON --peer-pairs N]

PYTHON is an interpreter that has brainspace and brainsmash; without it ``fpr_peers`` is null.
All maps here are simulated. One thread; CPU seconds; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  (threads must be set before BLAS starts)

SURROGATES = 199
REACH_MM = 40.0
SCENARIOS = {
    "smooth": {"symmetric": False, "contrast": 0.0},
    "pet_like": {"symmetric": True, "contrast": 1.5},
}


def cpu(work):
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


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
    from rt1t2_dask.receptors.nulls import surrogates

    values, space = shipped_means()["D1_SCH23390_c11"].to_numpy(), pet_space()[1]
    seconds = {
        f"surrogates_s_10000{ending}": cpu(
            lambda m=method: surrogates(values, space, 10_000, seed=0, method=m)
        )[0]
        for method, ending in (("variogram", ""), ("moran", "_moran"))
    }
    return seconds | variogram_error(values, space)


def variogram_error(values, space) -> dict[str, float]:
    """Mean error of the surrogates' mean variogram, relative to the map's; permutations beside."""
    from rt1t2_dask.receptors.nulls import surrogates
    from rt1t2_dask.receptors.variogram import variogram

    family = space.families[0]
    own = family.standard((space.split @ values)[None, family.index])[0]
    tool = variogram(family.xyz)
    target = tool.of(own[:, None])[:, 0]
    rng = np.random.default_rng(0)
    shuffled = own[rng.permuted(np.tile(np.arange(len(own)), (1000, 1)), axis=1)]
    found = {"permuted": shuffled}
    for method in ("moran", "variogram"):
        drawn = surrogates(values, space, 1000, seed=0, method=method)
        found[method] = family.standard(drawn @ space.split.T[:, family.index])
    return {
        f"variogram_error_{name}": float(np.mean(np.abs(tool.of(x.T).mean(1) - target) / target))
        for name, x in found.items()
    }


def pet_space():
    from rt1t2_dask.atlas import regions
    from rt1t2_dask.receptors.space import folded

    table = regions()
    table = table[table["grey"]]
    return table, folded(table)


def simulated_maps(rng, n: int, symmetric: bool, contrast: float):
    """Draw smooth maps (exponential correlation over 40 mm), n x 119 (simulated)."""
    table, space = pet_space()
    xyz = table[["x_mm", "y_mm", "z_mm"]].to_numpy()
    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=-1)
    root = np.linalg.cholesky(np.exp(-distance / REACH_MM) + 1e-9 * np.eye(len(xyz)))
    parts = space.split @ (root @ rng.normal(size=(len(xyz), n)))
    if symmetric:
        parts[space.families[1].index] *= 0.3
    maps = (space.join @ parts).T
    for structure in table["structure"].unique():
        maps[:, table["structure"] == structure] += contrast * rng.normal(size=(n, 1))
    return maps


def rate(p) -> list[float]:
    """Share of p <= .05 with its 95 % Wilson interval."""
    from scipy.stats import binomtest

    hits = int(np.sum(np.asarray(p) <= 0.05))
    interval = binomtest(hits, len(p)).proportion_ci(method="wilson")
    return [round(float(x), 4) for x in (hits / len(p), interval.low, interval.high)]


def false_positives(first, second) -> dict[str, list[float]]:
    """Rate of the naive p and of our nulls: as shipped, and blind to symmetry and tissue."""
    from scipy.stats import spearmanr

    from rt1t2_dask.receptors.nulls import spatial_null
    from rt1t2_dask.receptors.space import plain

    table, space = pet_space()
    blind = plain(table[["x_mm", "y_mm", "z_mm"]].to_numpy())
    pairs = list(zip(first, second, strict=True))
    found = {"naive": rate([spearmanr(a, b).pvalue for a, b in pairs])}
    for ending, where in (("", space), ("_blind", blind)):
        for method in ("moran", "variogram"):
            run = {"n": SURROGATES, "method": method}
            p = [
                spatial_null(a[None], b[None], None, where, seed=k, **run).p[0]
                for k, (a, b) in enumerate(pairs)
            ]
            found[method + ending] = rate(p)
    return found


def peers(python: str, first, second, n_slow: int) -> dict[str, list[float]]:
    """Give the same maps to BrainSpace and brainsmash in their own interpreter."""
    xyz = pet_space()[0][["x_mm", "y_mm", "z_mm"]].to_numpy()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.npz"
        np.savez(path, first=first, second=second, xyz=xyz)
        command = [python, __file__, "--as-peer", str(path), "--peer-pairs", str(n_slow)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name: rate(p) for name, p in json.loads(lines.splitlines()[-1]).items()}


def as_peer(path: str, n_slow: int) -> None:
    """Run inside the peers' interpreter: p of each pair from their surrogates."""
    from brainsmash.mapgen.base import Base
    from brainspace.null_models import MoranRandomization
    from scipy.stats import rankdata

    data = np.load(path)
    distance = np.linalg.norm(data["xyz"][:, None] - data["xyz"][None], axis=-1)
    weight = 1 / (distance + np.eye(len(distance)))

    def p(a, b, fakes) -> float:
        if np.isnan(fakes).any():
            raise RuntimeError("the peer gave NaN surrogates")
        ranks = rankdata(np.vstack([a, b, fakes]), axis=1)
        rho = np.abs(np.corrcoef(ranks)[0, 1:])
        return float((np.sum(rho[1:] >= rho[0] - 1e-12) + 1) / (len(fakes) + 1))

    found = {"brainspace_moran": [], "brainsmash": []}
    for k, (a, b) in enumerate(zip(data["first"], data["second"], strict=True)):
        # Its own tolerance of 1e-10 keeps the constant eigenvector here, and all is NaN.
        moran = MoranRandomization(
            n_rep=SURROGATES, procedure="singleton", tol=1e-6, random_state=k
        )
        found["brainspace_moran"].append(p(a, b, moran.fit(weight).randomize(b)))
        if k < n_slow:
            fakes = Base(b, distance, seed=k)(n=99)
            found["brainsmash"].append(p(a, b, fakes))
    print(json.dumps({name: values for name, values in found.items() if values}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--peers")
    parser.add_argument("--peer-pairs", type=int, default=100)
    parser.add_argument("--as-peer")
    options = parser.parse_args()
    if options.as_peer:
        as_peer(options.as_peer, options.peer_pairs)
        return
    result = speed() | surrogate_speed()
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
    print(json.dumps(result))


if __name__ == "__main__":
    main()
