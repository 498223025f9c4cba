"""The meta-analysis of a contrast as tasks: contrasts by site, combination, clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rt1t2_dask.config.contrasts import Form
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.group_scale import RATIO
from rt1t2_dask.pipelines.contrasts.fitting import MapsPlan
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan, contrast_tasks
from rt1t2_dask.pipelines.contrasts.stages import CLUSTERS
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.pipelines.sites.stages import META
from rt1t2_dask.sites.meta import MIN_SITES
from rt1t2_dask.storage.parts import Part


@dataclass(frozen=True)
class MetaPlan:
    """The parts of one meta-analysis; ``sites`` lists the included sites, in order.

    Each site has one of the `contrasts`, which are put together from the `pieces`.
    """

    sites: tuple[str, ...]
    pieces: tuple[Task, ...]
    contrasts: tuple[Task, ...]
    meta: Task
    clusters: Task

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [*self.pieces, *self.contrasts, self.meta, self.clusters]


def plan_meta(
    config: Config,
    rows: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
    contrasts: Mapping[str, ContrastPlan],
    scale: str = RATIO,
) -> tuple[dict[str, MetaPlan], list[str]]:
    """Plan the meta-analysis of every t contrast.

    Parameters
    ----------
    rows : DataFrame
        The people.
    plans : sequence of PersonPlan
        Their plans, in the same order.
    shared : mapping of str to Part
        The template, by role.
    contrasts : mapping of str to ContrastPlan
        Of all people.
    scale : {"ratio", "log"}
        Scale of all contrasts of the study.

    Returns
    -------
    plans : dict of str to MetaPlan
    notes : list of str
        Excluded sites, and why.
    """
    column = config.cohort.site
    if column is None or config.site.meta == "none":
        return {}, []
    site = rows[COVARIATE + column].astype(str)
    found: dict[str, MetaPlan] = {}
    notes: list[str] = []
    for name, form in config.cohort.every_contrast().items():
        if name not in contrasts or contrasts[name].design.q > 1:
            continue
        tasks: dict[str, MapsPlan] = {}
        for label in sorted(site.unique()):
            here = np.flatnonzero((site == label).to_numpy())
            try:
                own = [plans[int(k)] for k in here]
                there = rows.iloc[here].reset_index(drop=True)
                alone = _within_a_site(form, column)
                tasks[label] = contrast_tasks(config, there, own, shared, alone, scale)[1]
            except UserError as error:
                notes.append(f"Site {label} is excluded from the meta-analysis of {name}: {error}")
        if len(tasks) < MIN_SITES:
            notes.append(f"No meta-analysis of {name}: {len(tasks)} sites have an effect.")
        else:
            found[name] = _plan(config, tasks)
    return found, notes


def _within_a_site(form: Form, column: str) -> Form:
    """Return a contrast without site as covariate, which is constant within one site."""
    names = form.covariates or ()
    return form.with_covariates(tuple(n for n in names if n != column)) if column in names else form


def _plan(config: Config, tasks: Mapping[str, MapsPlan]) -> MetaPlan:
    parents = {"contrast": tuple(own.contrast.part for own in tasks.values())}
    settings = {"method": config.site.meta, "sites": list(tasks), "space": config.space}
    meta = META.task(settings, parents)
    table = {"p": config.contrast.p, "extent_mm3": config.contrast.extent_mm3}
    clusters = CLUSTERS.task(table, {"contrast": meta.part})
    pieces = tuple(task for own in tasks.values() for task in own.pieces)
    fitted = tuple(own.contrast for own in tasks.values())
    return MetaPlan(tuple(tasks), pieces, fitted, meta, clusters)
