"""Stage `brain`: the brain mask on the T1w grid."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain import Brain, extract, locate
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import table, to_array


def _make(inputs: Inputs) -> Made:
    t1w = inputs.volume("bias", "t1w_corrected")
    head, template_brain = inputs.volume("head", "t1w"), _mask(inputs, "head", "brain")
    assert template_brain is not None
    brought = _mask(inputs, "ingest", "brain_mask")
    if brought is None:
        found = extract(t1w, head, template_brain, _mask(inputs, "ingest", "lesion"))
    else:
        found = Brain(_usable(brought), locate(t1w, head, template_brain))
    arrays = {
        "brain": to_array("brain", found.mask),
        "head_affine": table("head_affine", found.affine),
    }
    volume_ml = found.mask.data.sum() * found.mask.grid.voxel_volume_mm3 / 1000
    record = {
        "brain_ml": float(volume_ml),
        "brain_mask": "registration" if brought is None else "brought",
        "head_likeness": found.pose.likeness,
    }
    return Made(xr.Dataset(arrays), record)


def _mask(inputs: Inputs, role: str, name: str) -> Volume | None:
    found = inputs.optional_volume(role, name)
    return None if found is None else found.with_data(found.data.astype(np.bool_))


def _usable(brought: Volume) -> Volume:
    if not brought.data.any():
        raise SubjectError(
            "The brain mask is empty.",
            "Bring one that is not, or remove the file to have the mask made here.",
        )
    return brought


BRAIN = Stage(
    "brain",
    _make,
    libraries=("SimpleITK", "picsl-greedy"),
    needs=("ingest", "bias", "head"),
)
