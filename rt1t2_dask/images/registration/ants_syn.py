"""Diffeomorphic registration by ANTs SyN with cross-correlation: slow, reproducible to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.images.child import read_displacement, register, write_image
from rt1t2_dask.images.registration import ants_child
from rt1t2_dask.images.transform import Warp, flip_lps
from rt1t2_dask.images.volume import Affine, Volume
from rt1t2_dask.scratch import scratch


@dataclass(frozen=True)
class Schedule:
    """Parameters of the SyN search.

    Parameters
    ----------
    iterations : tuple of int
        Maximum per resolution level, coarsest first; each level halves the voxel size.
    metric_radius : int
        Half-width of the cross-correlation window, voxels.
    """

    iterations: tuple[int, ...]
    metric_radius: int = 2


def installed_version() -> str:
    """Return the version of antspyx.

    Raises
    ------
    UserError
        It is not installed.
    """
    try:
        return version("antspyx")
    except PackageNotFoundError:
        raise UserError(
            "normalise=ants_syn needs the package antspyx: install rt1t2-dask[ants], "
            "or choose normalise=lncc."
        ) from None


def deform(
    fixed: Volume,
    moving: Volume,
    affine: Affine,
    schedule: Schedule,
    *,
    usable: NDArray[np.bool_] | None = None,
    timeout_s: float = 7200.0,
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
        ANTs failed or timed out.

    Notes
    -----
    Symmetric normalisation (Avants et al. 2008), ``SyN[0.2,3,0]``. antspyx ignores its argument
    ``random_seed``; only its process-wide setting and one thread make it repeatable.
    """
    with scratch("ants") as folder:
        write_image(fixed, folder / "fixed.nii")
        write_image(moving, folder / "moving.nii")
        (folder / "affine.txt").write_text(_itk_text(affine))
        if usable is not None:
            write_image(moving.with_data(usable), folder / "usable.nii")
        arguments = [str(schedule.metric_radius), *map(str, schedule.iterations)]
        register(ants_child.__name__, arguments, folder, timeout_s)
        return Warp(affine, read_displacement(folder / "warp.nii"), fixed.grid)


def _itk_text(affine: Affine) -> str:
    lps = flip_lps(affine)
    numbers = " ".join(f"{value:.12f}" for value in (*lps[:3, :3].ravel(), *lps[:3, 3]))
    return (
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {numbers}\nFixedParameters: 0 0 0\n"
    )
