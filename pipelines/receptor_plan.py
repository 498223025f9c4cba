"""The plan of the receptor analyses: which maps, whose regional means, by which rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.config import Config
from rt1t2_dask.pipelines.local_files import local_file
from rt1t2_dask.pipelines.maps import row_role
from rt1t2_dask.pipelines.plan import PersonPlan
from rt1t2_dask.pipelines.receptors import MIN_CONTROLS, PET, PET_STAGE, RECEPTORS
from rt1t2_dask.pipelines.stage import Task
from rt1t2_dask.receptors.maps import select, shipped_names


def plan_receptors(
    config: Config, rows: pd.DataFrame, plans: Sequence[PersonPlan]
) -> tuple[dict[str, Task], Task | None, list[str]]:
    """Plan one analysis a group of patients: the tasks, the maps' task, and what is not done."""
    reference = config.cohort.reference
    controls = int((rows["group"] == reference).sum())
    patients = [group for group in config.cohort.groups if group != reference]
    if controls < MIN_CONTROLS or not patients:
        return (
            {},
            None,
            [
                f"No receptor correlations: there are {controls} in {reference}; "
                f"z-scores need at least {MIN_CONTROLS} controls and a group of patients."
            ],
        )
    pet = receptor_task(config)
    tasks = {}
    notes = []
    for group in patients:
        chosen = np.flatnonzero(rows["group"].isin([group, reference])).tolist()
        marks = [bool(rows["group"].iloc[k] == group) for k in chosen]
        if not any(marks):
            notes.append(f"No receptor correlations of {group}: nobody is left in it.")
            continue
        parents = {row_role(i): plans[k].part("parcels") for i, k in enumerate(chosen)}
        settings = {
            "patient": marks,
            "n_permutations": config.receptors.n_permutations,
            "seed": config.receptors.seed,
            "missing": config.receptors.missing,
            "spatial": config.receptors.spatial,
        }
        tasks[group] = RECEPTORS.task(settings, parents | {"pet": pet.part})
    return tasks, pet, notes


def receptor_task(config: Config) -> Task:
    """Plan the regional means of the receptor maps.

    Raises
    ------
    UserError
        When a map is not known or a file is not there.
    """
    maps = config.receptors.maps
    names = select(maps if isinstance(maps, str) else list(maps))
    shipped = set(shipped_names())
    found = [f"{PET}{name}" for name in names if name in shipped and assets.find(f"{PET}{name}")]
    files = {name: local_file(name, "receptors.maps") for name in names if name not in shipped}
    if config.receptors.gm_prior:
        files["gm_prior"] = local_file(config.receptors.gm_prior, "receptors.gm_prior")
    return PET_STAGE.task({"maps": names}, {}, files, (*PET_STAGE.assets, *found))
