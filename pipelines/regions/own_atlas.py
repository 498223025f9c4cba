"""Regions of the user's own: label images with a table of names, and masks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rt1t2_dask.atlas import Atlas, custom, label_names
from rt1t2_dask.config.steps import RegionSet
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.local_files import local_file, of_setting
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import InputFile, Inputs, Made
from rt1t2_dask.pipelines.images.parcels import region_means

IMAGE, TABLE = "atlas_image", "atlas_table"
HALF = 0.5


class OwnAtlasSettings(StageSettings):
    """Which setting names the files, for errors, and what to call a mask without a table."""

    setting: str
    name: str


def region_files(chosen: RegionSet, setting: str) -> dict[str, InputFile]:
    """Return the files of a set of regions by role.

    Raises
    ------
    UserError
        One of them does not exist.
    """
    image = {IMAGE: local_file(chosen.image, f"{setting}.image")}
    table = {} if chosen.table is None else {TABLE: local_file(chosen.table, f"{setting}.table")}
    return image | table


def own_atlas(files: Mapping[str, InputFile], told: OwnAtlasSettings) -> Atlas:
    """Read a label image with its names, or a mask as one region.

    Raises
    ------
    UserError
        Image and table disagree; a mask is empty, or an image without a table has several labels.
    """
    file = files[IMAGE]
    with of_setting(f"{told.setting}.image", file.path):
        image = from_bytes(file.read(), f"{told.setting}.image", kind="map")
    image = image.with_data(np.nan_to_num(image.data))
    if TABLE not in files:
        return custom(_mask(image, told), {1: told.name})
    place = f"{told.setting}.table={files[TABLE].path}"
    try:
        return custom(image, label_names(files[TABLE].read(), place))
    except UserError as error:
        raise UserError(
            f"{told.setting}: {error} The table has one row for each label of the image."
        ) from None


def _mask(image: Volume, told: OwnAtlasSettings) -> Volume:
    """Return 1 where a mask or map of probabilities has a half or more.

    Raises
    ------
    UserError
        It reaches beyond 0 to 1, or no voxel has as much.
    """
    low, high = float(image.data.min()), float(image.data.max())
    if low < 0 or high > 1:
        raise UserError(
            f"{told.setting}.image has values from {low:g} to {high:g}, so it is no mask; give "
            f"{told.setting}.table, a table of its labels with columns index and name."
        )
    inside = image.data >= HALF
    if not inside.any():
        raise UserError(f"{told.setting}.image has no voxel of {HALF:g} or more.")
    return image.with_data(inside.astype(np.float32))


def make(inputs: Inputs) -> Made:
    """Average a person's map over the user's own regions."""
    told = inputs.settings_as(OwnAtlasSettings)
    return region_means(inputs, own_atlas(dict(inputs.task.each_file()), told))
