"""The plan of each contrast on the vertices of the cortex."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.surface.contrast import PermuteSettings, SurfaceContrastSettings
from rt1t2_dask.pipelines.surface.regions import region_assets, region_files
from rt1t2_dask.pipelines.surface.stages import (
    SURFACE_CLUSTERS,
    SURFACE_CONTRAST,
    SURFACE_PERMUTE,
)
from rt1t2_dask.pipelines.surface.template import mesh_assets
from rt1t2_dask.storage.parts import Part


@dataclass(frozen=True)
class SurfaceContrast:
    """A contrast on vertices; ``permute`` is None without relabelings."""

    contrast: Task
    permute: Task | None
    clusters: Task

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        some = (self.contrast, self.permute, self.clusters)
        return [task for task in some if task is not None]


def plan_contrast(config: Config, main: ContrastPlan, at: Mapping[Part, Part]) -> SurfaceContrast:
    """Plan a contrast of the study on vertices.

    Parameters
    ----------
    main : ContrastPlan
        The contrast of the volume: its design, and how its rows are scaled.
    at : mapping of Part to Part
        Everybody's smoothed map on the mesh, by the part of their regional means.
    """
    rows = main.rows_at(at)
    told = main.parcels.settings_as(ContrastSettings).model_dump(
        include=set(ContrastSettings.model_fields)
    )
    told |= {"mesh": config.surface.mesh}
    contrast = SURFACE_CONTRAST.task(told, rows, asset_names=mesh_assets(config.surface.mesh))
    permute = _permute(config, told, {**rows, "contrast": contrast.part})
    fitted: dict[str, Part | tuple[Part, ...]] = {"contrast": contrast.part}
    fitted |= {"permute": permute.part} if permute else {}
    asked = config.surface
    table = {"p": config.contrast.p, "extent_mm2": asked.extent_mm2, "mesh": asked.mesh}
    named = region_assets(config)
    clusters = SURFACE_CLUSTERS.task(table, fitted, region_files(config), named)
    return SurfaceContrast(contrast, permute, clusters)


def _permute(config: Config, told: Mapping[str, Any], parents: Parents) -> Task | None:
    asked = config.permute
    if not (asked.n and asked.statistic):
        return None
    names = set(PermuteSettings.model_fields) - set(SurfaceContrastSettings.model_fields)
    own = asked.model_dump(mode="json", include=names)
    names_of = mesh_assets(config.surface.mesh)
    return SURFACE_PERMUTE.task({**told, **own}, parents, asset_names=names_of)
