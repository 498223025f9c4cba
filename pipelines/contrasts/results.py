"""Group results read back from the lake, as the tables of the contract."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.contrasts.clusters import PEAKS, TABLE, ClusterSettings
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.regional import TABLE as EFFECTS
from rt1t2_dask.pipelines.contrasts.thresholds import TABLE as THRESHOLDS
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS
from rt1t2_dask.pipelines.permutations.permute import SUMMARY, PermuteSettings
from rt1t2_dask.pipelines.study.cohort import CohortPlan
from rt1t2_dask.receptors.colocalisation import Colocalisation
from rt1t2_dask.receptors.table import table as receptor_table
from rt1t2_dask.report.sections.details import Details
from rt1t2_dask.stats.permutation.null import p_fwe
from rt1t2_dask.storage.parts import Lake, Part

RECEPTOR_ARRAYS = (
    "rho",
    "fisher_z",
    "mean_rho",
    "mean_fisher_z",
    "p_permutation",
    "p_fwe",
    "ci_low",
    "ci_high",
    "n_regions",
)


def parcel_table(lake: Lake, plans: Sequence[PersonPlan]) -> pd.DataFrame:
    """Return the mean smoothed ratio of everybody over every region."""
    rows = [lake.read(plan.part(PARCELS)).load() for plan in plans]
    regions = [str(label) for label in rows[0]["region"].to_numpy()] if rows else []
    scaled = [
        row["parcels"].to_numpy() * factor_of(plan) for row, plan in zip(rows, plans, strict=True)
    ]
    values = pd.DataFrame(scaled, columns=regions)
    values.insert(0, "participant_id", [plan.person.label for plan in plans])
    return values


def table_of(lake: Lake, part: Part, name: str) -> pd.DataFrame:
    """Read a table that a part holds; the text n/a stays text, empty is missing."""
    content = io.BytesIO(lake.file(part, name))
    return pd.read_csv(content, sep="\t", keep_default_na=False, na_values=[""])


def design_table(plan: ContrastPlan) -> pd.DataFrame:
    """Return the design, one row an observation and one column a column, and its contrast rows."""
    design = plan.design
    rows = pd.DataFrame(design.matrix, columns=list(design.names))
    rows.insert(0, "group", design.group)
    rows.insert(0, "row", [f"observation-{k + 1}" for k in range(design.n)])
    weights = pd.DataFrame(design.contrast.T, columns=list(design.names))
    weights.insert(0, "group", None)
    weights.insert(0, "row", [f"contrast-{k + 1}" for k in range(design.q)])
    return pd.concat([rows, weights], ignore_index=True)


def baseline_name(plan: ContrastPlan, reference: str) -> str:
    """Say what the percentages of a contrast are a share of."""
    if plan.design.partner is not None:
        return f"mean of {plan.form.members[1]}"
    if reference in plan.design.groups:
        return f"mean of {reference}"
    return "mean of everybody in the contrast"


def contrast_details(lake: Lake, plan: ContrastPlan, reference: str) -> Details:
    """Gather what the report shows under a contrast's clusters."""
    design, columns = plan.design, list(plan.design.names)
    return Details(
        baseline=baseline_name(plan, reference),
        matrix=pd.DataFrame(design.matrix, columns=columns),
        weights=pd.DataFrame(design.contrast.T, columns=columns),
        volume=lake.record(plan.clusters.part),
        peaks=table_of(lake, plan.clusters.part, PEAKS),
        effects=table_of(lake, plan.effects.part, EFFECTS),
        parcels=table_of(lake, plan.parcels.part, EFFECTS),
        detectable=lake.record(plan.detectable.part),
        thresholds=None
        if plan.thresholds is None
        else table_of(lake, plan.thresholds.part, THRESHOLDS),
        scale=lake.record(plan.contrast.part)["scale"],
    )


def cluster_rows(lake: Lake, plan: ContrastPlan) -> pd.DataFrame:
    """Return the cluster table, with permutation p of extent and peak where they were permuted.

    ``p_fwe_permutation``, of extent where that was permuted and else of the peak, is the name of
    the release before.
    """
    rows = pd.read_csv(io.BytesIO(lake.file(plan.clusters.part, TABLE)), sep="\t")
    if plan.permute is None or not len(rows):
        return rows
    permuted = lake.read(plan.permute.part)
    if by_extent(plan):
        null = permuted["null_extent"].to_numpy()
        rows["extent_p_fwe_permutation"] = p_fwe(rows["voxels"], null)
    fwe = to_volume(permuted["fwe"])
    at_peaks = np.array([_at_peak(fwe, row) for _, row in rows.iterrows()])
    ways = lake.record(plan.permute.part)["n"] + 1
    if plan.permute.settings_as(PermuteSettings).tail == "none":
        # The map is float32; a permutation p is a whole number of relabelings.
        at_peaks = np.round(at_peaks * ways) / ways
    rows["peak_p_fwe_permutation"] = at_peaks
    old = "extent" if by_extent(plan) else "peak"
    rows["p_fwe_permutation"] = rows[f"{old}_p_fwe_permutation"]
    return rows


def by_extent(plan: ContrastPlan) -> bool:
    """Whether the clusters' extent was permuted, formed at the table's own height."""
    if plan.permute is None:
        return False
    permuted = plan.permute.settings_as(PermuteSettings)
    formed = plan.clusters.settings_as(ClusterSettings).p
    return "cluster" in permuted.statistic and permuted.forming_p == formed


def _at_peak(fwe: Volume, row: pd.Series[Any]) -> float:
    peak = np.array([row["peak_x_mm"], row["peak_y_mm"], row["peak_z_mm"], 1.0])
    x, y, z, _ = np.rint(np.linalg.inv(fwe.affine) @ peak).astype(int)
    return float(10.0 ** -fwe.data[x, y, z])


def permutation_summary(lake: Lake, plan: ContrastPlan) -> dict[str, Any] | None:
    """Return what goes into ``contrast-<name>_permutation.json``."""
    if plan.permute is None:
        return None
    summary: dict[str, Any] = json.loads(lake.file(plan.permute.part, SUMMARY))
    return summary


def receptor_rows(lake: Lake, plan: CohortPlan) -> pd.DataFrame | None:
    """Return the receptor table of all patient groups, corrected together."""
    if plan.pet is None or not plan.receptors:
        return None
    results = {group: _colocalisation(lake, task.part) for group, task in plan.receptors.items()}
    spatial = {
        group: lake.read(task.part)["p_spatial"].to_numpy()
        for group, task in plan.receptors.items()
    }
    return receptor_table(results, map_names(lake, plan), spatial)


def map_names(lake: Lake, plan: CohortPlan) -> list[str]:
    """Return the names of the receptor maps, in the order of the arrays."""
    assert plan.pet is not None
    return [str(name) for name in lake.record(plan.pet.part)["maps"]]


def _colocalisation(lake: Lake, part: Any) -> Colocalisation:
    arrays = lake.read(part).load()
    values = {name: arrays[name].to_numpy() for name in RECEPTOR_ARRAYS}
    return Colocalisation(**values, null=arrays["null_fisher_z"].to_numpy())


def fisher_z_rows(
    lake: Lake, plan: CohortPlan, patients: Mapping[str, Sequence[str]]
) -> pd.DataFrame | None:
    """Return every patient's Fisher z with every map, one row each."""
    if plan.pet is None:
        return None
    names = map_names(lake, plan)
    rows = []
    for group, task in plan.receptors.items():
        values = lake.read(task.part)["fisher_z"].to_numpy()
        people = patients[group] if len(values) == len(patients[group]) else [group] * len(values)
        for label, row in zip(people, values, strict=True):
            rows += [(group, label, name, float(z)) for name, z in zip(names, row, strict=True)]
    return pd.DataFrame(rows, columns=["group", "participant_id", "map", "fisher_z"])
