"""The custom atlas of the receptor analysis, and stage `atlas_parcels`."""

from __future__ import annotations

from collections.abc import Mapping

from rt1t2_dask.atlas import Atlas, custom, label_names
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.pipelines.engine.local_files import local_file
from rt1t2_dask.pipelines.engine.task import InputFile, Inputs, Made
from rt1t2_dask.pipelines.images.parcels import region_means

IMAGE, TABLE = "atlas_image", "atlas_table"
_MIN_REGIONS = 20


def atlas_files(config: Config) -> dict[str, InputFile]:
    """Return the files of ``receptors.atlas``; none without it."""
    chosen = config.receptors.atlas
    if chosen is None:
        return {}
    image = local_file(chosen.image, "receptors.atlas.image")
    return {IMAGE: image, TABLE: local_file(chosen.table, "receptors.atlas.table")}


def custom_atlas(files: Mapping[str, InputFile]) -> Atlas | None:
    """Read the custom atlas; None without one.

    Raises
    ------
    UserError
        Image and table disagree, or there are fewer than 20 regions.
    """
    if IMAGE not in files:
        return None
    names = _names(files[TABLE])
    if len(names) < _MIN_REGIONS:
        raise UserError(
            f"receptors.atlas.table has {len(names)} regions; correlations over regions need "
            f"at least {_MIN_REGIONS}."
        )
    return custom(from_bytes(files[IMAGE].read(), files[IMAGE].path), names)


def _names(file: InputFile) -> dict[int, str]:
    return label_names(file.read(), f"receptors.atlas.table={file.path}")


def make(inputs: Inputs) -> Made:
    """Average a person's map over the user's own regions."""
    atlas = custom_atlas(dict(inputs.task.each_file()))
    assert atlas is not None
    return region_means(inputs, atlas)
