"""Source `dicom`: which files of a person's folder make up their T1w and T2w."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from rt1t2_dask.config.study import DicomSource
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.dicom.headers import NO_DICOM, Header, NoNumberError, read_header
from rt1t2_dask.images.dicom.read import converter_version
from rt1t2_dask.images.dicom.series import ChosenSeries, Contrast, choose, sort_series
from rt1t2_dask.images.dicom.whole import check_whole
from rt1t2_dask.images.foreign import archive_kind, how_to_fetch
from rt1t2_dask.pipelines.engine.not_here import fetched, packed
from rt1t2_dask.pipelines.engine.places import for_person
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.people.source import Chosen, Files, MaskedSource, Row
from rt1t2_dask.storage.base import AwayError, DiskError, UnreadableError
from rt1t2_dask.storage.keys import checksum, digest
from rt1t2_dask.storage.stores import Store, open_store

NAMED_DICOM = (".dcm", ".ima")
CONTRASTS: Mapping[str, Contrast] = {"t1w": "T1w", "t2w": "T2w"}


class Dicom(MaskedSource[DicomSource]):
    """T1w and T2w among the series of a folder for each person."""

    def place(self, row: Row) -> str | None:
        """Return the person's folder; None where people's folders lie deeper."""
        first = self.settings.folder.partition("/")[0]
        return for_person(first, row["participant_id"]) if first in ("{label}", "{id}") else None

    def choose(self, row: Row, top: Collection[str]) -> tuple[Chosen, tuple[str, ...]]:
        """Choose the masks that are named; series are no single files."""
        return self.masks(row), ()

    def more_files(self, row: Row) -> Files:
        """Return the person's series."""
        return series_files(self.settings, row["participant_id"], self.options)


def series_files(
    source: DicomSource, label: str, options: Mapping[str, Any]
) -> dict[str, InputFile]:
    """Choose a person's series.

    Returns
    -------
    dict of str to InputFile
        By role; the name is the series' number and description, never a file's: file names may
        contain the patient's name.

    Raises
    ------
    SubjectError
        No folder, no DICOM, unreadable files, missing slices, or an ambiguous choice.
    """
    folder = for_person(source.folder, label)
    found = _read(open_store(source.root, options), folder)
    series = sort_series({k: file.header for k, file in enumerate(found.images)})
    files = {}
    for role, contrast in CONTRASTS.items():
        named, echo_ms = getattr(source, f"{role}_series"), getattr(source, f"{role}_echo_ms")
        chosen = choose(series, contrast, named, echo_ms, source.repeat)
        check_whole(chosen.series, contrast)
        files[role] = _file(source, chosen, found, options)
    return files


@dataclass(frozen=True)
class _File:
    path: str
    sha256: str
    header: Header


@dataclass
class _Folder:
    """Contents of a person's folder: images, ignored files by kind, unreadable files."""

    images: list[_File] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    damaged: int = 0
    no_numbers: int = 0
    known: set[str] = field(default_factory=set)
    away: list[str] = field(default_factory=list)


def _read(store: Store, folder: str) -> _Folder:
    found = _Folder()
    above = len(PurePosixPath(folder).parts)
    paths = [path for path in store.list(folder) if not _is_hidden(path.split("/")[above:])]
    for path in paths:
        try:
            _take(found, path, store.read(path))
        except AwayError as error:
            found.away.append(fetched(folder, error.target))
        except NoNumberError:
            found.no_numbers += 1
        except (ValueError, UnreadableError, DiskError):
            found.damaged += 1
    _require_readable(store, folder, found)
    return found


def _is_hidden(parts: Sequence[str]) -> bool:
    """Return whether a path is a hidden system file: .DS_Store, .git, ..."""
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def _take(found: _Folder, path: str, content: bytes) -> None:
    header, sha256 = read_header(content), checksum(content)
    if sha256 in found.known:
        found.passed_over["copies"] += 1
    elif isinstance(header, Header):
        found.images.append(_File(path, sha256, header))
    elif header == NO_DICOM and (how := how_to_fetch(content)):
        found.away.append(f"Fetch them: {how}, or leave the subject out with cohort.exclude.")
    elif header == NO_DICOM and _should_be_dicom(path, content):
        found.damaged += 1
    else:
        found.passed_over[archive_kind(content) or header.kind] += 1
    found.known |= {sha256} if isinstance(header, Header) else set()


def _should_be_dicom(path: str, content: bytes) -> bool:
    """Return whether a file should be DICOM: by its name, or empty without extension."""
    name = path.rsplit("/", 1)[-1].lower()
    return name.endswith(NAMED_DICOM) or (not content and "." not in name)


def _require_readable(store: Store, folder: str, found: _Folder) -> None:
    lost = found.damaged + found.no_numbers + len(found.away)
    total = len(found.images) + found.passed_over.total() + lost
    if found.away:
        raise SubjectError(
            f"{len(found.away)} of {total} files in {folder} are links or pointers whose content "
            f"was not fetched.",
            found.away[0],
        )
    if found.damaged:
        raise SubjectError(
            f"{found.damaged} of {total} files in {folder} cannot be read as DICOM, or are "
            f"truncated.",
            "Export them again, remove files that are not images, or leave the subject out with "
            "cohort.exclude.",
        )
    if found.no_numbers:
        raise SubjectError(
            f"{found.no_numbers} of {total} files in {folder} have a header with a non-numeric "
            f"time, size or position, such as 2,98.",
            "Export them again or correct that value, or leave the subject out with "
            "cohort.exclude.",
        )
    if not found.images:
        raise _no_image(store, folder, found)


def _no_image(store: Store, folder: str, found: _Folder) -> SubjectError:
    """Describe the contents of a folder without images, including an archive beside it."""
    held = packed(store, folder) or _counted(found.passed_over)
    return SubjectError(
        f"there is no MR image in {folder} ({held or 'no file at all'}).",
        "Put the person's series there, set source.folder, or leave the subject out with "
        "cohort.exclude.",
    )


def _counted(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))


def _file(
    source: DicomSource,
    chosen: ChosenSeries,
    found: _Folder,
    options: Mapping[str, Any],
) -> InputFile:
    series, echo_ms = chosen.series, chosen.series.header.echo_ms
    members = [found.images[k] for k in series.members]
    passed = f"; ignored: {_counted(found.passed_over)}" if found.passed_over else ""
    return InputFile(
        root=source.root,
        path=series.name,
        sha256=digest([sorted(file.sha256 for file in members), echo_ms, converter_version()]),
        options=options,
        chosen=f"{chosen.reason}: {series.describe()}{passed}",
        members=tuple(file.path for file in members),
        slices=series.slices,
        echo_ms=echo_ms,
        passed_over=dict(found.passed_over),
        acquired=dict(members[0].header.acquired),
    )
