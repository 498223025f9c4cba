"""One DICOM series to a Volume, by dcm2niix."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Volume

TIMEOUT_S = 300.0
_OPTIONS = ("-z", "n", "-b", "n", "-m", "n", "-x", "n", "-f", "image", "-w", "1")
_INSTALL = "source=dicom needs two more packages: pip install 'rt1t2-dask[dicom]'."
_REMEDY = "Export the series again, or leave the subject out with cohort.exclude."


def converter_version() -> str:
    """Give the version of dcm2niix: it decides the result.

    Raises
    ------
    UserError
        It is not installed.
    """
    try:
        return version("dcm2niix")
    except PackageNotFoundError:
        raise UserError(_INSTALL) from None


def convert(files: Iterable[bytes], name: str, slices: int) -> Volume:
    """Convert the files of one series.

    Parameters
    ----------
    files : iterable of bytes
        Every file of the series, in any order.
    name : str
        Opens every error message, as "T1w".
    slices : int
        How many slices the headers promise.

    Returns
    -------
    Volume
        float32, scaled as the scanner says.

    Raises
    ------
    SubjectError
        dcm2niix fails, gives several images, or fewer slices than the headers promise.
    UserError
        dcm2niix is not installed.

    Notes
    -----
    dcm2niix (Li et al. 2016) reads files alone: they lie in a temporary folder under names of ours
    and are deleted with it. What it prints is not passed on: it may hold a patient's name.
    """
    with tempfile.TemporaryDirectory(prefix="dicom-") as folder:
        source, made = Path(folder, "in"), Path(folder, "out")
        source.mkdir()
        made.mkdir()
        for index, content in enumerate(files):
            Path(source, f"{index:06d}.dcm").write_bytes(content)
        _run(source, made, name)
        images = sorted(made.glob("*.nii"))
        if len(images) != 1:
            found = f"{len(images)} images" if images else "no image"
            raise SubjectError(
                f"{name}: dcm2niix made {found} of one DICOM series: slices are missing, damaged "
                "or of several orientations.",
                _REMEDY,
            )
        volume = from_bytes(images[0].read_bytes(), name)
    if slices not in volume.grid.shape:
        raise SubjectError(
            f"{name}: the DICOM series has {slices} slices, but {volume.grid.shape} voxels came "
            "of it: files are damaged or doubled.",
            _REMEDY,
        )
    return volume


def _run(source: Path, made: Path, name: str) -> None:
    try:
        import dcm2niix
    except ImportError:
        raise UserError(_INSTALL) from None
    command = [str(dcm2niix.bin), *_OPTIONS, "-o", str(made), str(source)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise SubjectError(f"{name}: dcm2niix took over {TIMEOUT_S:.0f} s.", _REMEDY) from None
    if done.returncode != 0:
        raise SubjectError(
            f"{name}: dcm2niix cannot read the DICOM series (exit code {done.returncode}).", _REMEDY
        )
