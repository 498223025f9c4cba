"""The report's section on sites, from the lake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.pipelines.sites.meta import MetaSettings
from rt1t2_dask.pipelines.sites.meta_plan import MetaPlan
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.sites import site_section, site_table
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

WHEN = {"before": "raw", "after": "harmonised"}


def site_sections(
    study: Finished, effects: Task | None, meta: Mapping[str, MetaPlan]
) -> tuple[Section, ...]:
    """Return the section on sites.

    Parameters
    ----------
    study : Finished
        Of several sites.
    effects : Task or None
        What holds the maps of site effects.
    meta : mapping of str to MetaPlan
    """
    analysed = study.analysed
    people = analysed.assign(site=analysed[COVARIATE + str(study.config.cohort.site)].astype(str))
    maps = _effects(study.lake, effects)
    section = site_section(
        study.config.site.model,
        site_table(people, list(study.config.cohort.groups)),
        maps["share"],
        maps["span"],
        _meta(study.lake, meta),
        study.brain(),
        study.config.simulated,
    )
    return (section,)


def _effects(lake: Lake, task: Task | None) -> dict[str, dict[str, Volume]]:
    """Read share and span by kind of maps."""
    found: dict[str, dict[str, Volume]] = {"share": {}, "span": {}}
    if task is not None:
        arrays = lake.read(task.part)
        for what, own in found.items():
            for when, name in WHEN.items():
                if f"site_{what}_{when}" in arrays:
                    own[name] = to_volume(arrays[f"site_{what}_{when}"])
    return found


def _meta(lake: Lake, plans: Mapping[str, MetaPlan]) -> pd.DataFrame:
    rows = []
    for name, plan in plans.items():
        record = lake.record(plan.meta.part)
        i2, q = record["i2_median"], record["q_share"]
        rows.append(
            {
                "contrast": name,
                "method": plan.meta.settings_as(MetaSettings).method,
                "sites": ", ".join(
                    f"{s} ({n})" for s, n in zip(plan.sites, record["people"], strict=True)
                ),
                "median I² (%)": None if i2 is None else 100 * i2,
                "voxels with Q at p < .05 (%)": None if q is None else 100 * q,
            }
        )
    return pd.DataFrame(rows)
