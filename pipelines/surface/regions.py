"""Regions of the common mesh: Desikan-Killiany, where its volume can be found."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.morphometry.surface import SURFACES, desikan_vertices, hemisphere
from rt1t2_dask.pipelines.engine.task import Inputs, Task
from rt1t2_dask.pipelines.surface.template import SIDES, template_files
from rt1t2_dask.stats.mesh.cluster_types import Regions

ATLAS = "desikan_killiany"


def desikan(inputs: Inputs) -> Regions | None:
    """Return the region of each vertex; None where the stage found no atlas.

    The volume's labels are projected to the nearest vertices: FreeSurfer's own annotation may
    differ at borders.
    """
    return regions_of(inputs.task)


def regions_of(task: Task) -> Regions | None:
    """Return the regions that a task reads; None where it found no atlas."""
    return _projected() if ATLAS in task.assets else None


@lru_cache(maxsize=1)
def _projected() -> Regions:
    atlas = from_bytes(assets.read(assets.resolve(ATLAS)), "the Desikan-Killiany atlas", kind="map")
    parts: list[NDArray[np.int64]] = []
    names: dict[int, str] = {}
    for side in SIDES:
        own, found = desikan_vertices(hemisphere(template_files(side, SURFACES)), side, atlas)
        numbers = np.array([*own.values(), 0])
        parts.append(numbers[found])
        names |= {number: name for name, number in own.items()}
    return Regions(np.concatenate(parts), names)
