"""The user's mask of the voxels to test, checked before any map is made."""

from __future__ import annotations

from functools import lru_cache

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.pipelines.engine.local_files import local_file, of_setting
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.stats.clusters.smoothness import all_corners


def mask_file(config: Config) -> dict[str, InputFile]:
    """Return the user's mask of the voxels to test, where there is one.

    Raises
    ------
    UserError
        There is no such file, or it has no voxels whose smoothness can be estimated.
    """
    path = config.contrast.mask
    if not path:
        return {}
    file = local_file(path, "contrast.mask")
    with of_setting("contrast.mask", path):
        _require_voxels(file)
    return {"mask": file}


def _require_voxels(file: InputFile) -> None:
    place = f"{file.root}/{file.path}"
    voxels, cubes = _counted(file.root, file.path, file.sha256)
    if not voxels:
        raise UserError(f"contrast.mask={place} is empty; voxels to test have 0.5 or more.")
    if not cubes:
        raise UserError(
            f"contrast.mask={place}: its {voxels} voxels hold no 2 x 2 x 2, which smoothness "
            "needs; draw it larger."
        )


@lru_cache(maxsize=4)
def _counted(root: str, path: str, sha256: str) -> tuple[int, int]:
    """Count voxels, and those with all eight corners, of a mask known by its checksum."""
    read = InputFile(root, path, sha256).read()
    inside = from_bytes(read, "contrast.mask", kind="mask").data.astype(bool)
    return int(inside.sum()), int(all_corners(inside).sum())
