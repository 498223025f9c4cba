"""Tables of the patients' deviation, from the lake."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.deviation.controls import TABLE
from rt1t2_dask.pipelines.deviation.patient import CLUSTERS, REGIONS
from rt1t2_dask.pipelines.deviation.plan import DeviationPlan
from rt1t2_dask.storage.parts import Lake, Part

OF_PATIENT = (
    *("n_controls", "dof", "method", "voxels", "largest_t", "largest_z", "p_fwe"),
    *("p_fwe_higher", "p_fwe_lower", "percent", "x_mm", "y_mm", "z_mm", "region"),
    *("clusters_higher", "clusters_lower", "volume_mm3", "share_higher", "share_lower"),
)


def patients_table(lake: Lake, plan: DeviationPlan) -> pd.DataFrame:
    """Return a row a patient."""
    rows = {label: lake.record(task.part) for label, task in plan.patients.items()}
    table = pd.DataFrame(
        [{n: _known(own.get(n)) for n in OF_PATIENT} for own in rows.values()],
        columns=list(OF_PATIENT),
    )
    table.insert(0, "participant_id", list(rows))
    return table


def _known(value: Any) -> Any:
    return np.nan if value is None else value


def clusters_of(lake: Lake, part: Part) -> pd.DataFrame:
    """Return the clusters of one patient."""
    return table_of(lake, part, CLUSTERS)


def regions_of(lake: Lake, part: Part) -> pd.DataFrame:
    """Return the regions of one patient."""
    return table_of(lake, part, REGIONS)


def controls_table(lake: Lake, plan: DeviationPlan) -> pd.DataFrame:
    """Return a row a control, numbered: what it shows against the others."""
    return table_of(lake, plan.controls.part, TABLE)


def stacked(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Stack the tables of patients, whose labels become the first column."""
    with_label = []
    for label, own in tables.items():
        rows = own.copy()
        rows.insert(0, "participant_id", label)
        with_label.append(rows)
    full = [rows for rows in with_label if len(rows)] or with_label[:1]
    return pd.concat(full, ignore_index=True)
