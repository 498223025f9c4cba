"""DICOM exports as they come from scanners, archives and discs. SIMULATED noise, no patient."""

from __future__ import annotations

import gzip
import io
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from habit_case import FAULTY, SOUND, Case
from habit_dataset import LABELS, Dataset

ROWS, SLICES = 10, 9
MR, SR, PR, RAW, CT, SPECTRUM = (
    f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("4", "88.11", "11.1", "66", "2", "4.2")
)
ROOT = "1.2.826.0.1.3680043.8.498."
T1W: dict[str, Any] = {
    "SeriesDescription": "t1_mprage_sag", "ScanningSequence": ["GR", "IR"], "EchoTime": 2.98,
    "RepetitionTime": 2300.0, "InversionTime": 900.0,
}  # fmt: skip
T2W: dict[str, Any] = {
    "SeriesDescription": "t2_tse_tra", "ScanningSequence": "SE", "EchoTime": 96.0,
    "RepetitionTime": 5000.0,
}  # fmt: skip
SCOUT = {**T1W, "InversionTime": None, "ScanningSequence": "GR", "RepetitionTime": 8.6}


def file_of(tags: dict[str, Any], number: int, k: int, seed: int = 0) -> bytes:
    """Return one slice as a file."""
    return _file(tuple(sorted((n, _frozen(v)) for n, v in tags.items())), number, k, seed)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@cache
def _file(tags: tuple[tuple[str, Any], ...], number: int, k: int, seed: int) -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    own = dict(tags)
    meta.MediaStorageSOPClassUID = own.get("SOPClassUID", MR)
    meta.MediaStorageSOPInstanceUID = f"{ROOT}{seed + 1}.{number}.{k + 1}"
    meta.TransferSyntaxUID = own.pop("TransferSyntaxUID", ExplicitVRLittleEndian)
    made = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    usual = {
        "SOPClassUID": MR, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "Modality": "MR",
        "Manufacturer": "SIEMENS", "MRAcquisitionType": "3D", "SeriesNumber": number,
        "StudyInstanceUID": f"{ROOT}{seed + 1}", "SeriesInstanceUID": f"{ROOT}{seed + 1}.{number}",
        "InstanceNumber": k + 1, "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
        "ImagePositionPatient": [0.0, 0.0, 2.0 * k],
        "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0], "PixelSpacing": [2.0, 2.0],
        "SliceThickness": 2.0, "Rows": ROWS, "Columns": ROWS, "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16,
        "HighBit": 15, "PixelRepresentation": 0,
    }  # fmt: skip
    pixels = np.random.default_rng([seed, number, k]).integers(0, 900, (ROWS, ROWS))
    for name, value in (usual | own | {"PixelData": pixels.astype("<u2").tobytes()}).items():
        if value is not None:
            setattr(made, name, list(value) if isinstance(value, tuple) else value)
    written = io.BytesIO()
    made.save_as(written, enforce_file_format=True)
    return written.getvalue()


def series(
    folder: Path, number: int, tags: dict[str, Any], seed: int = 0, slices: int = SLICES,
    echo: int = 0,
) -> list[Path]:  # fmt: skip
    """Write a series, one file a slice."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k in range(slices):
        paths.append(folder / f"IM{number:03d}{echo:02d}{k:03d}.dcm")
        paths[-1].write_bytes(file_of(tags, number, k, seed))
    return paths


def export(
    change: Callable[[Path], object] = lambda folder: None,
    t1w: dict[str, Any] = T1W,
    t2w: dict[str, Any] | None = T2W,
    words: tuple[str, ...] = (),
) -> Callable[[Dataset], object]:
    """Return a change: a T1w and a T2w of everybody in DICOM, and what `change` adds to sub-02."""

    def make(dataset: Dataset) -> None:
        root = dataset.folder / "dicom"
        for seed, label in enumerate(LABELS):
            series(root / label, 2, t1w, seed)
            if t2w is not None:
                series(root / label, 5, t2w, seed)
        (root / "participants.tsv").write_text(dataset.table.read_text())
        change(root / "sub-02")
        dataset.words += ["source=dicom", f"source.root={root}", *words]

    return make


def objects(folder: Path) -> None:
    """Add a report, a presentation state, raw data, a spectrum and a picture in colour."""
    kinds = {
        "SR": (SR, {"Modality": "SR", "Rows": None}),
        "PS": (PR, {"Modality": "PR", "Rows": None}),
        "RA": (RAW, {"Rows": None}),
        "SP": (SPECTRUM, {"Rows": 1, "Columns": 1}),
        "FA": (MR, {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}),
        "ID": (MR, {"Rows": None}),
    }
    for n, (name, (kind, tags)) in enumerate(kinds.items()):
        (folder / f"{name}.dcm").write_bytes(file_of(T1W | tags | {"SOPClassUID": kind}, 90 + n, 0))


def droppings(folder: Path) -> None:
    """Add what systems, archives and viewers leave on a disc."""
    image = file_of(T1W, 2, 0, 1)
    for name in ("Thumbs.db", "desktop.ini", "autorun.inf", "README.TXT", "viewer/run.exe",
                 "viewer/index.html", ".DS_Store", "._IM00200000.dcm", "DICOMDIR",
                 "__MACOSX/._IM.dcm", ".git/annex/objects/IM.dcm", "@eaDir/IM.dcm@SynoEAStream",
                 "LOCKFILE.lock"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"MZ" + bytes(900))
    (folder / ".git/annex/objects/IM.dcm").write_bytes(image)
    (folder / "DICOMDIR").write_bytes(
        bytes(128) + b"DICM\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
    )


def another_modality(folder: Path) -> None:
    """Add a CT of as many slices, without MR's times."""
    series(folder / "CT", 7, {"Modality": "CT", "SOPClassUID": CT, "SeriesDescription": "head"})


def bare(cut: int, implicit: bool = False) -> Callable[[Path], None]:
    """Return a change: files begin after that many bytes, or with the data set alone."""

    def change(folder: Path) -> None:
        for path in folder.rglob("*.dcm"):
            path.write_bytes(path.read_bytes()[cut:] if cut else data_set(path, implicit))

    return change


def data_set(path: Path, implicit: bool) -> bytes:
    """Return a file's data set without preamble and file meta information."""
    import pydicom

    made = pydicom.dcmread(path)
    del made.file_meta
    made.preamble = None
    written = io.BytesIO()
    pydicom.dcmwrite(
        written, made, implicit_vr=implicit, little_endian=True, enforce_file_format=False
    )
    return written.getvalue()


def echoes(*times: float, number: int = 5, tags: dict[str, Any] = T2W) -> Callable[[Path], None]:
    """Return a change: a series of several echoes for sub-02 in place of the one."""

    def change(folder: Path) -> None:
        for path in folder.glob(f"IM{number:03d}*"):
            path.unlink()
        for n, time in enumerate(times, 1):
            series(folder, number, {**tags, "EchoTime": time, "EchoNumbers": n}, echo=n)

    return change


def described(**words: str) -> Callable[[Dataset], object]:
    """Return a change: everybody's series are called so."""
    return export(
        t1w={**T1W, "SeriesDescription": words.get("t1w", "t1")},
        t2w={**T2W, "SeriesDescription": words.get("t2w", "t2")},
    )


def added(number: int, tags: dict[str, Any], slices: int = SLICES) -> Callable[[Path], None]:
    """Return a change: sub-02 has one more series."""
    return lambda folder: series(folder / "more", number, tags, 1, slices) and None


def jitter(folder: Path) -> None:
    """Write the echo time of every other slice with a digit more."""
    for k in range(0, SLICES, 2):
        content = file_of({**T1W, "EchoTime": 2.981}, 2, k, 1)
        (folder / f"IM00200{k:03d}.dcm").write_bytes(content)


def emptied(folder: Path) -> None:
    """Empty one file of an export without endings."""
    for path in sorted(folder.glob("*.dcm")):
        path.rename(path.with_suffix(""))
    (folder / "IM00200003").write_bytes(b"")


def cut_short(folder: Path) -> None:
    """Cut the last pixel off a file."""
    path = folder / "IM00200003.dcm"
    path.write_bytes(path.read_bytes()[:-2])


def turned(folder: Path) -> None:
    """Add slices of another orientation to a series."""
    for k in range(4):
        tags = {**T1W, "ImageOrientationPatient": [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]}
        (folder / f"x{k}.dcm").write_bytes(file_of(tags, 2, k, 1))


def unfetched(folder: Path) -> None:
    """Leave links of DataLad."""
    for path in sorted(folder.glob("*.dcm"))[:3]:
        path.unlink()
        path.symlink_to("../.git/annex/objects/aa/bb/MD5E-s1--x.dcm/MD5E-s1--x.dcm")


def copies(folder: Path) -> None:
    """Put every file there twice."""
    for path in list(folder.glob("*.dcm")):
        path.with_stem(f"{path.stem} (1)").write_bytes(path.read_bytes())


def sent_again(folder: Path) -> None:
    """Put a series there once more, with another identity."""
    series(folder / "again", 2, T1W, 7)


def archived(folder: Path) -> None:
    """Leave a person's archive beside where the folder should be."""
    shutil.rmtree(folder)
    folder.with_suffix(".zip").write_bytes(b"PK\x03\x04")


def gzipped(folder: Path) -> None:
    """Pack every file."""
    for path in list(folder.glob("*.dcm")):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


GOOD = ("no problems found",)
CASES = [
    Case("plain DICOM", export(), SOUND, GOOD),
    Case("reports, presentation states, raw data, spectra, colour", export(objects), SOUND,
         (*GOOD, "found 12 DICOM series of 6 people; files ignored: 1 PR, 1 SR, 1 in colour, "
          "1 raw data, 1 spectroscopy, 1 without pixels")),
    Case("a CT among the series", export(another_modality), SOUND, (*GOOD, "ignored: 9 CT")),
    Case("a CT and no MR", export(lambda f: [p.unlink() for p in f.glob("*")]
                                  and another_modality(f)), FAULTY,
         ("sub-02: there is no MR image in sub-02 (9 CT)",)),
    Case("droppings of systems, archives and viewers", export(droppings), SOUND, GOOD),
    Case("files without the 128 bytes and DICM", export(bare(132)), SOUND, GOOD),
    Case("data sets alone, with VR", export(bare(0)), SOUND, GOOD),
    Case("data sets alone, without VR", export(bare(0, implicit=True)), SOUND, GOOD),
    Case("files without an ending", export(lambda f: [p.rename(p.with_suffix(""))
                                                      for p in f.glob("*.dcm")]), SOUND, GOOD),
    Case("a file of garbage named .dcm", export(lambda f: (f / "x.dcm").write_bytes(b"garbage")),
         FAULTY, ("sub-02: 1 of 19 files in sub-02 cannot be read as DICOM", "cohort.exclude")),
    Case("a file of garbage named .IMA", export(lambda f: (f / "x.IMA").write_bytes(b"garbage")),
         FAULTY, ("1 of 19 files in sub-02",)),
    Case("an empty file without an ending", export(emptied), FAULTY,
         ("sub-02: 1 of 18 files in sub-02 cannot be read as DICOM",)),
    Case("a file that was cut short", export(cut_short), FAULTY,
         ("sub-02: 1 of 18 files in sub-02 cannot be read as DICOM, or are truncated",)),
    Case("slices of two orientations in one series", export(turned), FAULTY,
         ("sub-02: T1w: series 2 (t1_mprage_sag) has slices of several orientations",)),
    Case("files that DataLad did not fetch", export(unfetched), FAULTY,
         ("sub-02: 3 of 18 files in sub-02 are links or pointers whose content was not fetched. "
          "Fetch it: datalad get sub-02",)),
    Case("files that are pointers", export(lambda f: [p.write_text("/annex/objects/MD5E-s1--x")
                                                      for p in f.glob("*.dcm")]), FAULTY,
         ("sub-02: 18 of 18 files in sub-02 are links or pointers",)),
    Case("a modality that was taken out", export(
        t1w={**T1W, "Modality": None}, t2w={**T2W, "Modality": None}), SOUND, GOOD),
    Case("a description that was taken out", export(
        t1w={**T1W, "SeriesDescription": None, "ProtocolName": "MPRAGE"}), SOUND, GOOD),
    Case("density and T2w in one series", export(echoes(15.0, 96.0)), SOUND, GOOD),
    Case("density and T2w in one series named so", export(
        echoes(15.0, 96.0, tags={**T2W, "SeriesDescription": "pd_t2_tse_tra"})), SOUND, GOOD),
    Case("an echo time that jitters", export(jitter), SOUND, (*GOOD, "found 12 DICOM series")),
    Case("several late echoes in one series", export(echoes(64.0, 96.0, 128.0)), FAULTY,
         ("sub-02: 3 series match as T2w: series 5 (t2_tse_tra; TE 64", "TE 128",
          "Choose with source.t2w_echo_ms (64, 96, 128).")),
    Case("several late echoes, one chosen", export(
        echoes(64.0, 96.0, 128.0), words=("source.t2w_echo_ms=96",)), SOUND, GOOD),
    Case("several late echoes, one chosen that is not there", export(
        echoes(64.0, 96.0, 128.0), words=("source.t2w_echo_ms=80",),
        t2w={**T2W, "EchoTime": 80.0}), FAULTY,
         ("sub-02: none of 3 series is a T2w", "source.t2w_echo_ms=80", "correct the echo")),
    Case("several early echoes in one series", export(
        echoes(1.69, 3.55, 5.41, number=2, tags=T1W)), FAULTY,
         ("Choose with source.t1w_echo_ms (1.69, 3.55, 5.41).",)),
    Case("several early echoes, one chosen", export(
        echoes(1.69, 3.55, 5.41, number=2, tags=T1W), t1w={**T1W, "EchoTime": 1.69},
        words=("source.t1w_echo_ms=1.69",)), SOUND, GOOD),
    Case("an echo of 408 ms", export(t2w={**T2W, "EchoTime": 408.0, "RepetitionTime": 3200.0}),
         SOUND, GOOD),
    Case("an early echo named and chosen", export(
        echoes(30.0, 50.0), words=("source.t2w_series=*t2*", "source.t2w_echo_ms=50"),
        t2w={**T2W, "EchoTime": 50.0}), SOUND, GOOD),
    *(
        Case(f"a T1w called {name}", described(t1w=name), SOUND, GOOD)
        for name in ("t1_mpr_sag_p2_iso", "T1 dislocation", "performance_t1", "T1 without contrast",
                     "T1 3D sem contraste", "t1_mprage TBI injury", "t1_mprage post radiotherapy")
    ),
    *(
        Case(f"another series called {name}",
             export(added(9, {**SCOUT, "SeriesDescription": name})), SOUND, GOOD)
        for name in ("3plane_loc", "pcasl_3d", "t1_mpr+C")
    ),
    Case("everybody's T1w called pilot", described(t1w="pilot_t1_mprage"), FAULTY,
         ("leaving out series 2 (pilot_t1_mprage) by description",
          "source.t1w_series")),
    Case("an echo time with a decimal comma", export(lambda f: [
        p.write_bytes(p.read_bytes().replace(b"2.98", b"2,98")) for p in f.glob("IM002*")]), FAULTY,
         ("sub-02: 9 of 18 files in sub-02 have a header with a non-numeric time, size or "
          "position",)),
    Case("a scout of few slices called T1", export(added(9, SCOUT, slices=5)), SOUND, GOOD),
    Case("a second T1w", export(added(9, {**T1W, "SeriesDescription": "t1_mprage_ND"})), FAULTY,
         ("sub-02: 2 series match as T1w", "series 9 (t1_mprage_ND", "source.t1w_series")),
    Case("a second T1w, the last chosen", export(
        added(9, {**T1W, "SeriesDescription": "t1_mprage_ND"}), words=("source.repeat=last",)),
         SOUND, GOOD),
    Case("a second T1w of the same name, the first chosen", export(
        added(9, T1W), words=("source.repeat=first", "source.t1w_series=*mprage*")), SOUND, GOOD),
    Case("series under one number, the first chosen",
         export(sent_again, words=("source.repeat=first",)), FAULTY,
         ("sub-02: 2 series match as T1w", "Remove all but one")),
    Case("a second T1w, one chosen by number", export(
        added(9, {**T1W, "SeriesDescription": "3"}), words=("source.t1w_series=2",)), SOUND, GOOD),
    Case("a series whose description is a number", export(
        added(9, {**T1W, "SeriesDescription": "301"}), t1w={**T1W, "SeriesDescription": "301"},
        words=("source.t1w_series=301",)), FAULTY, ("sub-02: 2 series match as T1w",)),
    *(
        Case(f"a second T1w whose {field} says contrast agent",
             export(added(9, {**T1W, field: value})), SOUND, GOOD)
        for field, value in (("ContrastBolusAgent", "Gadovist"), ("ContrastBolusVolume", "7.5"),
                             ("ContrastBolusIngredient", "GADOLINIUM"))
    ),
    Case("a volume of 0 ml of contrast agent", export(t1w={**T1W, "ContrastBolusVolume": "0"}),
         SOUND, GOOD),
    Case("a volume of contrast agent alone", export(t1w={**T1W, "ContrastBolusVolume": "7.5"}),
         FAULTY, ("none of 2 series is a T1w", "leaving out contrast agent")),
    Case("another series called t1_mprageGd",
         export(added(9, {**T1W, "SeriesDescription": "t1_mprageGd"})), SOUND, GOOD),
    *(
        Case(f"a setting of another source: {word}", export(words=(word,)), FAULTY,
             (f"{word.split('=')[0]}=", "there is no such setting; source=dicom has root, folder"),
             ("did you mean",))
        for word in ("source.t2w=*x*", "source.session=1", "source.run=1")
    ),
    Case("one folder for everybody", export(words=("source.folder=sub-01",)), FAULTY,
         ("source.folder=sub-01 is the same for all people; use {label}",)),
    Case("times that were taken out",
         export(t1w={**T1W, "EchoTime": None, "RepetitionTime": None, "InversionTime": None}),
         FAULTY, ("none of 2 series is a T1w", "(t1_mprage_sag; no times; 9 slices)")),
    Case("a slice that is missing", export(lambda f: (f / "IM00200003.dcm").unlink()), FAULTY,
         ("sub-02: T1w: series 2 (t1_mprage_sag) is missing slices: steps of 2 mm and one of 4 "
          "mm",)),
    Case("copies of files", export(copies), SOUND, (*GOOD, "ignored: 18 copies")),
    Case("another series under one number",
         export(lambda f: series(f / "again", 2, {**T1W, "SeriesDescription": "B"}, 7) and None),
         FAULTY, ("sub-02: 2 series match as T1w", "source.t1w_series (description")),
    Case("a series sent twice under new names", export(sent_again), FAULTY,
         ("sub-02: 2 series match as T1w", "Remove all but one")),
    Case("an archive beside the folders", export(archived), FAULTY,
         ("sub-02: there is no MR image in sub-02 (sub-02.zip is not unpacked)",)),
    Case("files that gzip packed", export(gzipped), FAULTY,
         ("sub-02: there is no MR image in sub-02 (18 packed by gzip)",)),
    *(
        Case(f"a series without {tag}", export(t1w={**T1W, tag: None}), FAULTY,
             (f"T1w: series 2 (t1_mprage_sag) has files without {tag}", "Export the series again"))
        for tag in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")
    ),
    Case("slices at one place twice", export(lambda f: (f / "x.dcm").write_bytes(
        file_of({**T1W, "ImagePositionPatient": [0.0, 0.0, 2.0]}, 2, 7, 1))), FAULTY,
         ("sub-02: T1w: series 2 (t1_mprage_sag) has two slices at one position",)),
]  # fmt: skip
