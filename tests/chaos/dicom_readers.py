"""Readers of DICOM folders."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import words
from cases import Case, Reader
from mutators import Rng, gzipped, spoilt
from text_readers import home

from rt1t2_dask.cli.command_line import configured
from rt1t2_dask.config.study import Config
from rt1t2_dask.images.dicom.headers import read_header
from rt1t2_dask.images.dicom.read import convert
from rt1t2_dask.pipelines.people.dicom import series_files

ROWS, SLICES = 12, 10
ROOT = "1.2.826.0.1.3680043.8.498."
MR = "1.2.840.10008.5.1.4.1.1.4"
HOSTILE = (
    "", "0", "-1", "1e400", "nan", "inf", "2,98", "x" * 70, "\u00e9", "\x1b[31m", "9" * 16,
    "1\\2\\3",
    "\n", "MR", "CT", "01", "YES", "GR\\IR", "..", "^^^", "1.2.840.10008.1.2.4.90",
)  # fmt: skip
TAGS = (
    "EchoTime", "RepetitionTime", "InversionTime", "SeriesNumber", "SeriesDescription", "Rows",
    "Columns", "BitsAllocated", "NumberOfFrames", "PixelSpacing", "ImagePositionPatient",
    "ImageOrientationPatient", "ImageType", "Modality", "SamplesPerPixel", "SeriesInstanceUID",
    "ScanningSequence", "Manufacturer", "FlipAngle", "MagneticFieldStrength", "SOPClassUID",
    "PatientName", "InstanceNumber", "RescaleIntercept", "RescaleSlope", "BitsStored",
)  # fmt: skip


def slice_of(t2: bool, k: int, change: Callable[[Any], None] | None = None) -> bytes:
    """Return one slice of a T1w or T2w series; SIMULATED noise, no patient."""
    import io

    import numpy as np
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta, number = FileMetaDataset(), 2 if t2 else 1
    meta.MediaStorageSOPClassUID = MR
    meta.MediaStorageSOPInstanceUID = f"{ROOT}{number}.{k + 1}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    fields: dict[str, Any] = {
        "SOPClassUID": MR, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "Modality": "MR",
        "Manufacturer": "SIEMENS", "MRAcquisitionType": "3D", "SeriesNumber": number,
        "PatientName": "Doe^Jane", "PatientBirthDate": "19500101", "StudyInstanceUID": f"{ROOT}9",
        "SeriesInstanceUID": f"{ROOT}{number}", "InstanceNumber": k + 1,
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
        "ImagePositionPatient": [0.0, 0.0, 2.0 * k], "FlipAngle": 9.0, "MagneticFieldStrength": 3.0,
        "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], "PixelSpacing": [2.0, 2.0],
        "SliceThickness": 2.0, "Rows": ROWS, "Columns": ROWS, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16,
        "HighBit": 15, "PixelRepresentation": 0,
        "SeriesDescription": "t2_tse_tra" if t2 else "t1_mprage_sag",
        "ScanningSequence": "SE" if t2 else ["GR", "IR"], "EchoTime": 96.0 if t2 else 2.98,
        "RepetitionTime": 5000.0 if t2 else 2300.0, "InversionTime": None if t2 else 900.0,
    }  # fmt: skip
    pixels = np.random.default_rng([number, k]).integers(0, 900, (ROWS, ROWS))
    for name, value in (fields | {"PixelData": pixels.astype("<u2").tobytes()}).items():
        if value is not None:
            setattr(made, name, value)
    if change is not None:
        change(made)
    written = io.BytesIO()
    made.save_as(written, enforce_file_format=True)
    return written.getvalue()


@cache
def folder() -> Path:
    """Return a dataset of one person, made once."""
    place = home() / "dicom" / "sub-01"
    place.mkdir(parents=True)
    for t2 in (False, True):
        for k in range(SLICES):
            (place / f"{int(t2)}{k:02d}.dcm").write_bytes(slice_of(t2, k))
    return place


@cache
def config() -> Config:
    lines = ["+cohort=small", "source=dicom", f"source.root={folder().parent}"]
    return configured(lines, str(home() / "studies"))


def _with_tag(rng: Rng) -> bytes:
    """Set a tag to a hostile text, whatever its kind."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    def change(made: Any) -> None:
        for _ in range(int(rng.integers(1, 3))):
            tag = Tag(tag_for_keyword(str(words.pick(rng, TAGS))) or 0)
            text = str(words.pick(rng, HOSTILE)).encode("utf-8")
            value = text + b" " * (len(text) % 2)
            vr = dictionary_VR(tag)
            if vr in ("US", "UL", "SS"):
                value = rng.bytes(2 if vr != "UL" else 4)
            raw = RawDataElement(tag, vr, len(value), value, 0, False, True)
            made._dict[tag] = raw

    return slice_of(False, int(rng.integers(SLICES)), change)


def header_case(rng: Rng) -> Case:
    how = int(rng.integers(5))
    if how < 2:
        try:
            return Case(_with_tag(rng), "tag")
        except Exception:
            how = 3
    content = slice_of(False, int(rng.integers(SLICES)))
    if how == 2:
        return Case(spoilt(content[132:], rng), "without preamble")
    return Case(gzipped(content) if rng.random() < 0.02 else spoilt(content, rng), "bytes")


def _header(content: bytes) -> Any:
    try:
        return read_header(content)
    except ValueError:  # what it says to raise; `_folder` turns it into our error
        return None


def _folder(content: bytes) -> Any:
    """Read a person's folder with one slice replaced, as planning does."""
    path = folder() / "003.dcm"
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        found = series_files(config().source, "sub-01", {})  # type: ignore[arg-type]
        assert all(file.chosen.isprintable() for file in found.values()), "unprintable reasons"
        return {role: (file.slices, file.path) for role, file in found.items()}
    finally:
        path.write_bytes(before)


def _converted(content: bytes) -> Any:
    """Convert a series of which one slice is replaced, without what planning checks."""
    files = [slice_of(False, k) for k in range(SLICES)]
    files[3] = content
    before = set(Path("/tmp").glob("dicom-*"))
    try:
        return convert(files, "chaos-file", SLICES).volume.data
    finally:
        left = set(Path("/tmp").glob("dicom-*")) - before
        for place in left:
            shutil.rmtree(place, ignore_errors=True)


def dicom_readers() -> list[Reader]:
    return [
        Reader("dicom header", header_case, _header, share=4, named=False),
        Reader("dicom folder", header_case, _folder, share=3, named=False),
        Reader("dicom conversion", header_case, _converted, share=0.3),
    ]
