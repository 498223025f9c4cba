"""Harmonisation as tasks: ComBat, then harmonised maps and regions of each person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.group_scale import scale_settings, study_scale
from rt1t2_dask.pipelines.contrasts.plan import mask_file
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS, SMOOTH, TEMPLATE_OUT
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.pipelines.sites.stages import COMBAT, HARMONISED
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
    asked = harmony_settings(config, rows)
    if asked is None:
        return list(plans), ()
    settings = asked | {"space": config.space}
    site, covariates = asked["site"], asked["covariates"]
    scale = study_scale(plans)
    settings |= scale_settings(plans, scale)
    learnt = COMBAT.task(settings, everybody(plans, shared), mask_file(config))
    tasks, own = [learnt], []
    for k, plan in enumerate(plans):
        place = {"site": site[k], "covariates": covariates[k]} | scale_settings([plan], scale)
        smooth = HARMONISED.task(place, {"smooth": plan.part(SMOOTH), "combat": learnt.part})
        parcels = PARCELS.task({}, {"smooth": smooth.part})
        tasks += [smooth, parcels]
        gain = None if plan.gain is None else replace(plan.gain, factor=1.0)
        tasks_now = {**plan.tasks, SMOOTH.name: smooth, PARCELS.name: parcels}
        own.append(replace(plan, tasks=tasks_now, gain=gain))
    return own, tuple(tasks)


def everybody(plans: Sequence[PersonPlan], shared: Mapping[str, Part]) -> Parents:
    """Return everybody's smoothed map, and the template."""
    rows = tuple(plan.part(SMOOTH) for plan in plans)
    return {"row": rows, TEMPLATE_OUT.name: shared[TEMPLATE_OUT.name]}


def harmony_settings(config: Config, rows: pd.DataFrame) -> dict[str, Any] | None:
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
    return {
        "sites": names,
        "site": [names.index(label) for label in labels],
        "covariates": kept(config, rows).tolist(),
        "reference": _reference(config, names),
    }


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
