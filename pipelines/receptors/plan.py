"""The plan of the receptor analyses: which maps, whose regional means, by which rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.config.contrasts import Paired
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.design import (
    ContrastRefusedError,
    own_columns,
    require_not_confounded,
    z_covariates,
)
from rt1t2_dask.pipelines.calibration.group_scale import RATIO, scale_settings
from rt1t2_dask.pipelines.contrasts.group_design import build, own_name
from rt1t2_dask.pipelines.engine.local_files import local_file
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS
from rt1t2_dask.pipelines.people.table import COVARIATE, some
from rt1t2_dask.pipelines.receptors.correlations import MIN_CONTROLS, PET
from rt1t2_dask.pipelines.receptors.stages import PET_STAGE, RECEPTORS
from rt1t2_dask.pipelines.regions.plan import OwnRegionSet, receptor_regions
from rt1t2_dask.receptors.dominance import MAX_MAPS
from rt1t2_dask.receptors.maps import select, shipped_names

LEAST_REGIONS = 20
BETWEEN = ("z", "effect_size")
WITHOUT_COVARIATES = ("effect_size", "paired_difference")


def plan_receptors(
    config: Config, rows: pd.DataFrame, plans: Sequence[PersonPlan], scale: str = RATIO
) -> tuple[dict[str, Task], Task | None, list[str]]:
    """Plan one analysis a group of patients: the tasks, the maps' task, and what is not done."""
    if config.receptors.option == "paired_difference":
        return _plan_pairs(config, rows, plans, scale)
    reference = config.cohort.reference
    controls = int((rows["group"] == reference).sum())
    patients = [group for group in config.cohort.groups if group != reference]
    between = config.receptors.option in BETWEEN
    if not patients or (between and controls < MIN_CONTROLS):
        reason = (
            f"No receptor correlations: there are {controls} in {reference}; "
            f"z-scores need at least {MIN_CONTROLS} controls and a group of patients."
        )
        return {}, None, [reason]
    pet = receptor_task(config)
    tasks, notes = {}, []
    for group in patients:
        found = int((rows["group"] == group).sum())
        if found < _fewest(config):
            notes.append(f"No receptor correlations of {group}: there are {found} in it.")
        else:
            try:
                lists = _lists(config, rows, group)
                tasks[group] = _task(config, rows, plans, lists, pet, scale)
                notes += _not_held(config, group, [plans[k] for side in lists for k in side])
            except ContrastRefusedError as error:
                notes.append(f"No receptor correlations of {group}: {error}")
    return tasks, pet, notes


def first_lists(config: Config, rows: pd.DataFrame) -> dict[str, list[int]]:
    """Return who is correlated with the maps in each analysis: places in ``rows``, in order."""
    if config.receptors.option == "paired_difference":
        return {name: pairs[0] for name, pairs in _pairs(config, rows).items()}
    return {group: _lists(config, rows, group)[0] for group in config.cohort.groups}


def receptor_task(config: Config) -> Task:
    """Plan the regional means of the receptor maps.

    Raises
    ------
    UserError
        When a map is not known or a file is not there, or the option does not fit the cohort.
    """
    maps = config.receptors.maps
    names = select(maps if isinstance(maps, str) else list(maps))
    _check(config, len(names))
    shipped = set(shipped_names())
    found = [f"{PET}{name}" for name in names if name in shipped and assets.find(f"{PET}{name}")]
    files = {name: local_file(name, "receptors.maps") for name in names if name not in shipped}
    if config.receptors.gm_prior:
        files["gm_prior"] = local_file(config.receptors.gm_prior, "receptors.gm_prior")
    told: dict[str, Any] = {"maps": names}
    if own := receptor_regions(config):
        shipped_only = [n for n in names if n in shipped and f"{PET}{n}" not in found]
        _require_usable(config, own, shipped_only)
        files |= own.files
        told |= {"own_regions": own.told}
    return PET_STAGE.task(told, {}, files, (*PET_STAGE.assets, *found))


def _require_usable(config: Config, own: OwnRegionSet, means_only: Sequence[str]) -> None:
    """Refuse own regions that are too few, or whose means of the maps cannot be made."""
    setting, regions = own.told.setting, len(own.atlas().grey)
    if regions < LEAST_REGIONS:
        raise UserError(
            f"{setting} has {regions} regions; correlations over regions need at least "
            f"{LEAST_REGIONS}."
        )
    if means_only:
        raise UserError(
            f"{setting}: {len(means_only)} maps ({means_only[0]}) ship as means over "
            "Neuromorphometrics alone; bring the images with RT1T2_ASSETS, or name your own .nii."
        )
    if config.receptors.adjust_gm and not config.receptors.gm_prior:
        raise UserError(
            f"{setting}: the shipped grey-matter means are of Neuromorphometrics; set "
            "receptors.gm_prior to an image, or receptors.adjust_gm=false."
        )


def plan_parcels(config: Config, plans: Sequence[PersonPlan]) -> list[Task]:
    """Plan every person's means over the user's regions; none without ``receptors.atlas``."""
    own = receptor_regions(config)
    return [own.means(plan) for plan in plans] if own else []


def _fewest(config: Config) -> int:
    return {"leave_one_out": 3, "effect_size": 2}.get(config.receptors.option, 1)


def _check(config: Config, maps: int) -> None:
    if config.receptors.correlation == "regression" and maps > MAX_MAPS:
        raise UserError(
            f"receptors.correlation=regression with {maps} maps: its dominance analysis takes at "
            f"most {MAX_MAPS}; choose fewer receptors.maps, such as largest_sample (17)."
        )
    if config.receptors.option == "paired_difference" and not _paired_forms(config):
        raise UserError(
            "receptors.option=paired_difference, but the cohort has no paired contrast; add one "
            "to cohort.contrasts: {test: paired, groups: [first, second], pair: COLUMN}."
        )


def _plan_pairs(
    config: Config, rows: pd.DataFrame, plans: Sequence[PersonPlan], scale: str
) -> tuple[dict[str, Task], Task | None, list[str]]:
    """Plan one analysis a paired contrast, under its name."""
    pet, tasks, notes = receptor_task(config), {}, []
    for name, lists in _pairs(config, rows).items():
        if len(lists[0]) < MIN_CONTROLS:
            notes.append(
                f"No receptor correlations of {name}: {len(lists[0])} complete pairs; "
                f"{MIN_CONTROLS} are needed."
            )
            continue
        try:
            tasks[name] = _task(config, rows, plans, lists, pet, scale)
            notes += _not_held(config, name, [plans[k] for side in lists for k in side])
        except ContrastRefusedError as error:
            notes.append(f"No receptor correlations of {name}: {error}")
    return tasks, pet, notes


def _not_held(config: Config, name: str, people: Sequence[PersonPlan]) -> list[str]:
    """Return a note on protocol and gain in a comparison that takes no covariates."""
    if config.receptors.option not in WITHOUT_COVARIATES:
        return []
    # What both members of every pair share cancels.
    half = len(people) // 2 if config.receptors.option == "paired_difference" else 0
    columns = own_columns(people).items()
    free = [name for name, values in columns if not half or values[:half] != values[half:]]
    if not free:
        return []
    return [
        f"The receptor correlations of {name} do not hold {', '.join(free)} constant "
        f"(receptors.option={config.receptors.option}): part of them may be protocol or gain. "
        "receptors.option=z holds them constant."
    ]


def _paired_forms(config: Config) -> dict[str, Paired]:
    return {n: form for n, form in config.cohort.contrasts.items() if isinstance(form, Paired)}


def _pairs(config: Config, rows: pd.DataFrame) -> dict[str, tuple[list[int], list[int]]]:
    """Return both members of every complete pair of each paired contrast, in the same order."""
    found: dict[str, tuple[list[int], list[int]]] = {}
    for name, form in _paired_forms(config).items():
        try:
            design = build(form.with_covariates(()), rows, config.cohort.reference)
        except UserError:  # said at the contrast; here nobody is left to compare
            found[name] = [], []
            continue
        assert design.partner is not None
        found[name] = design.rows.tolist(), design.partner.tolist()
    return found


def _lists(config: Config, rows: pd.DataFrame, group: str) -> tuple[list[int], list[int]]:
    """Return the group's people and the controls."""
    sides = (np.flatnonzero(rows["group"] == name) for name in (group, config.cohort.reference))
    patients, controls = (side.tolist() for side in sides)
    return patients, controls


def _task(
    config: Config,
    rows: pd.DataFrame,
    plans: Sequence[PersonPlan],
    lists: tuple[list[int], list[int]],
    pet: Task,
    scale: str,
) -> Task:
    chosen = [*lists[0], *lists[1]]
    people = [plans[k] for k in chosen]
    own = plan_parcels(config, plans)
    parts = [task.part for task in own] or [plan.part(PARCELS) for plan in plans]
    regional = tuple(parts[k] for k in chosen)
    rules = config.receptors
    settings = {
        "patient": [True] * len(lists[0]) + [False] * len(lists[1]),
        "n_permutations": rules.n_permutations,
        "seed": rules.seed,
        "missing": rules.missing,
        "relabelings": rules.relabelings,
        "spatial": rules.spatial,
        "option": rules.option,
        "correlation": rules.correlation,
        "adjust_gm": rules.adjust_gm,
        "covariates": _covariates(config, rows.iloc[chosen], people),
        **scale_settings(people, scale),
    }
    return RECEPTORS.task(settings, {"row": regional, "pet": pet.part})


def _covariates(
    config: Config, rows: pd.DataFrame, plans: Sequence[PersonPlan]
) -> dict[str, list[Any]]:
    """Return the people's covariates and what is held constant, where the option uses them."""
    if config.receptors.option in WITHOUT_COVARIATES:
        require_not_confounded(rows["group"].tolist(), plans)
    if config.receptors.option != "z":
        return {}
    names = config.covariates if config.receptors.covariates else ()
    found = {name: rows[COVARIATE + name] for name in names}
    for name, values in found.items():
        if values.isna().any():
            who = rows.loc[values.isna(), "participant_id"].tolist()
            raise UserError(
                f"covariate {name} is missing for {values.isna().sum()} of {len(values)} people "
                f"of the receptor analysis ({some(who)}); complete it, leave them out with "
                "cohort.exclude, or set receptors.covariates=false."
            )
    own = {own_name(name): values.tolist() for name, values in found.items()}
    controls = (rows["group"] == config.cohort.reference).to_numpy()
    return own | z_covariates(own, plans, controls)
