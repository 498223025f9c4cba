"""The plan of an export: one site's people, their columns, and the tasks that sum them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rt1t2_dask.config.study import Cohort, Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.design import own_columns
from rt1t2_dask.pipelines.calibration.group_scale import LOG, RATIO, factor_of, scale_settings
from rt1t2_dask.pipelines.calibration.map_scale import scale_of
from rt1t2_dask.pipelines.contrasts.memory import brain_voxels
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS, SMOOTH, TEMPLATE_OUT
from rt1t2_dask.pipelines.people.faults import site_faults
from rt1t2_dask.pipelines.people.kinds import members
from rt1t2_dask.pipelines.people.table import COVARIATE, read_table
from rt1t2_dask.pipelines.share.format import FORMAT, comparable
from rt1t2_dask.pipelines.share.graph import share_tasks
from rt1t2_dask.pipelines.share.ledger import cells_before
from rt1t2_dask.pipelines.voxelwise.mask import mask_file
from rt1t2_dask.sites.shared import columns_of, demographics_of, require_safe, with_own
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.parts import Lake, Part


def own_site(config: Config) -> Config:
    """Return the configuration of the site that exports, where the cohort has several.

    Raises
    ------
    UserError
        There is no such site.
    """
    site, cohort = config.share.site, config.cohort
    assert site is not None
    if cohort.sites:
        if site not in cohort.sites:
            raise UserError(
                f"share.site={site} is not one of cohort.sites: {', '.join(cohort.sites)}."
            )
        return config.at(site)
    if cohort.site_column is None:
        return config
    rows = read_table(config)
    if cohort.site_column not in rows:
        raise UserError(
            f"{cohort.participants} has no column {cohort.site_column} (cohort.site_column)."
        )
    if cohort.group_column in rows and (faults := site_faults(members(rows, cohort), cohort)):
        raise UserError(faults[0])
    where = rows[cohort.site_column].fillna("n/a").astype(str)
    if not (where == site).any():
        raise UserError(
            f"share.site={site}: nobody in column {cohort.site_column} is there; values: "
            f"{', '.join(sorted(where.unique()))}."
        )
    others = tuple(rows.loc[where != site, "participant_id"])
    own = cohort.model_copy(
        update={"site_column": None, "exclude": tuple(dict.fromkeys((*cohort.exclude, *others)))}
    )
    return config.model_copy(update={"cohort": own})


def shared_protocols(lake: Lake, gain: Task | None, least: int) -> list[dict[str, Any]]:
    """Return gain and sums of anchors of each protocol whose sums are about enough people."""
    if gain is None or not lake.is_complete(gain.part):
        return []
    protocols = lake.record(gain.part)["protocols"]
    return [dict(one) for one in protocols if one["people"] >= least]


def _summed(cohort: Cohort) -> list[str]:
    """Name the columns that models of sums can read: pairs and blocks tell people apart."""
    forms = cohort.every_contrast().values()
    covariates = {name for form in forms for name in form.covariates or ()}
    apart = {name for form in forms for name in form.identifiers} | {cohort.protocol_column}
    apart -= covariates
    return [name for name in cohort.columns if name not in apart]


def plan_share(
    config: Config,
    rows: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
    gain: Task | None = None,
) -> tuple[Task, ...]:
    """Plan the sums over a site's people; the last task's part is handed on.

    Parameters
    ----------
    rows : DataFrame
        The people at hand.
    plans : sequence of PersonPlan
        Theirs, in the same order.
    shared : mapping of str to Part
        The template, by role.
    gain : Task, optional
        Whose sums of anchors are shared too.

    Raises
    ------
    UserError
        Sums would be about too few people.
    """
    least, names = config.share.minimum_people, _summed(config.cohort)
    variables = pd.DataFrame({name: rows[COVARIATE + name] for name in names}, index=rows.index)
    groups = [g for g in config.cohort.groups if (rows["group"] == g).any()]
    columns = with_own(columns_of(variables, rows["group"].tolist()), own_columns(plans))
    require_safe(columns, rows["group"].tolist(), least)
    own_scale = LOG if any(plan.gain for plan in plans) else RATIO
    about = {
        "format": FORMAT,
        "simulated": config.simulated,
        "cohort": config.cohort.name,
        "site": config.share.site,
        "groups": groups,
        "columns": list(columns.names),
        "lacking": {group: list(own) for group, own in columns.lacking.items()},
        "minimum_people": least,
        "demographics": demographics_of(rows, least),
        "scale": LOG if own_scale == LOG else scale_of(config).value,
        **comparable(config),
    }
    lake = Lake(config.storage.url, config.storage.options())
    about["protocols"] = shared_protocols(lake, gain, least)
    settings = {"group": rows["group"].tolist(), "matrix": columns.matrix.tolist(), "about": about}
    settings |= scale_settings(plans, own_scale)
    factors = [factor_of(plan) for plan in plans]
    key = digest([about, [plan.part(SMOOTH).key for plan in plans], factors])
    settings["export"] = key
    cells = cells_before(lake, key, rows, columns, least)
    parents: Parents = {
        "row": tuple(plan.part(SMOOTH) for plan in plans),
        "parcels": tuple(plan.part(PARCELS) for plan in plans),
        TEMPLATE_OUT.name: shared[TEMPLATE_OUT.name],
    }
    return share_tasks(settings, cells, parents, mask_file(config), brain_voxels(config))
