"""The neighbouring differences of ordered groups, and clusters without each person, as tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rt1t2_dask.config.contrasts import Ordered
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, as_settings
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.stages import CONTRAST_BLOCK
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.ordered.effects import EffectsSettings
from rt1t2_dask.pipelines.ordered.left_out import PEOPLE
from rt1t2_dask.pipelines.ordered.stages import LEFT_OUT, LEFT_OUT_EFFECTS, ORDERED
from rt1t2_dask.pipelines.registry import again
from rt1t2_dask.pipelines.voxelwise.runs import MOST_TOGETHER
from rt1t2_dask.stats.order.neighbours import directions_of, neighbour_weights
from rt1t2_dask.storage.parts import Part

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Neighbour:
    """The difference of one neighbouring pair; `relabelings` may end with their sum."""

    pieces: tuple[Task, ...]
    contrast: Task
    relabelings: tuple[Task, ...]
    permute: Task | None
    regions: Task

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        some = (*self.pieces, self.contrast, *self.relabelings, self.permute, self.regions)
        return [task for task in some if task is not None]


@dataclass(frozen=True)
class OrderedPlan:
    """What stands beside the trend of ordered groups.

    Parameters
    ----------
    form : Ordered
    neighbours : tuple of Neighbour
        In the order of the groups; none where they are not asked for, nor `ordered`.
    ordered : Task or None
    left_out : tuple of Task
        Each leaves out a few people; none where they are not asked for, nor `effects`.
    effects : Task or None
    """

    form: Ordered
    neighbours: tuple[Neighbour, ...]
    ordered: Task | None
    left_out: tuple[Task, ...]
    effects: Task | None

    def tasks(self) -> list[Task]:
        """Return every task, parents before children; parts that neighbours share once."""
        each = [task for own in self.neighbours for task in own.tasks()]
        some = (*each, self.ordered, *self.left_out, self.effects)
        return list({task.part: task for task in some if task is not None}.values())


def plan_ordered(config: Config, plan: ContrastPlan, form: Ordered) -> OrderedPlan:
    """Plan the neighbouring differences of a trend and the clusters without each person.

    Parameters
    ----------
    plan : ContrastPlan
        Of the trend.
    form : Ordered
        Its form.
    """
    neighbours: tuple[Neighbour, ...] = ()
    ordered = effects = None
    left_out: tuple[Task, ...] = ()
    if config.ordered.neighbours:
        design = plan.design
        weights = neighbour_weights(len(form.groups), len(design.names))
        neighbours = tuple(
            _neighbour(plan, tuple((float(value),) for value in own)) for own in weights
        )
        ordered = _together(config, form, neighbours)
    if config.ordered.left_out and not why_not(plan):
        left_out = _left_out(config, plan, form)
        told = EffectsSettings(
            design=as_settings(plan.design),
            groups=form.groups,
            directions=directions_of(form.direction),
        )
        parents: Parents = {
            "contrast": plan.contrast.part,
            "left_out": tuple(task.part for task in left_out),
        }
        effects = LEFT_OUT_EFFECTS.task(told, parents)
    return OrderedPlan(form, neighbours, ordered, left_out, effects)


def why_not(plan: ContrastPlan) -> str:
    """Return why people are not left out one by one; empty if they can be."""
    if plan.design.n > MOST_TOGETHER:
        return (
            f"its {plan.design.n} people would be fitted {plan.design.n} times; up to "
            f"{MOST_TOGETHER} are"
        )
    return ""


def _neighbour(plan: ContrastPlan, weights: Rows) -> Neighbour:
    """Plan the tasks of the trend again with the weights of one pair, in the same model."""
    instead: dict[Part, Part] = {}
    pieces = tuple(_again(task, instead, weights) for task in plan.pieces)
    contrast = _again(plan.contrast, instead, weights)
    relabelings = tuple(_again(task, instead, weights) for task in plan.relabelings)
    permute = None if plan.permute is None else _again(plan.permute, instead, weights)
    regions = _again(plan.parcels, instead, weights)
    return Neighbour(pieces, contrast, relabelings, permute, regions)


def _again(task: Task, instead: dict[Part, Part], weights: Rows) -> Task:
    """Plan a task with other parents, and other weights where it is told the contrast."""
    settings = task.settings
    if isinstance(settings, ContrastSettings):
        design = settings.design.model_copy(update={"contrast": weights})
        settings = settings.model_copy(update={"design": design})
    found = again(task, instead, settings=settings)
    instead[task.part] = found.part
    return found


def _together(config: Config, form: Ordered, neighbours: tuple[Neighbour, ...]) -> Task:
    settings = {
        "groups": form.groups,
        "direction": form.direction,
        "p": config.contrast.p,
        "extent_mm3": config.contrast.extent_mm3,
        "forming_p": config.permute.forming_p,
        "space": config.space,
    }
    parents: dict[str, Part | tuple[Part, ...]] = {
        "neighbour": tuple(own.contrast.part for own in neighbours),
        "regions": tuple(own.regions.part for own in neighbours),
    }
    permuted = tuple(own.permute.part for own in neighbours if own.permute)
    return ORDERED.task(settings, parents | ({"permute": permuted} if permuted else {}))


def _left_out(config: Config, plan: ContrastPlan, form: Ordered) -> tuple[Task, ...]:
    """Plan the fits without each person, a few people a part."""
    first = next(task for task in plan.pieces if task.stage == CONTRAST_BLOCK.name)
    parents = {role: first.parents[role] for role in ("row", "template_out")}
    told = plan.contrast.settings_as(ContrastSettings).model_dump(mode="json")
    told |= {"p": config.contrast.p, "extent_mm3": config.contrast.extent_mm3}
    told |= {"directions": directions_of(form.direction)}
    runs = range(0, plan.design.n, PEOPLE)
    spans = ({"first": k, "last": min(k + PEOPLE, plan.design.n)} for k in runs)
    return tuple(LEFT_OUT.task(told | span, parents, first.files) for span in spans)


def by_name(plans: Mapping[str, ContrastPlan]) -> dict[str, Ordered]:
    """Return the forms of those contrasts that are trends over ordered groups."""
    return {name: plan.form for name, plan in plans.items() if isinstance(plan.form, Ordered)}
