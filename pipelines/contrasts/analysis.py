"""Analysis `contrasts`: every contrast of the cohort file, voxel by voxel and by region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from rt1t2_dask.config.contrasts import Form, GroupBySession, Paired, Sessions
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.analysis import Analysis, Group, GroupPlan, Results
from rt1t2_dask.pipelines.calibration.design import ContrastRefusedError, usable
from rt1t2_dask.pipelines.calibration.group_scale import study_scale
from rt1t2_dask.pipelines.calibration.left_out import exclusion_notes
from rt1t2_dask.pipelines.contrasts.group_maps import contrast_maps
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan, plan_contrast
from rt1t2_dask.pipelines.contrasts.report import contrast_notes, contrast_result
from rt1t2_dask.pipelines.contrasts.results import contrast_documents, contrast_tables
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.permutations.running import RunningEstimate
from rt1t2_dask.pipelines.sessions.once import rows_read, unpaired_note
from rt1t2_dask.pipelines.sites.balance import site_warnings
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.engine.work import Tell
    from rt1t2_dask.pipelines.outputs.finished import Finished

MIN_GROUP = 2
NONE_NAMED = "No contrast: the cohort file names none (cohort.contrasts)."


@dataclass(frozen=True)
class Contrasts(Analysis):
    """The contrasts that the people at hand allow.

    Parameters
    ----------
    contrasts : mapping of str to ContrastPlan
    notes : tuple of str
        Contrasts that are not made, people who are left out, and why.
    """

    contrasts: Mapping[str, ContrastPlan]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self:
        """Plan every contrast.

        Raises
        ------
        UserError
            A contrast cannot be estimated with the covariates given.
        """
        notes = site_warnings(group.config, group.rows)
        found: dict[str, ContrastPlan] = {}
        tested, _ = usable(group.rows, group.plans)
        for name, form in group.config.every_contrast().items():
            plan, more = _planned(group, tested, name, form)
            notes += more
            if plan is not None:
                found[name] = plan
        if not group.config.cohort.contrasts:
            notes.append(NONE_NAMED)
        return cls(found, tuple(notes))

    def tasks(self) -> list[Task]:
        """Return the tasks of every contrast."""
        return [task for plan in self.contrasts.values() for task in plan.tasks()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of each contrast's parts by stage."""
        return {"contrasts": {name: plan.keys() for name, plan in self.contrasts.items()}}

    def watch(self, lake: Lake, config: Config) -> Tell:
        """Return the running estimate of the permutation tests."""
        return RunningEstimate(lake, config, self.contrasts)

    def results(self, study: Finished) -> Results:
        """Return tables and maps of every contrast, and what the report shows of them."""
        config, lake, plans = study.config, study.lake, self.contrasts
        shown = [contrast_result(config, lake, name, plan) for name, plan in plans.items()]
        return Results(
            tables=_named(plans, lambda plan: contrast_tables(lake, plan)),
            documents=_named(plans, lambda plan: contrast_documents(lake, plan)),
            maps=(each for name, plan in plans.items() for each in contrast_maps(lake, name, plan)),
            content={"contrasts": shown},
            notes=contrast_notes(config, shown),
            stages=self._stages(),
        )

    def _stages(self) -> list[str]:
        permuted = [plan.permute.stage for plan in self.contrasts.values() if plan.permute]
        fitted = [plan.contrast.stage for plan in self.contrasts.values()]
        return list(dict.fromkeys([*fitted, *permuted]))


def contrasts_of(plan: Group | GroupPlan) -> Mapping[str, ContrastPlan]:
    """Return the contrasts of a study by name; empty where it has none."""
    found = plan.of(Contrasts)
    return {} if found is None else found.contrasts


def _named(
    plans: Mapping[str, ContrastPlan], files_of: Callable[[ContrastPlan], Mapping[str, Any]]
) -> dict[str, Any]:
    """Return files of every contrast by their names in the output folder."""
    return {
        f"contrast-{name}_{label}": found
        for name, plan in plans.items()
        for label, found in files_of(plan).items()
    }


def _planned(
    group: Group, tested: pd.DataFrame, name: str, form: Form
) -> tuple[ContrastPlan | None, list[str]]:
    """Plan one contrast; None, with a note that says why, where the people do not allow it."""
    config = group.config
    members = form.members or tuple(config.cohort.groups)
    notes = exclusion_notes(f"Contrast {name}", group.plans, members)
    reason = too_small(rows_read(form, tested), members)
    if reason:
        return None, [*notes, f"No contrast {name}: {reason}"]
    try:
        scale = study_scale(group.plans)
        plan = plan_contrast(config, group.rows, group.plans, group.shared, form, scale)
    except ContrastRefusedError as error:
        return None, [*notes, f"No contrast {name}: {error}"]
    except UserError as error:
        raise UserError(f"contrast {name}: {error}") from None
    return plan, notes + _unpaired(name, plan, tested)


def too_small(rows: pd.DataFrame, groups: Sequence[str]) -> str:
    """Return why there are too few people for a contrast; empty if there are enough."""
    sizes = {group: int((rows["group"] == group).sum()) for group in groups}
    if min(sizes.values()) >= MIN_GROUP and sum(sizes.values()) > MIN_GROUP + 1:
        return ""
    counted = " and ".join(f"{n} in {group}" for group, n in sizes.items())
    return f"there are {counted}; a contrast needs at least 2 in each group and 4 in all."


def _unpaired(name: str, plan: ContrastPlan, rows: pd.DataFrame) -> list[str]:
    """Return a note on people of the groups without a partner, or without one of two sessions."""
    if isinstance(plan.form, Sessions | GroupBySession):
        return unpaired_note(name, plan.form, rows)
    if not isinstance(plan.form, Paired):
        return []
    alone = int(rows["group"].isin(plan.form.members).sum()) - 2 * plan.design.n
    people = "1 person" if alone == 1 else f"{alone} people"
    return [f"Contrast {name} leaves out {people} without a partner."] if alone else []
