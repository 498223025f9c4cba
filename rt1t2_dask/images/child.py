"""Run a module in a process of its own: native calls hold the GIL and cannot be stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.registration.scale import typical
from rt1t2_dask.images.volume import Volume

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}
_REMEDY = "Check the T1w and its brain mask, or leave the subject out with cohort.exclude."


def register(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    timeout_s: float,
    what: str = "Registration to the template",
) -> None:
    """Run a module that processes images, on one thread.

    Parameters
    ----------
    module : str
        Name of the module, run as a script.
    arguments : sequence of str
        Its command line.
    folder : Path
        Working folder, with the images.
    timeout_s : float
        Timeout, wall seconds.
    what : str
        What it does, for error messages.

    Raises
    ------
    SubjectError
        It failed (with the last line it printed) or timed out.
    """
    command = [sys.executable, "-m", module, *arguments]
    environment = os.environ | _ONE_THREAD
    try:
        subprocess.run(
            command, cwd=folder, env=environment, timeout=timeout_s, check=True, capture_output=True
        )
    except subprocess.TimeoutExpired as error:
        raise SubjectError(
            f"{what} took longer than {timeout_s:.0f} s (normalise.timeout_s).",
            _REMEDY,
        ) from error
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or b"").decode(errors="replace").split("\n")
        text = [line.strip() for line in lines if line.strip()] or [f"exit {error.returncode}"]
        raise SubjectError(f"{what} failed: {text[-1]}", _REMEDY) from error


def write_image(volume: Volume, path: Path) -> None:
    """Write a volume as float32 NIfTI, scaled to typical intensities for registration programs."""
    image = nib.Nifti1Image(typical(volume).data.astype(np.float32), volume.affine)
    image.set_sform(volume.affine, code=1)
    image.set_qform(volume.affine, code=1)
    path.write_bytes(image.to_bytes())


def read_displacement(path: Path) -> NDArray[np.float32]:
    """Read a field of displacements in RAS mm, shape (x, y, z, 3); ITK keeps vectors in LPS."""
    stored = nib.Nifti1Image.from_bytes(path.read_bytes()).get_fdata(dtype=np.float32)
    return np.ascontiguousarray(stored.squeeze() * np.array([-1, -1, 1], dtype=np.float32))
