"""Diffeomorphic registration by greedy (Yushkevich), reproducible to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.images.child import read_displacement, register, write_image
from rt1t2_dask.images.registration import greedy_child
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Affine, Volume
from rt1t2_dask.scratch import scratch


@dataclass(frozen=True)
class Schedule:
    """Parameters of the greedy search.

    Parameters
    ----------
    iterations : tuple of int
        Per resolution level, coarsest first; each level halves the voxel size.
    metric_radius : int
        Half-width of the normalised cross-correlation window, voxels.
    step_sigma, warp_sigma : float
        Gaussian smoothing of each update and of the field, voxels.
    """

    iterations: tuple[int, ...]
    metric_radius: int = 2
    step_sigma: float = 1.732
    warp_sigma: float = 0.707


def installed_version() -> str:
    """Return the version of picsl-greedy.

    Raises
    ------
    UserError
        It is not installed.
    """
    try:
        return version("picsl-greedy")
    except PackageNotFoundError:
        raise UserError(
            "normalise=greedy needs the package picsl-greedy: install rt1t2-dask[greedy], "
            "or choose normalise=lncc."
        ) from None


def deform(
    fixed: Volume,
    moving: Volume,
    affine: Affine,
    schedule: Schedule,
    *,
    usable: NDArray[np.bool_] | None = None,
    timeout_s: float = 900.0,
) -> Warp:
    """Register two images of one contrast, starting from an affine.

    Parameters
    ----------
    fixed, moving : Volume
        The warp is sampled on the fixed image's grid.
    affine : ndarray, shape (4, 4)
        Fixed mm to moving mm; not refined.
    schedule : Schedule
    usable : ndarray of bool, shape of `moving`, optional
        Voxels of the moving image that the metric uses.
    timeout_s : float
        Timeout, wall seconds.

    Raises
    ------
    SubjectError
        greedy failed or timed out.

    Notes
    -----
    Normalised cross-correlation, ``-noise 0`` and one thread: without both, greedy differs from
    run to run.
    """
    with scratch("greedy") as folder:
        write_image(fixed, folder / "fixed.nii")
        write_image(moving, folder / "moving.nii")
        np.savetxt(folder / "affine.mat", affine, fmt="%.12f")
        arguments = _arguments(schedule)
        if usable is not None:
            write_image(moving.with_data(usable), folder / "usable.nii")
            arguments += ["-mm", "usable.nii"]
        register(greedy_child.__name__, arguments, folder, timeout_s)
        return Warp(affine, read_displacement(folder / "warp.nii"), fixed.grid)


def _arguments(schedule: Schedule) -> list[str]:
    window = "x".join([str(schedule.metric_radius)] * 3)
    levels = "x".join(map(str, schedule.iterations))
    sigmas = [f"{schedule.step_sigma}vox", f"{schedule.warp_sigma}vox"]
    images = ["-i", "fixed.nii", "moving.nii", "-it", "affine.mat", "-o", "warp.nii"]
    repeatable = ["-V", "0", "-threads", "1", "-noise", "0"]
    return ["-d", "3", *repeatable, *images, "-m", "NCC", window, "-n", levels, "-s", *sigmas]
