"""DICOM headers: what a file states about its series. Names, IDs and dates are not read."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rt1t2_dask.bids.marks import agent
from rt1t2_dask.bids.sidecars import spelled
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.dicom.geometry import group, missing, normal, position
from rt1t2_dask.images.dicom.part10 import compression, with_preamble

_AGENTS = (
    *("ContrastBolusAgent", "ContrastBolusIngredient", "ContrastBolusAgentSequence"),
    *("ContrastBolusVolume", "ContrastBolusTotalDose"),
)
_TAGS = [
    "AcquisitionContrast", "BitsAllocated", "Columns", "ComplexImageComponent",
    *_AGENTS, "EchoPlanarPulseSequence", "EchoPulseSequence",
    "EchoTime", "FlipAngle", "ImageOrientationPatient", "ImagePositionPatient", "ImageType",
    "InversionRecovery", "InversionTime", "LossyImageCompression", "MRAcquisitionType",
    "MagneticFieldStrength",
    "Manufacturer", "ManufacturerModelName", "Modality", "NumberOfFrames",
    "PerFrameFunctionalGroupsSequence", "PixelSpacing", "ProtocolName", "RepetitionTime",
    "Rows", "SOPClassUID",
    "SamplesPerPixel", "ScanningSequence", "SequenceVariant", "SeriesDescription",
    "SeriesInstanceUID", "SeriesNumber", "SharedFunctionalGroupsSequence",
]  # fmt: skip
_TEXTS = {
    "Manufacturer": "Manufacturer",
    "ManufacturersModelName": "ManufacturerModelName",
    "MRAcquisitionType": "MRAcquisitionType",
    "ScanningSequence": "ScanningSequence",
    "SequenceVariant": "SequenceVariant",
}
"""BIDS's names of the fields that identify a protocol, and DICOM's."""
_MS = 1000.0
_MR_IMAGES = tuple(f"1.2.840.10008.5.1.4.1.1.4{end}" for end in ("", ".1", ".3", ".4"))
_DIRECTORY = "1.2.840.10008.1.3.10"
_NO_PICTURE = {
    "1.2.840.10008.5.1.4.1.1.4.2": "spectroscopy",
    "1.2.840.10008.5.1.4.1.1.66": "raw data",
}


@dataclass(frozen=True)
class Header:
    """The header of one file.

    Parameters
    ----------
    uid : str
        Of the series; used to group files into series, never written anywhere.
    number : int
    description : str
        The scanner operator's words, as ``t1_mprage_sag``.
    echo_ms, repetition_ms, inversion_ms : float or None
    gradient_echo, inversion, echo_planar : bool
        Kind of sequence.
    image_type : tuple of str
    agent : bool
        A contrast agent is named.
    frames : int
        Slices in the file.
    position_mm : float or None
        Where the slice lies along its normal; None for a file of many slices.
    acquired : tuple of (str, str or float)
        Scanner and sequence by BIDS's names, times in seconds; nothing about the person.
    echoes_ms : tuple of float
        Of a file that holds several, each with as many of its frames.
    lossy : bool
        Its pixels were compressed with loss.
    normal : tuple of float
        Of the slice, in the patient's axes; empty for a file of many slices.
    missing : tuple of str
        Attributes of voxel size and position that are missing.
    """

    uid: str
    number: int
    description: str
    echo_ms: float | None
    repetition_ms: float | None
    inversion_ms: float | None
    gradient_echo: bool
    inversion: bool
    echo_planar: bool
    image_type: tuple[str, ...]
    agent: bool
    frames: int
    position_mm: float | None
    acquired: tuple[tuple[str, str | float], ...] = ()
    echoes_ms: tuple[float, ...] = ()
    lossy: bool = False
    normal: tuple[float, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class NoImage:
    """A file that is not an MR image.

    Parameters
    ----------
    kind : str
        What it is: a modality such as ``SR`` or ``CT``, ``DICOMDIR``, ``no DICOM``, ...
    """

    kind: str


NO_DICOM = NoImage("no DICOM")


class NoNumberError(ValueError):
    """A header value that is not a number, such as an echo time with a decimal comma."""


def pydicom() -> Any:
    """Import pydicom.

    Raises
    ------
    UserError
        It is not installed.
    """
    try:
        import pydicom as library
    except ImportError:
        raise UserError(
            "source=dicom needs two more packages: pip install 'rt1t2-dask[dicom]'."
        ) from None
    return library


def read_header(content: bytes) -> Header | NoImage:
    """Read a file's header.

    Parameters
    ----------
    content : bytes
        The whole file.

    Raises
    ------
    ValueError
        The file begins as DICOM but cannot be read, or holds fewer pixels than its header states;
        `NoNumberError` where a value that should be a number is not.
    """
    library = pydicom()
    whole = with_preamble(content)
    if whole is None:
        return NO_DICOM
    try:
        source = io.BytesIO(whole)
        with warnings.catch_warnings(action="ignore"):  # they name files of patients
            found = library.dcmread(source, stop_before_pixels=True, specific_tags=_TAGS)
        kind = _no_image(found)
        if kind is not None:
            return NoImage(kind)
        pixels = whole[source.tell() :]
        if compression(whole) is None and len(pixels) < _pixel_bytes(found, pixels[4:6]):
            raise ValueError("cut short")
    except Exception as error:  # pydicom lets any error of a damaged file through
        raise ValueError(type(error).__name__) from None
    try:
        with warnings.catch_warnings(action="ignore"):
            return _header(found)
    except Exception:
        raise NoNumberError from None


def _no_image(found: Any) -> str | None:
    """Describe a DICOM file without an MR image; None for an MR image."""
    modality, sop = str(found.get("Modality") or ""), str(found.get("SOPClassUID") or "")
    if modality != "MR" and not (modality == "" and sop in _MR_IMAGES):
        return modality or _of_no_modality(found)
    if sop in _NO_PICTURE:
        return _NO_PICTURE[sop]
    if int(found.get("Rows") or 0) < 2:
        return "without pixels"
    return "in colour" if int(found.get("SamplesPerPixel") or 1) > 1 else None


def _pixel_bytes(found: Any, representation: bytes) -> int:
    """Return the size of the uncompressed pixel data in bytes."""
    size = [int(found.get(name) or 0) for name in ("Rows", "Columns", "BitsAllocated")]
    held = size[0] * size[1] * size[2] // 8 * int(found.get("NumberOfFrames") or 1)
    return held + (12 if representation in (b"OW", b"OB") else 8)


def _of_no_modality(found: Any) -> str:
    kind = str(found.file_meta.get("MediaStorageSOPClassUID") or "")
    return "DICOMDIR" if kind == _DIRECTORY else "of no modality"


def _header(found: Any) -> Header:
    timing, echo = (
        group(found, "MRTimingAndRelatedParametersSequence"),
        group(found, "MREchoSequence"),
    )
    modifier = group(found, "MRModifierSequence")
    sequence = {str(word).upper() for word in _list(found.get("ScanningSequence"))}
    pulse = str(found.get("EchoPulseSequence", "")).upper()
    header = Header(
        uid=str(found.get("SeriesInstanceUID")),
        number=int(found.get("SeriesNumber") or 0),
        description=_description(found),
        echo_ms=_number(found.get("EchoTime"), echo.get("EffectiveEchoTime")),
        repetition_ms=_number(found.get("RepetitionTime"), timing.get("RepetitionTime")),
        inversion_ms=_number(found.get("InversionTime"), *_list(modifier.get("InversionTimes"))),
        gradient_echo="GR" in sequence or pulse in ("GRADIENT", "BOTH"),
        inversion="IR" in sequence or found.get("InversionRecovery") == "YES",
        echo_planar="EP" in sequence or found.get("EchoPlanarPulseSequence") == "YES",
        image_type=tuple(str(word).upper() for word in _list(found.get("ImageType"))),
        agent=bool(agent({name: _text(found.get(name)) for name in _AGENTS})),
        frames=int(found.get("NumberOfFrames") or 1),
        position_mm=position(found),
        normal=normal(found),
        missing=missing(found),
        echoes_ms=_echoes(found),
        lossy=str(found.get("LossyImageCompression") or "") == "01",
    )
    return replace(header, acquired=tuple(_acquired(found, timing, header).items()))


def _text(value: Any) -> Any:
    """Return an element's value as in a BIDS sidecar: text, or the meanings of coded items."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [
            str(item.get("CodeMeaning", "")) if hasattr(item, "get") else item for item in value
        ]
    return value


def _description(found: Any) -> str:
    """Return the series description, or the protocol name where there is none."""
    return str(found.get("SeriesDescription") or found.get("ProtocolName") or "").strip()


def _acquired(found: Any, timing: Any, header: Header) -> dict[str, str | float]:
    """Return the acquisition parameters as BIDS sidecar fields."""
    fields: dict[str, str | float] = {}
    for name, tag in _TEXTS.items():
        text = spelled(name, _list(found.get(tag)))
        if text:
            fields[name] = text
    times = {
        "RepetitionTime": header.repetition_ms,
        "EchoTime": header.echo_ms,
        "InversionTime": header.inversion_ms,
    }
    fields |= {name: value / _MS for name, value in times.items() if value is not None}
    tilt = _number(found.get("FlipAngle"), timing.get("FlipAngle"))
    field = _number(found.get("MagneticFieldStrength"))
    others = {"FlipAngle": tilt, "MagneticFieldStrength": field}
    return fields | {name: value for name, value in others.items() if value is not None}


def _echoes(found: Any) -> tuple[float, ...]:
    """Return the echo times of an enhanced image's frames; empty unless there are several."""
    frames = found.get("PerFrameFunctionalGroupsSequence") or []
    groups = [frame.get("MREchoSequence") or [{}] for frame in frames]
    times = {_number(group[0].get("EffectiveEchoTime")) for group in groups} - {None}
    known = sorted(time for time in times if time is not None)
    return tuple(known) if len(known) > 1 else ()


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]


def _number(*values: Any) -> float | None:
    known = [float(value) for value in values if value not in (None, "")]
    return known[0] if known and 0 < known[0] < math.inf else None
