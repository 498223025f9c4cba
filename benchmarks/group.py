"""Parcel means against ``NiftiLabelsMasker`` and masked smoothing against scipy, CPU time.

Run: python benchmarks/group.py [--maps 44] [--voxel-mm 1] [--rounds 2]
Peers run interleaved in the same process on one thread; the last line is JSON. Maps are
simulated noise on the atlas's own brain; needs the atlas and, for ``smoothing_difference``,
the SPM12 images beside RT1T2_ASSETS.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
from nilearn.maskers import NiftiLabelsMasker  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from scipy import ndimage  # noqa: E402
from summary.figures import conclude  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from rt1t2_dask import assets, atlas  # noqa: E402
from rt1t2_dask.images.nifti import from_bytes  # noqa: E402
from rt1t2_dask.images.smooth import smooth  # noqa: E402
from rt1t2_dask.images.volume import Grid, Volume  # noqa: E402
from rt1t2_dask.stats.parcels import parcel_means  # noqa: E402

ATLAS = "neuromorphometrics"
FWHM_MM = 10.0
SIGMA_MM = FWHM_MM / np.sqrt(8 * np.log(2))


def cpu(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and what it gave."""
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def atlas_at(voxel_mm: float) -> Volume:
    """The atlas by nearest neighbour on another grid of the same field of view."""
    found = assets.resolve(ATLAS)
    own = from_bytes(assets.read(found), found.path.name)
    factor = own.grid.voxel_mm / voxel_mm
    shape = tuple(int(n) for n in np.floor(np.array(own.grid.shape) * factor))
    grid = Grid((shape[0], shape[1], shape[2]), own.affine @ np.diag([*(1 / factor), 1.0]))
    labels = atlas.on_grid(atlas.neuromorphometrics(own), grid)
    return Volume(labels.astype(np.int16), grid.affine)


def parcels(labels: Volume, maps: int, rounds: int) -> dict[str, float]:
    """Regional means of many maps against nilearn's labels masker."""
    rng = np.random.default_rng(0)
    wanted = list(atlas.grey_labels())
    shape = labels.data.shape
    data = np.empty((maps, *shape), np.float32)
    for row in data:
        row[:] = 1.5 + 0.1 * rng.standard_normal(shape, np.float32)
    kept = np.where(np.isin(labels.data, wanted), labels.data, 0).astype(np.int16)
    image = nib.Nifti1Image(np.moveaxis(data, 0, -1), labels.affine)
    masker = NiftiLabelsMasker(nib.Nifti1Image(kept, labels.affine), resampling_target=None)
    parcel_means(data[:1], labels.data, wanted)
    best = {"ours": np.inf, "nilearn": np.inf}
    for _ in range(rounds):
        seconds, own = cpu(lambda: parcel_means(data, labels.data, wanted))
        best["ours"] = min(best["ours"], seconds)
        seconds, theirs = cpu(lambda: masker.fit_transform(image))
        best["nilearn"] = min(best["nilearn"], seconds)
    order = np.argsort(wanted)
    return {
        "parcels_ratio": best["nilearn"] / best["ours"],
        "parcels_difference": float(np.abs(own[:, order] - theirs).max()),
        "parcels_cpu_s": best["ours"],
    }


def scipy_masked(data: NDArray[np.float32], voxel_mm: float) -> NDArray[np.float32]:
    """Normalised smoothing by scipy's Gaussian of image and mask."""
    measured = np.isfinite(data)
    sigma = SIGMA_MM / voxel_mm
    total = ndimage.gaussian_filter(np.where(measured, data, 0), sigma, mode="constant")
    weight = ndimage.gaussian_filter(measured.astype(np.float32), sigma, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(weight >= 0.5, total / weight, np.nan), np.float32)


def smoothing(labels: Volume, voxel_mm: float, rounds: int) -> dict[str, float]:
    """Least CPU seconds of normalised smoothing against scipy."""
    rng = np.random.default_rng(1)
    data = rng.normal(1.5, 0.1, labels.data.shape).astype(np.float32)
    data[labels.data == 0] = np.nan
    image = Volume(data, labels.affine)
    smooth(Volume(data[:8, :8, :8].copy(), labels.affine), FWHM_MM, "normalised")
    best = {"ours": np.inf, "scipy": np.inf}
    for _ in range(rounds):
        best["ours"] = min(best["ours"], cpu(lambda: smooth(image, FWHM_MM, "normalised"))[0])
        best["scipy"] = min(best["scipy"], cpu(lambda: scipy_masked(data, voxel_mm))[0])
    return {"smoothing_ratio": best["scipy"] / best["ours"], "smoothing_cpu_s": best["ours"]}


def against_spm() -> dict[str, float]:
    """Largest difference from SPM12's smoothing of the same image."""
    home = os.environ.get("RT1T2_ASSETS")
    folder = Path(home).parent / "reference" / "spm_images" if home else None
    if folder is None or not folder.is_dir():
        return {}
    source, result = folder / "avg152T1_nan_f32.nii.gz", folder / "s10_im0_avg152T1_nan_f32.nii.gz"
    image = from_bytes(source.read_bytes(), "in", kind="map")
    spm = from_bytes(result.read_bytes(), "spm", kind="map")
    ours = smooth(image, FWHM_MM, "spm")
    return {"smoothing_difference": float(np.abs(ours.data - spm.data).max())}


def main() -> None:
    """Print JSON lines, the last with all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=44)
    parser.add_argument("--voxel-mm", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    labels = atlas_at(options.voxel_mm)
    with threadpool_limits(1):
        result = smoothing(labels, options.voxel_mm, options.rounds) | against_spm()
        print(json.dumps(result), flush=True)
        result |= parcels(labels, options.maps, options.rounds)
    conclude("group", result | {"shape": list(labels.data.shape), "maps": options.maps})


if __name__ == "__main__":
    main()
