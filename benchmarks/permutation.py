"""Permutations against nilearn's ``permuted_ols``: same orders, one thread, CPU time.

Run: python benchmarks/permutation.py [--permutations 1000] [--rounds 2] [--one-mm 0]
The last line is JSON. Data are simulated: smooth noise in an ellipsoid of about 235,000 voxels.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
import warnings
from dataclasses import dataclass, field

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from nilearn.maskers import NiftiMasker  # noqa: E402
from nilearn.mass_univariate import permuted_ols  # noqa: E402
from scipy import ndimage  # noqa: E402
from summary.figures import conclude  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from rt1t2_dask.stats import design, scores  # noqa: E402
from rt1t2_dask.stats.clusters import spatial  # noqa: E402
from rt1t2_dask.stats.clusters.lattice import lattice  # noqa: E402
from rt1t2_dask.stats.permutation import blocks as permutation  # noqa: E402
from rt1t2_dask.stats.permutation import (  # noqa: E402
    exchange,
    tails,
)

N = (11, 18)
SEED = 0


@dataclass(frozen=True)
class GivenOrders(exchange.PermutationPlan):
    """A plan whose orders come from elsewhere."""

    given: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.int16))

    def orders(self, batch):
        """Orders of one batch."""
        first = batch * self.batch_size
        return self.given[first : min(first + self.batch_size, self.n)]


def ellipsoid(voxel_mm=2.0):
    """Mask of about 235,000 voxels at 2 mm."""
    shape = np.ceil(np.array([79, 95, 79]) * 2 / voxel_mm).astype(int)
    axes = np.array([34.5, 43.5, 37.5]) * 2 / voxel_mm
    index = np.indices(shape).T - (shape - 1) / 2
    return (((index / axes) ** 2).sum(axis=-1) < 1).T


def cohort(mask):
    """Maps of 29 simulated people, and two covariates."""
    rng = np.random.default_rng(SEED)
    data = np.empty((sum(N), int(mask.sum())), np.float32)
    for row in data:
        noise = ndimage.gaussian_filter(rng.normal(size=mask.shape).astype(np.float32), 2.0)
        row[:] = 1.5 + noise[mask]
    covariates = rng.normal(size=(sum(N), 2))
    return data, covariates


def nilearn_orders(count):
    """The cumulative shuffles ``permuted_ols`` draws with one job."""
    rng = np.random.RandomState(np.random.RandomState(SEED).randint(1, np.iinfo(np.int32).max - 1))
    current, orders = np.arange(sum(N)), []
    for _ in range(count):
        current = current[rng.permutation(sum(N))]
        orders.append(current)
    return np.array(orders, np.int16)


def cpu(function):
    """CPU seconds of a call, and what it gave."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def plan_of(count, method="freedman_lane"):
    """A plan of nilearn's own orders."""
    return GivenOrders(count, SEED, sum(N), 128, method, given=nilearn_orders(count))


def ours(data, model, count, method):
    """Largest |t| of each permutation."""
    plan = plan_of(count, method)
    block = permutation.prepare(data, model, plan)
    batches = [permutation.run_batch(block, plan, k).tails for k in range(plan.n_batches)]
    return scores.z_to_t(tails.merge_batches(batches).both, model.dof)


def peer(data, covariates, count, **options):
    """nilearn's permutations of the same model."""
    tested = np.repeat([1.0, 0.0], N)[:, None]
    return permuted_ols(
        tested, data, confounding_vars=covariates, model_intercept=True, n_perm=count,
        two_sided_test=True, random_state=SEED, n_jobs=1, verbose=0, output_type="dict", **options,
    )  # fmt: skip


def sgemm_peak():
    """Best float32 multiply-add rate of this core, in operations a second."""
    a = np.random.default_rng(0).normal(size=(1024, 1024)).astype(np.float32)
    best = min(cpu(lambda: [a @ a for _ in range(5)])[0] for _ in range(5))
    return 5 * 2 * 1024**3 / best


def maxima(data, covariates, model, count, rounds):
    """Least CPU seconds of each, and the largest difference of max |t| from nilearn's."""
    results = {"nilearn": [], "freedman_lane": [], "smith": []}
    ours(data[:, :2000], model, 64, "freedman_lane")  # compiles
    for _ in range(rounds):
        for name in ("freedman_lane", "smith"):
            seconds, largest = cpu(lambda name=name: ours(data, model, count, name))
            results[name].append(seconds)
            if name == "freedman_lane":
                exact = largest
        seconds, output = cpu(lambda: peer(data, covariates, count))
        results["nilearn"].append(seconds)
    best = {k: min(v) for k, v in results.items()}
    difference = np.abs(exact - output["h0_max_t"].ravel()).max()
    return best, float(difference)


def clusters(mask, data, covariates, model, count):
    """Ratio of nilearn's CPU time to ours for cluster extents."""
    affine = np.diag([2.0, 2, 2, 1])
    masker = NiftiMasker(mask_img=nib.Nifti1Image(mask.astype(np.uint8), affine)).fit()
    grid = lattice(mask, 18)
    plan = plan_of(count)

    def extents():
        block = permutation.prepare(data, model, plan)
        parts = [
            spatial.spatial_batch(block, plan, k, grid, statistics=("extent", "mass"))["extent"]
            for k in range(plan.n_batches)
        ]
        return tails.merge_batches(parts).both

    extents()
    seconds, _ = cpu(extents)
    theirs, _ = cpu(lambda: peer(data, covariates, count, masker=masker, threshold=0.001))
    return theirs / seconds


def one_millimetre(count):
    """CPU and wall seconds of max-t permutations at 1 mm on one thread."""
    mask = ellipsoid(1.0)
    data, covariates = cohort(mask)
    model = two_groups(covariates)
    start = time.perf_counter()
    seconds, _ = cpu(lambda: ours(data, model, count, "freedman_lane"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "one_mm_voxels": int(mask.sum()), "one_mm_permutations": count,
        "one_mm_cpu_s": seconds, "one_mm_wall_s": time.perf_counter() - start,
        "one_mm_peak_gb": peak,
    }  # fmt: skip


def two_groups(covariates):
    """The design that both test."""
    labels = ["a"] * N[0] + ["b"] * N[1]
    return design.two_sample(labels, "a", "b", pd.DataFrame(covariates, columns=["age", "dose"]))


def main():
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--permutations", type=int, default=1000)
    parser.add_argument("--cluster-permutations", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one-mm", type=int, default=0, help="permutations at 1 mm; 0 for none")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    mask = ellipsoid()
    data, covariates = cohort(mask)
    model = two_groups(covariates)
    with threadpool_limits(1):
        best, difference = maxima(data, covariates, model, options.permutations, options.rounds)
        operations = 2 * sum(N) * data.shape[1] * options.permutations * 3
        result = {
            "voxels": int(mask.sum()),
            "cpu_s": best,
            "freedman_lane_ratio": best["nilearn"] / best["freedman_lane"],
            "smith_ratio": best["nilearn"] / best["smith"],
            "peak_share": operations / best["freedman_lane"] / sgemm_peak(),
            "max_abs_t_difference": difference,
            "cluster_ratio": clusters(mask, data, covariates, model, options.cluster_permutations),
        }
        if options.one_mm:
            result |= one_millimetre(options.one_mm)
    conclude("permutation", result)


if __name__ == "__main__":
    main()
