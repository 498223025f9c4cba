"""Every stage, by the capability that brings it."""

from __future__ import annotations

from collections.abc import Mapping

from rt1t2_dask import __version__
from rt1t2_dask.errors import RunError
from rt1t2_dask.pipelines.absence import stages as absence
from rt1t2_dask.pipelines.adjusted import stages as adjusted
from rt1t2_dask.pipelines.calibration import stages as calibration
from rt1t2_dask.pipelines.contrasts import stages as contrasts
from rt1t2_dask.pipelines.deviation import stages as deviation
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.engine.task import Parents, Task, as_tuple
from rt1t2_dask.pipelines.images import stages as images
from rt1t2_dask.pipelines.morphometry import stages as morphometry
from rt1t2_dask.pipelines.ordered import stages as ordered
from rt1t2_dask.pipelines.permutations import stages as permutations
from rt1t2_dask.pipelines.receptors import stages as receptors
from rt1t2_dask.pipelines.regions import stages as regions
from rt1t2_dask.pipelines.reliability import stages as reliability
from rt1t2_dask.pipelines.share import stages as share
from rt1t2_dask.pipelines.sites import stages as sites
from rt1t2_dask.pipelines.surface import stages as surface
from rt1t2_dask.pipelines.surface.regional import stages as surface_regional
from rt1t2_dask.pipelines.transcriptome import stages as transcriptome
from rt1t2_dask.pipelines.transmit import stages as transmit
from rt1t2_dask.pipelines.voxelwise import stages as voxelwise
from rt1t2_dask.storage.parts import Part

STAGES: tuple[Stage, ...] = (
    *images.STAGES,
    *calibration.STAGES,
    *voxelwise.STAGES,
    *contrasts.STAGES,
    *absence.STAGES,
    *adjusted.STAGES,
    *deviation.STAGES,
    *permutations.STAGES,
    *ordered.STAGES,
    *receptors.STAGES,
    *regions.STAGES,
    *reliability.STAGES,
    *sites.STAGES,
    *transmit.STAGES,
    *surface.STAGES,
    *surface_regional.STAGES,
    *share.STAGES,
    *morphometry.STAGES,
    *transcriptome.STAGES,
)
BY_NAME = {stage.name: stage for stage in STAGES}


def stage_named(name: str) -> Stage:
    """Return the stage of this name.

    Raises
    ------
    RunError
        There is none: another version planned the part.
    """
    if name not in BY_NAME:
        raise RunError(
            f"stage {name}: rt1t2_dask {__version__} has none; driver and workers need the same "
            "version."
        )
    return BY_NAME[name]


def again(
    task: Task,
    instead: Mapping[Part, Part],
    more: Parents | None = None,
    settings: StageSettings | None = None,
) -> Task:
    """Plan a task with other parents, some of them in roles that it did not have.

    Parameters
    ----------
    task : Task
    instead : mapping of Part to Part
        What replaces a parent.
    more : mapping of str to Part or tuple of Part, optional
        Further parents, by role.
    settings : StageSettings, optional
        In place of its own.
    """
    parents: dict[str, Part | tuple[Part, ...]] = {}
    for role, own in task.parents.items():
        parts = tuple(instead.get(part, part) for part in as_tuple(own))
        parents[role] = parts if isinstance(own, tuple) else parts[0]
    names = tuple(task.assets) or None
    return stage_named(task.stage).task(
        settings or task.settings, {**parents, **(more or {})}, task.files, names
    )


def shown_stage(name: str) -> Stage:
    """Return the stage that stands for this one in the report."""
    stage = stage_named(name)
    return stage_named(stage.shown_as) if stage.shown_as else stage


def read_by_group() -> tuple[str, ...]:
    """Name the stages of everybody's images that the group half must have, in their order."""
    group = (stage for stage in STAGES if stage.scope in ("cohort", "block"))
    roles = (role for stage in group for role in stage.reads if not role.optional)
    read = {source for role in roles for source in role.sources}
    return tuple(stage.name for stage in images.PERSON_STAGES if stage.name in read)
