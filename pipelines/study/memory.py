"""Memory of image parts, refused with numbers before anything is submitted."""

from __future__ import annotations

from collections.abc import Iterable

import xarray as xr

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.pipelines.engine.resources import Shapes
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.images.plan import SCAN_STAGES, person_stages
from rt1t2_dask.pipelines.images.stages import INGEST, OUTPUT, SCANS
from rt1t2_dask.pipelines.registry import stage_named
from rt1t2_dask.pipelines.study.shapes import shapes_of


def require_room(config: Config, shapes: Shapes | None = None) -> None:
    """Refuse images that a worker has no room for.

    Parameters
    ----------
    shapes : Shapes, optional
        Of the largest images; as predicted from the settings by default.

    Raises
    ------
    UserError
        With the stage that takes most, what it takes and what ``cluster.memory_gb`` allows.
    """
    limit = config.cluster.memory_gb
    if limit is None or (shapes is None and config.source.ready_made):
        return
    said = too_large(shapes or shapes_of(config), limit, image_stages(person_stages(config)))
    if said:
        raise UserError(f"{said} more than cluster.memory_gb={limit:g}; {_remedy(config)}.")


def image_stages(stages: Iterable[Stage]) -> list[Stage]:
    """Return the stages of a person with what everybody's parts are made of."""
    own = list(stages)
    read = {
        source for stage in own for role in stage.reads if role.shared for source in role.sources
    }
    return [*(stage_named(name) for name in sorted(read)), *own]


def too_large(shapes: Shapes, limit_gb: float, stages: Iterable[Stage]) -> str | None:
    """Return the stage that needs most memory, if a worker has less; else None."""
    needs = {stage.name: stage.memory(shapes) / 1e9 for stage in stages}
    stage = max(needs, key=lambda name: needs[name])
    if needs[stage] <= limit_gb:
        return None
    kinds = {"scans of": shapes.voxels.get(SCANS), "a map of": shapes.voxels.get(OUTPUT)}
    shown = " and ".join(f"{name} {n / 1e6:.1f} million voxels" for name, n in kinds.items() if n)
    return f"{stage} takes {needs[stage]:.1f} GB for {shown},"


def _remedy(config: Config) -> str:
    if config.source.ready_made:
        return "raise it"
    name = "resample" if config.source.grid_mm is None else "source"
    return f"raise it or take a larger {name}.voxel_mm or template.voxel_mm"


def require_room_for(stage: str, made: xr.Dataset, limit_gb: float | None) -> None:
    """Refuse a person whose scans, just read, are too large for the stages to come.

    Raises
    ------
    SubjectError
    """
    if limit_gb is None or stage != INGEST.name:
        return
    scans = float(sum(made[name].size for name in ("t1w", "t2w") if name in made))
    said = too_large(Shapes({SCANS: scans}), limit_gb, image_stages(SCAN_STAGES))
    if said:
        raise SubjectError(
            f"{said} more than a worker's {limit_gb:.1f} GB.",
            "Raise cluster.memory_gb or set resample.voxel_mm.",
        )
