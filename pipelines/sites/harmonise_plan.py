"""Harmonisation as tasks: ComBat, then harmonised maps and regions of each person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.group_scale import scale_settings, study_scale
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS, SMOOTH, TEMPLATE_OUT
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.pipelines.sites.stages import COMBAT, HARMONISED
from rt1t2_dask.pipelines.voxelwise.mask import mask_file
from rt1t2_dask.pipelines.voxelwise.plan import plan_sums, plan_totals
from rt1t2_dask.sites.combat import require_people
from rt1t2_dask.sites.splines import spline_columns
from rt1t2_dask.stats.covariates import covariate_columns
from rt1t2_dask.storage.parts import Part

Float = NDArray[np.float64]


def harmonise(
    config: Config,
    rows: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
) -> tuple[list[PersonPlan], tuple[Task, ...]]:
    """Replace smoothed maps and regions by harmonised ones, with site.model=combat.

    Parameters
    ----------
    rows : DataFrame
        The people.
    plans : sequence of PersonPlan
        Their plans, in the same order.
    shared : mapping of str to Part
        The template, by role.

    Returns
    -------
    plans : list of PersonPlan
        With harmonised ``smooth`` and ``parcels``.
    tasks : tuple of Task
        Their tasks, parents before children.

    Raises
    ------
    UserError
        A site is too small, or a covariate is missing or confounded with site.
    """
    asked = harmony_people(config, rows)
    if asked is None:
        return list(plans), ()
    scale = study_scale(plans)
    site, covariates = asked.site, asked.covariates
    *sums, learnt = plan_sites(COMBAT, asked, config, plans, shared)
    tasks, own = [*sums, learnt], []
    for k, plan in enumerate(plans):
        place = {"site": site[k], "covariates": covariates[k]} | scale_settings([plan], scale)
        smooth = HARMONISED.task(place, {"smooth": plan.part(SMOOTH), "combat": learnt.part})
        parcels = PARCELS.task({}, {"smooth": smooth.part})
        tasks += [smooth, parcels]
        gain = None if plan.gain is None else replace(plan.gain, factor=1.0)
        tasks_now = {**plan.tasks, SMOOTH.name: smooth, PARCELS.name: parcels}
        own.append(replace(plan, tasks=tasks_now, gain=gain))
    return own, tuple(tasks)


@dataclass(frozen=True)
class SitePeople:
    """Sites, everybody's place among them, and the covariates that are no site effect."""

    names: list[str]
    site: list[int]
    covariates: list[list[float]]
    reference: int | None = None


def plan_sites(
    stage: Stage,
    people: SitePeople,
    config: Config,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
) -> list[Task]:
    """Plan a stage that reads the sums of each site over [1, covariates]; it comes last."""
    rows = tuple(plan.part(SMOOTH) for plan in plans)
    parents: Parents = {"row": rows, TEMPLATE_OUT.name: shared[TEMPLATE_OUT.name]}
    matrix = [[1.0, *own] for own in people.covariates]
    scale = scale_settings(plans, study_scale(plans))
    sums = plan_sums(people.site, matrix, scale, parents, mask_file(config))
    totals, last = plan_totals(sums)
    settings = {
        "sites": people.names,
        "people": [people.site.count(k) for k in range(len(people.names))],
        "reference": people.reference,
        "space": config.space,
    }
    found = stage.task(settings, {"sums": tuple(task.part for task in last)})
    return [*sums, *totals, found]


def harmony_people(config: Config, rows: pd.DataFrame) -> SitePeople | None:
    """Return sites and the covariates that ComBat preserves; None without ComBat.

    Parameters
    ----------
    rows : DataFrame
        The people.

    Raises
    ------
    UserError
        As `harmonise`.
    """
    column = config.cohort.site
    if column is None or config.site.model != "combat":
        return None
    labels = rows[COVARIATE + column].astype(str)
    names = sorted(labels.unique())
    require_people({name: int((labels == name).sum()) for name in names})
    site = [names.index(label) for label in labels]
    return SitePeople(names, site, kept(config, rows).tolist(), _reference(config, names))


def kept(config: Config, rows: pd.DataFrame) -> Float:
    """Return the columns that ComBat preserves: groups, covariates, splines of smooth terms."""
    cohort, smooth = config.cohort, config.site.smooth
    unknown = [name for name in smooth if name not in cohort.covariates]
    if unknown:
        raise UserError(
            f"site.smooth names {unknown[0]}, which is not in cohort.covariates; add it there."
        )
    groups = [name for name in cohort.groups if name != cohort.reference]
    own = rows["group"].to_numpy()
    columns: list[Float] = [np.asarray(own == name, np.float64)[:, None] for name in groups]
    plain = {n: rows[COVARIATE + n] for n in cohort.covariates if n not in smooth}
    columns.append(covariate_columns(pd.DataFrame(plain), np.arange(len(rows)))[0])
    for name in smooth:
        values = rows[COVARIATE + name]
        if not pd.api.types.is_numeric_dtype(values) or values.isna().any():
            raise UserError(f"site.smooth: {name} is not a number for everybody.")
        columns.append(spline_columns(values.to_numpy(np.float64), config.site.splines))
    return np.column_stack(columns)


def _reference(config: Config, names: Sequence[str]) -> int | None:
    wanted = config.site.reference
    if wanted is None:
        return None
    if wanted not in names:
        raise UserError(f"site.reference={wanted} is not one of the sites {', '.join(names)}.")
    return names.index(wanted)
