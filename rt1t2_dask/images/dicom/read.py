"""Convert one DICOM series to a Volume with dcm2niix."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.images.dicom.part10 import compression, with_preamble
from rt1t2_dask.images.dicom.series import SAME_ECHO_MS
from rt1t2_dask.images.nifti import from_bytes, intercept
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.scratch import scratch

TIMEOUT_S = 300.0
_MS = 1000.0
_OPTIONS = ("-z", "n", "-b", "y", "-ba", "y", "-m", "n", "-x", "n", "-f", "image", "-w", "1")
_MERGE = ("-m", "y")
_INSTALL = "source=dicom needs two more packages: pip install 'rt1t2-dask[dicom]'."
_REMEDY = "Export the series again, or leave the subject out with cohort.exclude."


def converter_version() -> str:
    """Return the version of dcm2niix, which the result depends on.

    Raises
    ------
    UserError
        It is not installed.
    """
    try:
        return version("dcm2niix")
    except PackageNotFoundError:
        raise UserError(_INSTALL) from None


@dataclass(frozen=True)
class Converted:
    """A series converted to one image.

    Parameters
    ----------
    volume : Volume
        float32, scaled by the header.
    notes : tuple of str
        Changes made to its intensities.
    """

    volume: Volume
    notes: tuple[str, ...] = ()


def convert(
    files: Iterable[bytes], name: str, slices: int, echo_ms: float | None = None
) -> Converted:
    """Convert the files of one series.

    Parameters
    ----------
    files : iterable of bytes
        Every file of the series, in any order, with or without a preamble.
    name : str
        Begins every error message, such as "T1w".
    slices : int
        Number of slices in the headers.
    echo_ms : float, optional
        Which echo, where files hold several.

    Raises
    ------
    SubjectError
        dcm2niix fails, writes several images, or fewer slices than the headers state.
    UserError
        dcm2niix is not installed.

    Notes
    -----
    dcm2niix (Li et al. 2016) reads only files: they are written to a temporary folder under neutral
    names and deleted with it. Its output is not passed on: it may hold a patient's name.
    """
    with scratch("dicom") as folder:
        source, made = folder / "in", folder / "out"
        source.mkdir()
        syntax = _write(source, files)
        images = _of_echo(_run(source, made, name, syntax), echo_ms)
        # One echo, written in several ways.
        if echo_ms and len({_echo(image) for image in images}) > 1:
            images = _run(source, folder / "merged", name, syntax, _MERGE)
        if len(images) != 1:
            raise _not_one(len(images), name, syntax)
        content = images[0].read_bytes()
    converted = _from_stored_zero(content, name)
    shape = converted.volume.grid.shape
    if slices not in shape:
        raise SubjectError(
            f"{name}: the DICOM series has {slices} slices, but was converted to {shape} voxels: "
            f"files are damaged or duplicated.",
            _REMEDY,
        )
    return converted


def _of_echo(images: list[Path], echo_ms: float | None) -> list[Path]:
    """Keep the images of one echo, by their sidecars, where there are several."""
    if len(images) < 2 or echo_ms is None:
        return images
    return [image for image in images if abs(_echo(image) - echo_ms) <= SAME_ECHO_MS]


def _echo(image: Path) -> float:
    sidecar = json.loads(image.with_suffix(".json").read_text(encoding="utf-8"))
    return _MS * float(sidecar.get("EchoTime", np.nan))


def _write(folder: Path, files: Iterable[bytes]) -> str | None:
    """Write the files with preambles; return how they are compressed."""
    syntax = None
    for index, content in enumerate(files):
        whole = with_preamble(content) or content
        Path(folder, f"{index:06d}.dcm").write_bytes(whole)
        syntax = syntax or compression(whole)
    return syntax


def _from_stored_zero(content: bytes, name: str) -> Converted:
    """Undo a rescale intercept: a magnitude is 0 where it is stored as 0."""
    volume, offset = from_bytes(content, name), intercept(content, name)
    least = float(volume.data.min())
    if not (0 < offset <= least or (offset < 0 and least < 0)):
        return Converted(volume)
    shifted = volume.with_data(volume.data - np.float32(offset))
    done = f"{offset:g} was subtracted from" if offset > 0 else f"{-offset:g} was added to"
    note = f"{done} intensities: the DICOM rescale intercept had shifted them to {least:g}"
    return Converted(shifted, (note,))


def _not_one(images: int, name: str, syntax: str | None) -> SubjectError:
    if images == 0 and syntax is not None:
        return _compressed(name, syntax)
    found = f"{images} images" if images else "no image"
    return SubjectError(
        f"{name}: dcm2niix converted one DICOM series to {found}: slices are missing, damaged or "
        f"of several orientations.",
        _REMEDY,
    )


def _compressed(name: str, syntax: str) -> SubjectError:
    return SubjectError(
        f"{name}: dcm2niix cannot read the DICOM series: it is compressed ({syntax}), or damaged.",
        "Export it again without compression, install a dcm2niix that decodes it (pip install "
        "--force-reinstall dcm2niix), or leave the subject out with cohort.exclude.",
    )


def _run(
    source: Path, made: Path, name: str, syntax: str | None, options: tuple[str, ...] = ()
) -> list[Path]:
    """Convert a folder; return the images, with their sidecars beside them."""
    made.mkdir()
    try:
        import dcm2niix
    except ImportError:
        raise UserError(_INSTALL) from None
    command = [str(dcm2niix.bin), *_OPTIONS, *options, "-o", str(made), str(source)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise SubjectError(
            f"{name}: dcm2niix took longer than {TIMEOUT_S:.0f} s.", _REMEDY
        ) from None
    if done.returncode != 0 and syntax is not None:
        raise _compressed(name, syntax)
    if done.returncode != 0:
        raise SubjectError(
            f"{name}: dcm2niix cannot read the DICOM series (exit code {done.returncode}).", _REMEDY
        )
    return sorted(made.glob("*.nii"))
