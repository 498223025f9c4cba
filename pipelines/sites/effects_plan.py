"""Plan of the map of site effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.pipelines.sites.harmonise_plan import SitePeople, kept, plan_sites
from rt1t2_dask.pipelines.sites.stages import SITE_EFFECTS
from rt1t2_dask.storage.parts import Part


def plan_site_effects(
    config: Config, rows: pd.DataFrame, plans: Sequence[PersonPlan], shared: Mapping[str, Part]
) -> list[Task]:
    """Plan the map of site effects, last; none for one site, or if confounded with groups.

    Parameters
    ----------
    rows : DataFrame
        The people.
    plans : sequence of PersonPlan
        Their plans, in the same order.
    shared : mapping of str to Part
        The template, by role.
    """
    column = config.cohort.site
    if column is None or config.site.model == "combat":
        return []
    labels = rows[COVARIATE + column].astype(str)
    names = sorted(labels.unique())
    try:
        covariates = kept(config, rows)
    except UserError:
        return []
    site = np.array([names.index(label) for label in labels])
    full = np.column_stack([np.eye(len(names))[site], covariates])
    if len(names) < 2 or np.linalg.matrix_rank(full) < full.shape[1] or len(full) <= full.shape[1]:
        return []
    people = SitePeople(names, site.tolist(), covariates.tolist())
    return plan_sites(SITE_EFFECTS, people, config, plans, shared)
