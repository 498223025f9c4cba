"""Stages `landmarks` and `reference`: calibration landmarks of a person, and of the controls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import many_from_bytes
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import inverse
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.ratio.anchors import measure_anchors
from rt1t2_dask.ratio.classes import PRIOR_CLASSES, find_classes
from rt1t2_dask.ratio.landmarks import Landmarks, measure
from rt1t2_dask.ratio.reference import of_people

TPM = "tpm"
NAMES = ("class_quantiles", "class_voxels", "brain_quantiles", "white_stripe")


def make(inputs: Inputs) -> Made:
    """Measure tissues inside and outside the brain."""
    t1w = inputs.volume("bias", "t1w_corrected")
    rigid = inputs.array("coregister", "rigid")
    t2w = to_grid(inputs.volume("bias", "t2w_corrected"), t1w.grid, rigid=rigid, order=1)
    brain = inputs.volume("brain", "brain").data.astype(bool)
    lesion = inputs.optional_volume("ingest", "lesion")
    exclude = None if lesion is None else lesion.data.astype(bool)
    pose = inputs.array("brain", "head_affine")
    prior = _prior(t1w.grid, pose) if TPM in inputs.task.assets else None
    found = find_classes(t1w, t2w, brain, exclude, pose, prior)
    whole = brain if exclude is None else brain & ~exclude
    anchors = measure_anchors(t1w, t2w, whole, inputs.volume("tissue", "tissue").data, found)
    anchors = anchors.shifted(math.log(inputs.record("ingest")["step_quotient"]))
    record = {"anchors": finite(anchors.numbers()), "geometry": _geometry(inputs)}
    return Made(as_tables(measure(t1w, t2w, whole, found.classes)), record)


def finite(numbers: Mapping[str, float]) -> dict[str, float | None]:
    """Return numbers for a record: None instead of NaN."""
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


def _geometry(inputs: Inputs) -> dict[str, list[float]]:
    """Return the original voxel edges of each scan, mm, ascending."""
    seen = inputs.record("ingest")["inputs"]
    return {image: sorted(seen[image]["voxel_mm"]) for image in ("t1w", "t2w")}


def as_tables(found: Landmarks) -> xr.Dataset:
    """Convert landmarks to arrays of the lake."""
    values = (found.classes, found.voxels, found.brain, found.stripe)
    return xr.Dataset({name: table(name, v) for name, v in zip(NAMES, values, strict=True)})


def from_tables(dataset: xr.Dataset) -> Landmarks:
    """Read landmarks from a part."""
    return Landmarks(*(dataset[name].to_numpy() for name in NAMES))


def _prior(grid: Grid, pose: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    to_template = inverse(pose)
    return {
        name: to_grid(image, grid, rigid=to_template, order=1).data
        for name, image in _probabilities().items()
    }


@cache
def _probabilities() -> dict[str, Volume]:
    asset = assets.resolve(TPM)
    maps = many_from_bytes(assets.read(asset), asset.path.name)
    unit = np.float32(max(1.0, float(maps[0].data.max())))
    return {name: maps[k].with_data(maps[k].data / unit) for name, k in PRIOR_CLASSES.items()}


def make_reference(inputs: Inputs) -> Made:
    """Average everybody who is named; in the order of their keys, so that names do not matter."""
    parts = sorted(inputs.parts("control"), key=lambda part: part.key)
    found = of_people([from_tables(inputs.lake.read(part)) for part in parts])
    return Made(as_tables(found.landmarks), {"controls": len(parts)})
