"""The plan of a study's group half: contrasts, permutations, clusters, receptors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from rt1t2_dask.config.contrasts import Paired
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.design import ContrastRefusedError, usable
from rt1t2_dask.pipelines.calibration.group_scale import study_scale
from rt1t2_dask.pipelines.calibration.left_out import said_of
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan, plan_contrast
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan, rows_of
from rt1t2_dask.pipelines.receptors.plan import plan_parcels, plan_receptors
from rt1t2_dask.pipelines.share.plan import plan_share
from rt1t2_dask.pipelines.sites.balance import site_warnings
from rt1t2_dask.pipelines.sites.effects_plan import plan_site_effects
from rt1t2_dask.pipelines.sites.harmonise_plan import harmonise
from rt1t2_dask.pipelines.sites.meta_plan import MetaPlan, plan_meta
from rt1t2_dask.storage.parts import Part

MIN_GROUP = 2


@dataclass(frozen=True)
class CohortPlan:
    """The group half of a study.

    Parameters
    ----------
    contrasts : mapping of str to ContrastPlan
    pet : Task or None
        Regional means of the receptor maps.
    receptors : mapping of str to Task
        By patient group.
    notes : tuple of str
        What is not done, and why.
    regional : tuple of Task
        People's means over the user's own regions, which the receptors read.
    harmony : tuple of Task
        Everybody's maps and regions without site effects, which all the rest reads.
    meta : mapping of str to MetaPlan
        Meta-analyses of the sites' own contrasts, by contrast.
    site_effects : Task or None
        Map of what is site, where it is not taken out.
    share : Task or None
        Sums that the site hands on, in place of all the rest.
    gain : Task or None
        Protocols and everybody's gain; made before the rest is planned.
    """

    contrasts: Mapping[str, ContrastPlan]
    pet: Task | None
    receptors: Mapping[str, Task]
    notes: tuple[str, ...]
    regional: tuple[Task, ...] = ()
    harmony: tuple[Task, ...] = ()
    meta: Mapping[str, MetaPlan] = field(default_factory=dict)
    site_effects: Task | None = None
    share: Task | None = None
    gain: Task | None = None

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        listed = [*self.harmony, *self.regional, *filter(None, (self.gain, self.pet))]
        listed += [*self.receptors.values(), *filter(None, (self.site_effects, self.share))]
        for plan in self.contrasts.values():
            listed += plan.tasks()
        return listed + [task for plan in self.meta.values() for task in plan.tasks()]


def plan_cohort(
    config: Config,
    people: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
    gain: Task | None = None,
) -> CohortPlan:
    """Plan all contrasts and receptor correlations that the people at hand allow.

    Parameters
    ----------
    people : DataFrame
        As `read_people` gives.
    plans : sequence of PersonPlan
        Those whose maps are there, or will be.
    shared : mapping of str to Part
        The template, by role.
    gain : Task, optional
        What the gains in `plans` come from.

    Raises
    ------
    UserError
        When a contrast cannot be estimated with the covariates given.
    """
    rows = rows_of(people, plans)
    if config.share.kind == "export":
        share = plan_share(config, *usable(rows, plans), shared, gain)
        out = tuple(said_of("The export", plans, config.cohort.groups))
        return CohortPlan({}, None, {}, out, share=share, gain=gain)
    plans, harmony = harmonise(config, rows, plans, shared)
    scale = study_scale(plans)
    contrasts: dict[str, ContrastPlan] = {}
    notes = site_warnings(config, rows)
    tested, kept = usable(rows, plans)
    for name, form in config.every_contrast().items():
        members = form.members or tuple(config.cohort.groups)
        notes += said_of(f"Contrast {name}", plans, members)
        reason = too_small(tested, members)
        if reason:
            notes.append(f"No contrast {name}: {reason}")
            continue
        try:
            contrasts[name] = plan_contrast(config, rows, plans, shared, form, scale)
            notes += _left_out(name, contrasts[name], tested)
        except ContrastRefusedError as error:
            notes.append(f"No contrast {name}: {error}")
        except UserError as error:
            raise UserError(f"contrast {name}: {error}") from None
    notes += said_of("The receptor analysis", plans, config.cohort.groups)
    receptors, pet, more = plan_receptors(config, tested, kept, scale)
    if not config.cohort.contrasts:
        notes.append("No contrast: the cohort file names none (cohort.contrasts).")
    regional = tuple(plan_parcels(config, kept)) if receptors else ()
    meta, said = plan_meta(config, rows, plans, shared, contrasts, scale)
    notes = [*notes, *more, *said]
    effects = plan_site_effects(config, tested, kept, shared)
    return CohortPlan(
        contrasts, pet, receptors, tuple(notes), regional, harmony, meta, effects, gain=gain
    )


def too_small(rows: pd.DataFrame, groups: Sequence[str]) -> str:
    """Say why there are too few people for a contrast; empty where there are enough."""
    sizes = {group: int((rows["group"] == group).sum()) for group in groups}
    if min(sizes.values()) >= MIN_GROUP and sum(sizes.values()) > MIN_GROUP + 1:
        return ""
    counted = " and ".join(f"{n} in {group}" for group, n in sizes.items())
    return f"there are {counted}; a contrast needs at least 2 in each group and 4 in all."


def _left_out(name: str, plan: ContrastPlan, rows: pd.DataFrame) -> list[str]:
    """Say how many people of the groups belong to no whole pair."""
    if not isinstance(plan.form, Paired):
        return []
    alone = int(rows["group"].isin(plan.form.members).sum()) - 2 * plan.design.n
    return [f"Contrast {name} leaves out {alone} without their other half."] if alone else []
