"""Diffeomorphic registration by greedy (Yushkevich), repeatable to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Affine, Volume

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}


@dataclass(frozen=True)
class Schedule:
    """How greedy searches.

    Parameters
    ----------
    iterations : tuple of int
        Per resolution level, coarsest first; each level halves the voxels of the next.
    metric_radius : int
        Half-width of the normalised cross-correlation window, voxels.
    step_sigma, warp_sigma : float
        Gaussian smoothing of each update and of the field, voxels.
    """

    iterations: tuple[int, ...]
    metric_radius: int = 2
    step_sigma: float = 1.732
    warp_sigma: float = 0.707


def deform(
    fixed: Volume,
    moving: Volume,
    affine: Affine,
    schedule: Schedule,
    *,
    usable: NDArray[np.bool_] | None = None,
    timeout_s: float = 900.0,
) -> Warp:
    """Register two images of one contrast, from a given affine.

    Parameters
    ----------
    fixed, moving : Volume
        The warp is sampled on the fixed image's grid.
    affine : ndarray, shape (4, 4)
        Fixed mm to moving mm; kept as it is.
    schedule : Schedule
    usable : ndarray of bool, shape of `moving`, optional
        Voxels of the moving image the metric may look at.
    timeout_s : float
        Wall seconds before the search is given up.

    Raises
    ------
    SubjectError
        greedy failed or took too long.

    Notes
    -----
    Normalised cross-correlation, ``-noise 0`` and one thread: without both, greedy differs from
    run to run.
    """
    with tempfile.TemporaryDirectory(prefix="greedy-") as name:
        folder = Path(name)
        _write(fixed, folder / "fixed.nii")
        _write(moving, folder / "moving.nii")
        np.savetxt(folder / "affine.mat", affine, fmt="%.12f")
        arguments = _arguments(schedule)
        if usable is not None:
            _write(moving.with_data(usable), folder / "usable.nii")
            arguments += ["-mm", "usable.nii"]
        _run(arguments, folder, timeout_s)
        return Warp(affine, _read_displacement(folder / "warp.nii"), fixed.grid)


def _arguments(schedule: Schedule) -> list[str]:
    window = "x".join([str(schedule.metric_radius)] * 3)
    levels = "x".join(map(str, schedule.iterations))
    sigmas = [f"{schedule.step_sigma}vox", f"{schedule.warp_sigma}vox"]
    images = ["-i", "fixed.nii", "moving.nii", "-it", "affine.mat", "-o", "warp.nii"]
    repeatable = ["-V", "0", "-threads", "1", "-noise", "0"]
    return ["-d", "3", *repeatable, *images, "-m", "NCC", window, "-n", levels, "-s", *sigmas]


def _run(arguments: list[str], folder: Path, timeout_s: float) -> None:
    command = [sys.executable, "-m", "rt1t2_dask.images.greedy_child", *arguments]
    environment = os.environ | _ONE_THREAD
    remedy = "Look at the T1w and its brain mask, or leave the subject out with cohort.exclude."
    try:
        subprocess.run(
            command, cwd=folder, env=environment, timeout=timeout_s, check=True, capture_output=True
        )
    except subprocess.TimeoutExpired as error:
        raise SubjectError(
            f"Registration to the template took more than {timeout_s:.0f} s.", remedy
        ) from error
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or b"").decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()] or [f"exit {error.returncode}"]
        raise SubjectError(f"Registration to the template failed: {said[-1]}", remedy) from error


def _write(volume: Volume, path: Path) -> None:
    image = nib.Nifti1Image(volume.data.astype(np.float32), volume.affine)
    image.set_sform(volume.affine, code=1)
    image.set_qform(volume.affine, code=1)
    path.write_bytes(image.to_bytes())


def _read_displacement(path: Path) -> NDArray[np.float32]:
    """Give the field in RAS mm; ITK keeps vectors in LPS."""
    stored = nib.Nifti1Image.from_bytes(path.read_bytes()).get_fdata(dtype=np.float32)
    return np.ascontiguousarray(stored.squeeze() * np.array([-1, -1, 1], dtype=np.float32))
