"""The plan of a study's group half: contrasts, permutations, clusters, receptors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.config import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.clusters import CLUSTERS
from rt1t2_dask.pipelines.contrast import CONTRAST, design_of
from rt1t2_dask.pipelines.local_files import local_file
from rt1t2_dask.pipelines.maps import row_role
from rt1t2_dask.pipelines.people import COVARIATE
from rt1t2_dask.pipelines.permute import PERMUTE
from rt1t2_dask.pipelines.plan import PersonPlan
from rt1t2_dask.pipelines.receptor_plan import plan_receptors
from rt1t2_dask.pipelines.stage import InputFile, Task
from rt1t2_dask.storage.keys import plain
from rt1t2_dask.storage.parts import Part

MIN_GROUP = 2


@dataclass(frozen=True)
class ContrastPlan:
    """The parts of one contrast; `permute` is None where none was asked for."""

    contrast: Task
    clusters: Task
    permute: Task | None


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
    """

    contrasts: Mapping[str, ContrastPlan]
    pet: Task | None
    receptors: Mapping[str, Task]
    notes: tuple[str, ...]

    def tasks(self) -> list[Task]:
        """Give every task, parents before children."""
        listed = [self.pet] if self.pet else []
        listed += self.receptors.values()
        for plan in self.contrasts.values():
            listed += [plan.contrast, plan.clusters] + ([plan.permute] if plan.permute else [])
        return listed


def plan_cohort(
    config: Config,
    people: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
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

    Raises
    ------
    UserError
        When a contrast cannot be estimated with the covariates given.
    """
    rows = people.set_index("participant_id").loc[[p.person.label for p in plans]].reset_index()
    contrasts, notes = {}, []
    for name, (first, second) in config.cohort.contrasts.items():
        reason = _too_small(rows, first, second)
        if reason:
            notes.append(f"No contrast {name}: {reason}")
        else:
            contrasts[name] = _contrast(config, rows, plans, shared, (first, second))
    receptors, pet, more = plan_receptors(config, rows, plans)
    if not config.cohort.contrasts:
        notes.append("No contrast: the cohort file names none (cohort.contrasts).")
    return CohortPlan(contrasts, pet, receptors, (*notes, *more))


def _too_small(rows: pd.DataFrame, first: str, second: str) -> str:
    sizes = {group: int((rows["group"] == group).sum()) for group in (first, second)}
    if min(sizes.values()) >= MIN_GROUP and sum(sizes.values()) > MIN_GROUP + 1:
        return ""
    counted = " and ".join(f"{n} in {group}" for group, n in sizes.items())
    return f"there are {counted}; a two-sample t needs at least 2 in each and 4 in all."


def _contrast(
    config: Config,
    rows: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
    pair: tuple[str, str],
) -> ContrastPlan:
    chosen = np.flatnonzero(rows["group"].isin(pair)).tolist()
    maps = {row_role(i): plans[k].part("smooth") for i, k in enumerate(chosen)}
    design = _design_settings(config, rows.iloc[chosen], pair)
    rule = {
        "min_group_n": config.contrast.min_group_n,
        "min_group_share": config.contrast.min_group_share,
    }
    common = design | rule | {"space": config.space}
    parents = maps | {"template_out": shared["template_out"]}
    mask = _mask_file(config)
    contrast = CONTRAST.task(common | {"variance": config.contrast.variance}, parents, mask)
    lesions = {
        f"lesion{i:05d}": plans[k].part("ratio")
        for i, k in enumerate(chosen)
        if "ratio" in plans[k].tasks
    }
    table = {"p": config.contrast.p, "extent_mm3": config.contrast.extent_mm3}
    clusters = CLUSTERS.task(table, {"contrast": contrast.part} | lesions)
    permute = None
    if config.permute.n and config.permute.statistic:
        settings = common | config.permute.model_dump(mode="json")
        permute = PERMUTE.task(settings, maps | {"contrast": contrast.part})
    return ContrastPlan(contrast, clusters, permute)


def _design_settings(config: Config, rows: pd.DataFrame, pair: tuple[str, str]) -> dict[str, Any]:
    covariates = {n: rows[COVARIATE + n].tolist() for n in config.cohort.covariates}
    settings = {
        "groups": rows["group"].tolist(),
        "first": pair[0],
        "second": pair[1],
        "covariates": covariates,
    }
    for name, values in covariates.items():
        missing = sum(value is None or value != value for value in values)
        if missing:
            raise UserError(
                f"covariate {name} is missing for {missing} of {len(values)} people of "
                f"{pair[0]} and {pair[1]}; complete it, leave them out with cohort.exclude, "
                "or drop it from cohort.covariates."
            )
    design_of(settings)
    return dict(plain(settings))


def _mask_file(config: Config) -> dict[str, InputFile]:
    path = config.contrast.mask
    return {"mask": local_file(path, "contrast.mask")} if path else {}
