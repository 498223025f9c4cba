"""Stage `brain`: the brain mask on the T1w grid."""

from __future__ import annotations

import xarray as xr

from rt1t2_dask.images.brain import extract
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import table, to_array


def _make(inputs: Inputs) -> Made:
    head, brain = inputs.volume("head", "t1w"), inputs.volume("head", "brain")
    found = extract(
        inputs.volume("bias", "t1w_corrected"), head, brain.with_data(brain.data.astype(bool))
    )
    arrays = {
        "brain": to_array("brain", found.mask),
        "head_affine": table("head_affine", found.affine),
    }
    volume_ml = found.mask.data.sum() * found.mask.grid.voxel_volume_mm3 / 1000
    return Made(xr.Dataset(arrays), {"brain_ml": float(volume_ml)})


BRAIN = Stage(
    "brain",
    _make,
    libraries=("SimpleITK", "picsl-greedy"),
    needs=("bias", "head"),
    gigabytes=0.8,
)
