"""Stage `ingest`: read and check a person's images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.trim import filled
from rt1t2_dask.images.dicom.read import convert
from rt1t2_dask.images.nifti import START_BYTES, from_bytes, inspect_start
from rt1t2_dask.images.quality.qc import (
    Inspection,
    check_contrasts,
    check_not_the_same,
    inspect,
    mask_on,
)
from rt1t2_dask.images.resample import to_grid, working_grid
from rt1t2_dask.images.steps import in_steps
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.images.zeros import background
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import InputFile, Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.storage.keys import checksum

Mask = NDArray[np.bool_]

# sMRIPrep resamples a T2w to the T1w's grid after registration.
ONE_GRID_MM = 0.01
_PERSON = re.compile(r"sub-[^_/]+")
SHARES = ("csf_share", "grey_share", "white_share")
MASKS = {"lesion": "lesion mask", "brain_mask": "brain mask"}


class IngestSettings(StageSettings):
    """What is checked of scans, the working grid, and what derivatives corrected before."""

    most_voxel_mm: float
    contrast: bool
    t1w_voxel_mm: float | None
    bias_corrected: tuple[str, ...] | None = None


class MapSettings(StageSettings):
    """The space of ready-made maps, and which of their zeros are missing."""

    space: str
    zero_is_missing: bool | str


def make_scans(inputs: Inputs) -> Made:
    """Read T1w, T2w and the masks; refuse what would give a wrong number."""
    checks, (t1w_file,) = inputs.settings_as(IngestSettings), inputs.files("t1w")
    (t2w_file,) = inputs.files("t2w") or inputs.files("t2w_raw")
    t1w_read, t1w_notes = _scan(t1w_file, "T1w")
    t2w_read, t2w_notes = _scan(t2w_file, "T2w")
    (t1w, t1w_step), (t2w, t2w_step) = in_steps(t1w_read), in_steps(t2w_read)
    check_not_the_same(t1w, t2w)
    most = checks.most_voxel_mm
    looks = {
        "t1w": inspect(t1w, "T1w", most_voxel_mm=most).also(t1w_notes),
        "t2w": inspect(t2w, "T2w", most_voxel_mm=most).also(t2w_notes),
    }
    if checks.contrast:
        check_contrasts(looks["t1w"], looks["t2w"])
    images = {"t1w": t1w} | _masks(inputs, t1w) | _shares(inputs, t1w)
    seen = {role: _seen(image, looks.get(role)) for role, image in (images | {"t2w": t2w}).items()}
    record: dict[str, Any] = {"inputs": seen} | _done_before(inputs, t1w, t2w)
    record["step_quotient"] = t1w_step / t2w_step
    if "lesion" in images:
        volume = images["lesion"]
        record["lesion_ml"] = float(volume.data.sum() * volume.grid.voxel_volume_mm3 / 1000)
    voxel_mm = checks.t1w_voxel_mm
    images |= {} if voxel_mm is None else working_grid(images, voxel_mm)
    images["t2w"] = filled(t2w)
    return Made(xr.Dataset({name: to_array(name, v) for name, v in images.items()}), record)


def _done_before(inputs: Inputs, t1w: Volume, t2w: Volume) -> dict[str, Any]:
    """Return which steps the derivatives replace: bias correction, and rigid registration."""
    raw, done = not inputs.files("t2w"), inputs.settings_as(IngestSettings).bias_corrected
    corrected = [name for name in done or () if name == "t1w" or not raw]
    derived = done is not None and not raw
    aligned = derived and t2w.grid.same_as(t1w.grid, tolerance_mm=ONE_GRID_MM)
    return {"bias_corrected": corrected, "t2w_is_on_t1w": aligned}


def _scan(file: InputFile, name: str) -> tuple[Volume, tuple[str, ...]]:
    """Read a scan, and notes on its corrections."""
    with _named(file):
        if file.members:
            converted = convert(file.read_members(), name, file.slices, file.echo_ms)
            return converted.volume, converted.notes
        content = file.read()
        return from_bytes(content, name), inspect_start(content[:START_BYTES], name).notes


@contextmanager
def _named(file: InputFile) -> Iterator[None]:
    """Add the file name to an error, without the person: reasons are logged."""
    try:
        yield
    except SubjectError as error:
        shown = _PERSON.sub("sub-…", file.path)
        raise SubjectError(f"{error.reason} File: {shown}.", error.remedy) from error


def _masks(inputs: Inputs, t1w: Volume) -> dict[str, Volume]:
    masks = {}
    for role, name in MASKS.items():
        if file := inputs.file(role):
            with _named(file):
                brought = from_bytes(file.read(), name, kind="mask")
            masks[role] = mask_on(brought, t1w, name)
    return masks


def _shares(inputs: Inputs, t1w: Volume) -> dict[str, Volume]:
    """Read tissue probabilities of derivatives."""
    shares = {}
    for role in SHARES:
        if file := inputs.file(role):
            share = from_bytes(file.read(), role.replace("_", " "), kind="map")
            if not share.grid.same_as(t1w.grid, tolerance_mm=0.1):
                raise SubjectError(
                    f"{role.replace('_', ' ')} is not on the T1w's grid.",
                    "Remove the *_probseg files, or leave the subject out with cohort.exclude.",
                )
            shares[role] = share.with_data(np.clip(np.nan_to_num(share.data), 0, 1))
    return shares


def _seen(image: Volume, look: Inspection | None) -> dict[str, Any]:
    seen = {"voxel_mm": image.grid.voxel_mm.tolist(), "shape": list(image.grid.shape)}
    if look is None:
        return seen
    return seen | {
        "csf_asymmetry": look.csf_asymmetry,
        "warnings": list(look.warnings),
        "voxels_sha256": checksum(np.ascontiguousarray(image.data).tobytes()),
    }


def make_map(inputs: Inputs) -> Made:
    """Read a ready-made ratio map; NaN where it was not measured.

    Raises
    ------
    SubjectError
        Its mask is on another grid, or it has no measured voxel.
    """
    settings, (file,) = inputs.settings_as(MapSettings), inputs.files("map")
    with _named(file):
        ratio = from_bytes(file.read(), "ratio map", kind="map")
    data = ratio.data.astype(np.float32, copy=True)
    brain = to_grid(inputs.volume("template_out", "brain"), ratio.grid, order=0).data.astype(bool)
    zeros = _missing_zeros(data, brain, settings.zero_is_missing)
    data[zeros] = np.nan
    if drawn := inputs.file("mask"):
        mask = from_bytes(drawn.read(), "mask of the ratio map", kind="mask")
        if not mask.grid.same_as(ratio.grid, tolerance_mm=0.1):
            raise SubjectError(
                f"the mask has {mask.grid.shape} voxels, the map {ratio.grid.shape}, "
                "or their affines differ.",
                "Resample both to one grid.",
            )
        data[~mask.data] = np.nan
    if not np.isfinite(data).any():
        raise SubjectError(
            "the ratio map has no measured voxel: all are 0, NaN or outside its mask.",
            "Use another map, or set source.zero_is_missing=false if 0 is a value.",
        )
    array = to_array("ratio", ratio.with_data(data), space=settings.space)
    return Made(xr.Dataset({"ratio": array}), _map_record(ratio, data, zeros, brain))


def _missing_zeros(data: NDArray[np.float32], brain: Mask, rule: bool | str) -> Mask:
    """Return the zeros treated as missing: of the background (``auto``), all, or none."""
    if rule == "auto":
        return background(data, brain)
    return np.asarray((data == 0) & bool(rule))


def _map_record(
    ratio: Volume, data: NDArray[np.float32], zeros: Mask, brain: Mask
) -> dict[str, Any]:
    measured = data[brain & np.isfinite(data)]
    return {
        "inputs": {"map": _seen(ratio, None)},
        "zeros_outside_brain": int((zeros & ~brain).sum()),
        "zeros_in_brain": int((zeros & brain).sum()),
        "negative_share": float((measured < 0).mean()) if len(measured) else 0.0,
    }
