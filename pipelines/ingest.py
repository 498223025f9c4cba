"""Stage `ingest`: a person's images as they were brought, checked."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.resample import working_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import to_array


def _make_scans(inputs: Inputs) -> Made:
    """Read T1w, T2w and the lesion mask."""
    files = inputs.task.files
    t1w = from_bytes(files["t1w"].read(), "T1w")
    t2w = from_bytes(files["t2w"].read(), "T2w")
    images = {"t1w": t1w}
    record = {
        "t1w_voxel_mm": t1w.grid.voxel_mm.tolist(),
        "t2w_voxel_mm": t2w.grid.voxel_mm.tolist(),
    }
    if "lesion" in files:
        lesion = from_bytes(files["lesion"].read(), "lesion mask", kind="mask")
        _require_grid(lesion, t1w)
        images["lesion"] = lesion
        record["lesion_ml"] = float(lesion.data.sum() * lesion.grid.voxel_volume_mm3 / 1000)
    voxel_mm = inputs.settings["t1w_voxel_mm"]
    images |= {} if voxel_mm is None else working_grid(images, voxel_mm)
    images["t2w"] = t2w
    return Made(xr.Dataset({name: to_array(name, v) for name, v in images.items()}), record)


def _require_grid(lesion: Volume, t1w: Volume) -> None:
    if not lesion.grid.same_as(t1w.grid, tolerance_mm=0.1):
        raise SubjectError(
            f"the lesion mask has {lesion.grid.shape} voxels, the T1w {t1w.grid.shape}, "
            "or their affines differ.",
            "Draw or resample the mask on the T1w.",
        )


def _make_map(inputs: Inputs) -> Made:
    """Read a ready-made ratio map; NaN where it was not measured."""
    files = inputs.task.files
    ratio = from_bytes(files["map"].read(), "ratio map", kind="map")
    data = ratio.data.astype(np.float32, copy=True)
    if inputs.settings["zero_is_missing"]:
        data[data == 0] = np.nan
    if "mask" in files:
        mask = from_bytes(files["mask"].read(), "mask of the ratio map", kind="mask")
        if not mask.grid.same_as(ratio.grid, tolerance_mm=0.1):
            raise SubjectError(
                f"the mask has {mask.grid.shape} voxels, the map {ratio.grid.shape}, "
                "or their affines differ.",
                "Bring both on one grid.",
            )
        data[~mask.data] = np.nan
    space = inputs.settings["space"]
    return Made(xr.Dataset({"ratio": to_array("ratio", ratio.with_data(data), space=space)}))


SCANS = Stage("ingest", _make_scans)
MAP = Stage("map", _make_map)
