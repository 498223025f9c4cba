"""What the report shows of sites, read from the lake."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.pipelines.sites.meta import MetaSettings
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.sites import site_section, site_table

WHEN = {"before": "raw", "after": "harmonised"}


def site_sections(study: Finished, analysed: pd.DataFrame) -> tuple[Section, ...]:
    """Return the section on sites; nothing where there is one site."""
    column = study.config.cohort.site
    if column is None:
        return ()
    people = analysed.assign(site=analysed[COVARIATE + column].astype(str))
    maps = _effects(study)
    section = site_section(
        study.config.site.model,
        site_table(people, list(study.config.cohort.groups)),
        maps["share"],
        maps["span"],
        _meta(study),
        to_volume(study.lake.read(study.template.part)["t1w"]),
        study.config.simulated,
    )
    return (section,)


def _effects(study: Finished) -> dict[str, dict[str, Volume]]:
    """Read share and span by kind of maps."""
    cohort = study.cohort
    task = cohort.harmony[0] if cohort.harmony else cohort.site_effects
    found: dict[str, dict[str, Volume]] = {"share": {}, "span": {}}
    if task is not None:
        arrays = study.lake.read(task.part)
        for what, own in found.items():
            for when, name in WHEN.items():
                if f"site_{what}_{when}" in arrays:
                    own[name] = to_volume(arrays[f"site_{what}_{when}"])
    return found


def _meta(study: Finished) -> pd.DataFrame:
    rows = []
    for name, plan in study.cohort.meta.items():
        record = study.lake.record(plan.meta.part)
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
