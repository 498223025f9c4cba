"""The report's section on calibration, from the parts of a finished study."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.config.contrasts import TwoSample
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.calibration.group_scale import study_scale
from rt1t2_dask.pipelines.calibration.results import calibration_people, calibration_table
from rt1t2_dask.pipelines.contrasts.plan import people_of
from rt1t2_dask.pipelines.images.plan import rows_of
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.report.sections.calibration import anchor_differences, calibration_section
from rt1t2_dask.report.sections.section import Section

Tables = tuple[pd.DataFrame, pd.DataFrame]


def calibration_tables(study: Finished) -> Tables | None:
    """Return the tables of protocols and people; None for ready-made maps."""
    gain = study.cohort.gain
    if gain is None:
        return None
    people = calibration_people(study.lake, gain, study.plans)
    return calibration_table(study.lake, gain, people), people


def calibration_sections(study: Finished, tables: Tables | None) -> tuple[Section, ...]:
    """Return the section on calibration; none for ready-made maps."""
    if tables is None:
        return ()
    protocols, people = tables
    _, tested = usable(rows_of(study.people, study.plans), study.plans)
    pairs, members, slopes = {}, {}, {}
    for name, plan in study.cohort.contrasts.items():
        slopes[name] = study.lake.record(plan.contrast.part).get("anchor_slopes", {})
        if isinstance(plan.form, TwoSample):
            pairs[name] = plan.form.groups
            members[name] = [tested[k].person.label for k in people_of(plan.design)]
    anchors = anchor_differences(people, protocols, pairs, members, slopes)
    kind = study.config.calibration.kind
    return (calibration_section(kind, protocols, people, anchors, study_scale(study.plans)),)
