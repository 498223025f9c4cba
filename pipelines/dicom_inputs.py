"""DICOM folders: which files make up a person's T1w and T2w."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rt1t2_dask.config import DicomSource
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.dicom import converter_version
from rt1t2_dask.images.dicom_headers import Header, read_header
from rt1t2_dask.images.dicom_series import ChosenSeries, Contrast, check_whole, choose, sort_series
from rt1t2_dask.pipelines.places import for_person
from rt1t2_dask.pipelines.stage import InputFile
from rt1t2_dask.storage.keys import checksum, digest
from rt1t2_dask.storage.stores import Store, open_store

NAMED_DICOM = (".dcm", ".ima")
CONTRASTS: Mapping[str, Contrast] = {"t1w": "T1w", "t2w": "T2w"}


def series_files(
    source: DicomSource, label: str, options: Mapping[str, Any]
) -> dict[str, InputFile]:
    """Choose a person's series.

    Returns
    -------
    dict of str to InputFile
        By role; the name is the series' number and description, never a file's: a scanner writes
        the patient into file names.

    Raises
    ------
    SubjectError
        No folder, no DICOM, unreadable files, slices missing, or a choice that is not clear.
    """
    folder = for_person(source.folder, label)
    found = _read(open_store(source.root, options), folder)
    series = sort_series({k: file.header for k, file in enumerate(found)})
    files = {}
    for role, contrast in CONTRASTS.items():
        chosen = choose(series, contrast, getattr(source, f"{role}_series"))
        check_whole(chosen.series, contrast)
        members = [found[k] for k in chosen.series.members]
        files[role] = _file(source, chosen, members, options)
    return files


@dataclass(frozen=True)
class _File:
    path: str
    sha256: str
    header: Header


def _read(store: Store, folder: str) -> list[_File]:
    files, unreadable = [], 0
    for path in store.list(folder):
        content = store.read(path)
        try:
            header = read_header(content)
        except ValueError:
            unreadable += 1
            continue
        if header is not None:
            files.append(_File(path, checksum(content), header))
        elif path.lower().endswith(NAMED_DICOM):
            unreadable += 1
    _require_readable(folder, len(files), unreadable)
    return files


def _require_readable(folder: str, readable: int, unreadable: int) -> None:
    if unreadable:
        raise SubjectError(
            f"{unreadable} of {unreadable + readable} files in {folder} cannot be read as "
            "MR DICOM.",
            "Export them again, move what is no MR image away, or leave the subject out with "
            "cohort.exclude.",
        )
    if not readable:
        raise SubjectError(
            f"there is no DICOM image in {folder}.",
            "Put the person's series there, set source.folder, or leave the subject out with "
            "cohort.exclude.",
        )


def _file(
    source: DicomSource,
    chosen: ChosenSeries,
    members: Sequence[_File],
    options: Mapping[str, Any],
) -> InputFile:
    series = chosen.series
    return InputFile(
        root=source.root,
        path=series.name,
        sha256=digest([sorted(file.sha256 for file in members), converter_version()]),
        options=options,
        chosen=f"{chosen.reason}: {series.describe()}",
        members=tuple(file.path for file in members),
        slices=series.slices,
        acquired=dict(members[0].header.acquired),
    )
