"""Exact TFCE against the package ``tfce`` 0.1.0 and nilearn's TFCE permutations.

Run: python benchmarks/tfce.py [--maps 6] [--nilearn-permutations 4]
Needs ``pip install tfce==0.1.0`` beside this project. CPU time, one thread; the last
line is JSON. Data are simulated: smooth noise in an ellipsoid of about 235,000 voxels.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.append(sys.path.pop(0))  # this file must not hide the package of its name

import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
import tfce as package  # noqa: E402
from nilearn.maskers import NiftiMasker  # noqa: E402
from permutation import cohort, cpu, ellipsoid, peer, plan_of, two_groups  # noqa: E402
from scipy import ndimage  # noqa: E402
from summary.figures import conclude  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from rt1t2_dask.stats.clusters import spatial  # noqa: E402
from rt1t2_dask.stats.clusters.lattice import lattice  # noqa: E402
from rt1t2_dask.stats.clusters.tfce import Workspace  # noqa: E402
from rt1t2_dask.stats.permutation import blocks as permutation  # noqa: E402


def t_maps(mask, count):
    """Give smooth noise on a mask, as t maps."""
    rng = np.random.default_rng(1)
    for _ in range(count):
        noise = ndimage.gaussian_filter(rng.normal(size=mask.shape), 2.0)
        yield (noise / noise[mask].std())[mask].astype(np.float32)


def compare(mask, connectivity, maps):
    """Time full and max-only TFCE against the package; give ratios, largest difference, seconds."""
    grid = lattice(mask, connectivity)
    workspace = Workspace(grid)
    volume = np.zeros(mask.shape, np.float32)
    seconds = {"package": [], "full": [], "max": []}
    worst = 0.0
    for values in maps:
        volume[mask] = values
        spent, theirs = cpu(lambda: package.tfce(volume, connectivity=connectivity))
        seconds["package"].append(spent)
        spent, enhanced = cpu(lambda: workspace.tfce(values))  # noqa: B023
        seconds["full"].append(spent)
        spent, top = cpu(lambda: workspace.largest_tfce(values).max())  # noqa: B023
        seconds["max"].append(spent)
        scale = np.abs(theirs).max()
        worst = max(worst, float(np.abs(enhanced - theirs[mask]).max() / scale))
        worst = max(worst, abs(top / scale - 1))
    best = {k: min(v) for k, v in seconds.items()}
    return best["package"] / best["full"], best["package"] / best["max"], worst, best


def against_nilearn(mask, count):
    """Ratio of nilearn's CPU time to ours for TFCE permutations of the same orders."""
    data, covariates = cohort(mask)
    model = two_groups(covariates)
    masker = NiftiMasker(mask_img=nib.Nifti1Image(mask.astype(np.uint8), np.diag([2.0, 2, 2, 1])))
    masker.fit()
    plan = plan_of(count)
    grid = lattice(mask, 6)

    def ours():
        block = permutation.prepare(data, model, plan)
        return spatial.spatial_batch(block, plan, 0, grid, statistics=("tfce",))

    ours()
    seconds, _ = cpu(ours)
    theirs, _ = cpu(lambda: peer(data, covariates, count, masker=masker, tfce=True))
    return theirs / seconds


def main():
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=6)
    parser.add_argument("--nilearn-permutations", type=int, default=16)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    mask = ellipsoid()
    result = {"max_relative_difference": 0.0}
    with threadpool_limits(1):
        for connectivity in (6, 26):
            compare(mask, connectivity, list(t_maps(mask, 1)))  # compiles
            full, top, worst, best = compare(mask, connectivity, t_maps(mask, options.maps))
            result |= {f"full_ratio_{connectivity}": full, f"max_ratio_{connectivity}": top}
            result[f"cpu_s_{connectivity}"] = best
            result["max_relative_difference"] = max(result["max_relative_difference"], worst)
        result["nilearn_ratio"] = against_nilearn(mask, options.nilearn_permutations)
    conclude("tfce", result)


if __name__ == "__main__":
    main()
