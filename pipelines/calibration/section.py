"""What the report says of calibration, read from the parts of a finished study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rt1t2_dask.config.contrasts import TwoSample
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.calibration.group_scale import study_scale
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.plan import people_of
from rt1t2_dask.pipelines.images.plan import rows_of
from rt1t2_dask.report.sections.calibration import anchor_differences, calibration_section
from rt1t2_dask.report.sections.section import Section

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished


def calibration_sections(
    study: Finished, protocols: pd.DataFrame, people: pd.DataFrame
) -> tuple[Section, ...]:
    """Return the section on calibration.

    Parameters
    ----------
    protocols, people : DataFrame
        As `calibration_table` and `calibration_people` return.
    """
    _, tested = usable(rows_of(study.people, study.plans), study.plans)
    pairs, members, slopes = {}, {}, {}
    for name, plan in contrasts_of(study.group).items():
        slopes[name] = study.lake.record(plan.contrast.part).get("anchor_slopes", {})
        if isinstance(plan.form, TwoSample):
            pairs[name] = plan.form.groups
            members[name] = [tested[k].person.label for k in people_of(plan.design)]
    anchors = anchor_differences(people, protocols, pairs, members, slopes)
    kind = study.config.calibration.kind
    return (calibration_section(kind, protocols, people, anchors, study_scale(study.plans)),)
