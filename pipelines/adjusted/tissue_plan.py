"""A contrast with each voxel's share of tissue held, as tasks."""

from __future__ import annotations

from collections.abc import Sequence

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.adjusted.beside import AdjustedPlan, beside
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan, people_of
from rt1t2_dask.pipelines.contrasts.stages import CONTRAST, CONTRAST_BLOCK
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import SMOOTH_SHARES
from rt1t2_dask.pipelines.permutations.stages import OBSERVED, PERMUTE, PERMUTE_BATCH
from rt1t2_dask.pipelines.registry import again
from rt1t2_dask.pipelines.voxelwise.blocks import VOXELWISE
from rt1t2_dask.storage.parts import Part

HOLDS = (CONTRAST_BLOCK.name, OBSERVED.name, PERMUTE_BATCH.name)


def why_not(plan: ContrastPlan, people: Sequence[PersonPlan]) -> str:
    """Return why a contrast cannot be adjusted; empty if it can.

    Parameters
    ----------
    plan : ContrastPlan
    people : sequence of PersonPlan
        Whom its design counts.
    """
    if plan.design.q > 1:
        return "an F test has no single effect to adjust"
    if not all(task.stage == CONTRAST_BLOCK.name for task in plan.pieces[-1:]):
        return f"its {plan.design.n} people are read by runs, not by blocks of voxels"
    if plan.design.dof < 2:
        return "its people leave no degree of freedom for it"
    if not all(SMOOTH_SHARES.name in people[k].tasks for k in people_of(plan.design)):
        return "some of its people came without their tissues"
    return ""


def plan_adjusted(config: Config, plan: ContrastPlan, people: Sequence[PersonPlan]) -> AdjustedPlan:
    """Plan a contrast again with tissue held; see `why_not` for what is asked of it."""
    shares = [people[k].part(SMOOTH_SHARES) for k in people_of(plan.design)]
    rows, partners = tuple(shares[: plan.design.n]), tuple(shares[plan.design.n :])
    held: Parents = {VOXELWISE[0]: rows, **({VOXELWISE[1]: partners} if partners else {})}
    instead: dict[Part, Part] = {}
    pieces = [_again(task, instead, held) for task in plan.pieces]
    contrast = _again(plan.contrast, instead, held)
    permuted: list[Task] = []
    if config.partial_volume.permute and plan.permute:
        asked = [t for t in (*plan.relabelings, plan.permute) if t.stage in (*HOLDS, PERMUTE.name)]
        permuted = [_again(task, instead, held) for task in asked]
    new = tuple(piece for piece in pieces if piece not in plan.pieces)
    return beside(plan, plan.design, new, contrast, tuple(permuted), held)


def _again(task: Task, instead: dict[Part, Part], held: Parents) -> Task:
    """Plan a task again, with the shares where its stage holds them."""
    holds = task.stage in (*HOLDS, CONTRAST.name)
    found = again(task, instead, held if holds else None)
    instead[task.part] = found.part
    return found
