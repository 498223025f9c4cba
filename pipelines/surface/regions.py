"""Regions of the common mesh: the user's own, or Desikan-Killiany where its volume is found."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from rt1t2_dask import assets
from rt1t2_dask.config.study import Config
from rt1t2_dask.config.surface import DESIKAN
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.morphometry.surface import SURFACES, desikan_vertices, hemisphere
from rt1t2_dask.pipelines.engine.local_files import is_there, local_file, of_setting
from rt1t2_dask.pipelines.engine.task import InputFile, Task
from rt1t2_dask.pipelines.surface.template import (
    FSAVERAGE5,
    SIDES,
    mesh_assets,
    template,
    template_files,
)
from rt1t2_dask.stats.mesh.cluster_types import Regions
from rt1t2_dask.surface.cifti import read_dense_labels
from rt1t2_dask.surface.freesurfer import read_annotation
from rt1t2_dask.surface.fsaverage import asset_name
from rt1t2_dask.surface.gifti import Labels, read_labels
from rt1t2_dask.surface.parcellation import Parcellation, on_mesh, parcellation
from rt1t2_dask.surface.resample import nearest

SETTING, HEMI = "surface.regions", "{hemi}"
FORMS = (("lh", "rh"), ("L", "R"))
BOTH, ROLES = "regions_both", ("regions_left", "regions_right")
DRAWN_ON = tuple(asset_name(kind, side) for side in SIDES for kind in SURFACES)


def region_files(config: Config) -> dict[str, InputFile]:
    """Return the files of the user's regions by role; none for Desikan-Killiany.

    Raises
    ------
    UserError
        One does not exist.
    """
    path = config.surface.regions
    if path == DESIKAN:
        return {}
    if HEMI not in path:
        return {BOTH: local_file(path, SETTING)}
    paths = _pair(path)
    return {role: local_file(own, SETTING) for role, own in zip(ROLES, paths, strict=True)}


def region_assets(config: Config) -> tuple[str, ...]:
    """Return the assets that a stage with regions reads: of the mesh, and the atlas if found."""
    mesh = mesh_assets(config.surface.mesh)
    if config.surface.regions != DESIKAN or assets.find(DESIKAN) is None:
        return mesh
    # The atlas is projected to fsaverage5, whatever the mesh.
    more = () if config.surface.mesh == FSAVERAGE5 else DRAWN_ON
    return (*mesh, *more, DESIKAN)


def has_regions(config: Config) -> bool:
    """Return whether there are regions: the user's own, or an atlas that is found."""
    return config.surface.regions != DESIKAN or assets.find(DESIKAN) is not None


def regions_of(task: Task, mesh: str) -> Parcellation | None:
    """Return the regions that a task reads; None where it has no files and found no atlas."""
    files = dict(task.each_file())
    if BOTH in files or ROLES[0] in files:
        return own_regions(files, mesh)
    return desikan(mesh) if DESIKAN in task.assets else None


def cluster_regions(task: Task, mesh: str) -> Regions | None:
    """Return the regions that a task reads as tables of clusters name them."""
    found = regions_of(task, mesh)
    return None if found is None else Regions(found.labels, found.names)


def own_regions(files: Mapping[str, InputFile], mesh: str) -> Parcellation:
    """Read the user's regions.

    Raises
    ------
    UserError
        A file is broken, of another mesh or without regions, or a hemisphere is missing.
    """
    both = files.get(BOTH)
    if both is not None:
        said = f"{SETTING}={both.path}"
        with of_setting(SETTING, both.path):
            sides = read_dense_labels(both.read(), said)
        lacking = [side for side in SIDES if side not in sides]
        if lacking:
            raise UserError(f"{said} has no {lacking[0]} hemisphere; name a file with both.")
    else:
        own = {side: files[role] for side, role in zip(SIDES, ROLES, strict=True)}
        said = f"{SETTING}={own['left'].path}, {own['right'].path}"
        sides = {side: _read(file) for side, file in own.items()}
    vertices = len(template(SIDES[0], mesh).cortex)
    fitted = {s: on_mesh(sides[s], vertices, f"{said}: the {s} hemisphere") for s in SIDES}
    try:
        return parcellation(fitted)
    except UserError as error:
        raise UserError(f"{said}: {error} Name a parcellation.") from None


@lru_cache(maxsize=2)
def desikan(mesh: str) -> Parcellation:
    """Return Desikan-Killiany, projected from its volume to the nearest vertices of fsaverage5.

    FreeSurfer's own annotation may differ at borders. On another mesh a vertex has the region of
    the nearest one of fsaverage5, by the registration sphere.
    """
    content = assets.read(assets.resolve(DESIKAN))
    atlas = from_bytes(content, "the Desikan-Killiany atlas", kind="map")
    sides = {}
    for side in SIDES:
        own, found = desikan_vertices(hemisphere(template_files(side, SURFACES)), side, atlas)
        keys = np.array([*own.values(), -1], np.intp)[found]
        if mesh != FSAVERAGE5:
            keys = keys[nearest(template(side).sphere, template(side, mesh).sphere)]
        # The medial wall reaches as far as the mesh says.
        keys = np.where(template(side, mesh).cortex, keys, -1)
        sides[side] = Labels(keys, {number: name for name, number in own.items()})
    return parcellation(sides)


def _read(file: InputFile) -> Labels:
    said = f"{SETTING}={file.path}"
    with of_setting(SETTING, file.path):
        if file.path.endswith(".annot"):
            return read_annotation(file.read(), said)
        own = read_labels(file.read(), said)
    # GIFTI's key 0 is what has no label, whatever it is called.
    return Labels(np.where(own.values == 0, -1, own.values), own.names)


def _pair(path: str) -> tuple[str, str]:
    """Return the files of both hemispheres, by whichever form of their names exists."""
    for form in FORMS:
        left, right = (path.replace(HEMI, name) for name in form)
        there = [is_there(left), is_there(right)]
        if all(there):
            return left, right
        if any(there):
            raise UserError(
                f"{SETTING}={path}: there is {left if there[0] else right}, but no "
                f"{right if there[0] else left}; both hemispheres are needed."
            )
    return path.replace(HEMI, FORMS[0][0]), path.replace(HEMI, FORMS[0][1])
