"""False positives of spatial nulls on simulated maps, ours and peers'; part of `receptors.py`."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

SURROGATES = 199
SLOW_SURROGATES = 99
SCENARIOS = {
    "smooth": {"reach_mm": 40.0, "power": 1.0, "symmetric": False, "contrast": 0.0},
    "gaussian": {"reach_mm": 40.0, "power": 2.0, "symmetric": False, "contrast": 0.0},
    "pet_like": {"reach_mm": 40.0, "power": 1.0, "symmetric": True, "contrast": 1.5},
}


def cpu(work):
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def pet_space():
    from rt1t2_dask.atlas import regions
    from rt1t2_dask.receptors.spatial.space import of_regions

    table = regions()
    table = table[table["grey"]]
    return table, of_regions(table)


def simulated_maps(rng, n: int, reach_mm, power, symmetric, contrast):
    """Draw smooth maps, correlation exp(-(d / reach)^power), n x 119 (simulated)."""
    table, space = pet_space()
    near = np.exp(-((space.distance / reach_mm) ** power))
    across = np.exp(-((space.mirrored / reach_mm) ** power))
    covariance = near + across + 0.09 * (near - across) if symmetric else near
    value, basis = np.linalg.eigh(covariance)
    maps = rng.normal(size=(n, len(near))) @ (basis * np.sqrt(value.clip(0))).T
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
    """Rate of the naive p and of our nulls."""
    from scipy.stats import spearmanr

    from rt1t2_dask.receptors.correlation import fisher_z, p_value, partial_correlation
    from rt1t2_dask.receptors.spatial.field import fit, standardise
    from rt1t2_dask.receptors.spatial.surrogates import drawn

    _, space = pet_space()
    found = {"naive": rate([spearmanr(a, b).pvalue for a, b in zip(first, second, strict=True)])}
    scales = [standardise(b, space) for b in second]
    fields = fit(np.stack([scale.values for scale in scales]), space)
    for method in ("moran", "variogram"):
        p = []
        for k, (a, b) in enumerate(zip(first, second, strict=True)):
            fakes = drawn(scales[k], fields[k], space, SURROGATES, seed=k, method=method)
            z = fisher_z(partial_correlation(a[None], np.vstack([b, fakes]), None))[0]
            p.append(p_value(z[:1], z[1:, None])[0])
        found[method] = rate(p)
    return found


def peers(python: str, first, second, n_slow: int) -> dict[str, list[float]]:
    """Give the same maps to BrainSpace and brainsmash in their own interpreter."""
    xyz = pet_space()[0][["x_mm", "y_mm", "z_mm"]].to_numpy()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.npz"
        np.savez(path, first=first, second=second, xyz=xyz)
        command = [python, __file__, str(path), str(n_slow)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name: rate(p) for name, p in json.loads(lines.splitlines()[-1]).items()}


def as_peer(path: str, n_slow: int) -> None:
    """Run inside the peers' interpreter: p of each pair from their surrogates."""
    from brainsmash.mapgen.base import Base
    from brainspace.null_models import MoranRandomization
    from scipy.stats import rankdata

    np.row_stack = np.vstack  # noqa: NPY201  (numpy 2.4 dropped it; brainsmash calls it)
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
            fakes = Base(b, distance, seed=k)(n=SLOW_SURROGATES, batch_size=SLOW_SURROGATES)
            found["brainsmash"].append(p(a, b, fakes))
    print(json.dumps({name: values for name, values in found.items() if values}))


if __name__ == "__main__":
    import sys

    as_peer(sys.argv[1], int(sys.argv[2]))
