"""Check all images by their headers: readable, and on common grids."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.foreign import refuse_absent
from rt1t2_dask.images.nifti import START_BYTES, Start, inspect_start, is_whole, require_whole
from rt1t2_dask.images.quality.qc import grid_notes, same_voxels
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.engine.not_here import cannot_be_read
from rt1t2_dask.pipelines.engine.resources import Shapes
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.images.stages import OUTPUT, SCANS
from rt1t2_dask.pipelines.people.inputs import Found
from rt1t2_dask.pipelines.people.source import Files
from rt1t2_dask.pipelines.study.shapes import shapes_of_grids
from rt1t2_dask.pipelines.voxelwise.maps import GRID_TOLERANCE_MM
from rt1t2_dask.storage.base import NOT_READ
from rt1t2_dask.storage.stores import open_store

TRANSFORMS = ("transform", "inverse_transform")
LARGEST_MM = ("t1w", "t2w", "t2w_raw")
NAMES = {"t1w": "T1w", "t2w": "T2w", "t2w_raw": "T2w", "map": "ratio map", "mask": "mask"}
SHARES = ("csf_share", "grey_share", "white_share")
DRAWN_ON = {"lesion": "t1w", "brain_mask": "t1w", "mask": "map"} | dict.fromkeys(SHARES, "t1w")
DRAW = "Draw it on that grid, or resample it."
REMEDIES = dict.fromkeys(
    SHARES, "Remove the *_probseg files, or leave the subject out with cohort.exclude."
)
SHOWN = 3


@dataclass(frozen=True)
class Headers:
    """Results of reading the headers of a study.

    Parameters
    ----------
    images : int
        Number of images read.
    faults : tuple of str
        One line each; people with the same fault share it.
    notes : tuple of str
        What was set right in headers, likewise.
    largest : Shapes, optional
        Of the images that take most; None where no header was read.
    series : int
        Number of DICOM series.
    passed_over : mapping of str to int
        Ignored files in DICOM folders, by kind.
    """

    images: int
    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()
    largest: Shapes | None = None
    series: int = 0
    passed_over: Mapping[str, int] = field(default_factory=dict)


def check_headers(config: Config, found: Found) -> Headers:
    """Read the header of every image found.

    Parameters
    ----------
    found : Found
        People without files are problems too.
    """
    reasons = {label: [why] for label, why in found.reasons.items()}
    grids: dict[str, dict[str, Grid]] = {}
    notes: dict[str, list[str]] = {}
    for label, files in found.files.items():
        grids[label], reasons[label], notes[label] = _person(config, files)
    if config.source.ready_made:
        _compare_maps(grids, reasons)
    count = sum(len(own) for own in grids.values())
    sizes = [shapes_of_grids(config, own) for own in grids.values() if own]
    largest = max(sizes, key=lambda own: own.volumes({SCANS: 1, OUTPUT: 1}), default=None)
    series = [file for own in found.files.values() for file in own.values() if file.members]
    passed = sum(
        (Counter(own["t1w"].passed_over) for own in found.files.values() if "t1w" in own),
        Counter[str](),
    )
    return Headers(
        count, tuple(by_reason(reasons)), tuple(by_reason(notes)), largest, len(series), passed
    )


def _person(config: Config, files: Files) -> tuple[dict[str, Grid], list[str], list[str]]:
    grids: dict[str, Grid] = {}
    faults: list[str] = []
    notes: list[str] = []
    for role, file in files.items():
        if file.members:
            continue
        try:
            start = _start(config, role, file)
        except SubjectError as error:
            faults.append(_naming(file.path, error))
        else:
            grids |= {role: start.grid} if start else {}
            notes += [f"{note} ({file.path})." for note in _irregular(role, start)]
    return grids, [*faults, *_masks_elsewhere(grids)], notes


def _irregular(role: str, start: Start | None) -> list[str]:
    """Return what a header has irregular, as the run notes it of the same image."""
    if start is None:
        return []
    return [*start.notes, *(grid_notes(start.grid) if role in LARGEST_MM else ())]


def _naming(path: str, error: SubjectError) -> str:
    """Return a problem with its file."""
    text = str(error)
    return text if path in text else f"{text} ({path})"


def _start(config: Config, role: str, file: InputFile) -> Start | None:
    """Read the beginning of a file; None if it is not an image."""
    name = NAMES.get(role, role.replace("_", " "))
    if role in TRANSFORMS:
        refuse_absent(_begins(file), name)
        return None
    start = _start_of(file, name)
    size, most = float(start.grid.voxel_mm.max()), config.checks.most_voxel_mm
    if role in LARGEST_MM and size > most:
        raise SubjectError(
            f"{name}: voxels of {size:.3g} mm exceed {most:g} mm.",
            "Use a scan of higher resolution, or raise checks.most_voxel_mm.",
        )
    return start


def header_of(file: InputFile, name: str) -> Grid:
    """Read an image's grid from the beginning of its file; raises SubjectError."""
    return _start_of(file, name).grid


def _begins(file: InputFile) -> bytes:
    try:
        return open_store(file.root, file.options).start(file.path, START_BYTES)
    except NOT_READ as error:
        raise cannot_be_read(file.path, error) from error


def _start_of(file: InputFile, name: str) -> Start:
    """Read the beginning of a file, and its end to check that it is complete."""
    store = open_store(file.root, file.options)
    try:
        begins = store.start(file.path, START_BYTES)
        start = inspect_start(begins, name)
        if not is_whole(begins, store.end(file.path, 4), store.entry(file.path).size, start):
            require_whole(store.read(file.path), start, name)
    except NOT_READ as error:
        raise cannot_be_read(file.path, error) from error
    return start


def _masks_elsewhere(grids: Mapping[str, Grid]) -> list[str]:
    return [
        f"{role.replace('_', ' ')} ({_size(grids[role])} voxels) is not on the grid of the "
        f"{NAMES[image]} ({_size(grids[image])}). {REMEDIES.get(role, DRAW)}"
        for role, image in DRAWN_ON.items()
        if role in grids and image in grids and not same_voxels(grids[role], grids[image])
    ]


def _compare_maps(grids: Mapping[str, Mapping[str, Grid]], reasons: dict[str, list[str]]) -> None:
    """List people whose map is on another grid than the first person's."""
    first: Grid | None = None
    for label, own in grids.items():
        grid = own.get("map")
        first = first or grid
        if grid is not None and first is not None and not grid.same_as(first, GRID_TOLERANCE_MM):
            reasons[label].append(
                f"ratio map of {_size(grid)} voxels is on another grid than the first person's "
                f"({_size(first)}). Resample all maps to one grid."
            )


def _size(grid: Grid) -> str:
    return " x ".join(map(str, grid.shape))


def by_reason(reasons: Mapping[str, Sequence[str]]) -> list[str]:
    """Return each problem once, with the people concerned."""
    people: dict[str, dict[str, str]] = defaultdict(dict)
    for label, own in reasons.items():
        for why in own:
            people[why.replace(label, "sub-…")][label] = why
    return [
        f"{_named(list(own))}: {why if len(own) > 1 else next(iter(own.values()))}"
        for why, own in people.items()
    ]


def _named(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return ", ".join(labels[:SHOWN]) + more
