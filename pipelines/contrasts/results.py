"""Group results from the lake, as output tables."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.config.contrasts import GroupBySession, Sessions
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.contrasts.clusters import PEAKS, TABLE, ClusterSettings
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.regional import TABLE as EFFECTS
from rt1t2_dask.pipelines.contrasts.thresholds import TABLE as THRESHOLDS
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.permutations.permute import SUMMARY, PermuteSettings
from rt1t2_dask.report.sections.details import Details
from rt1t2_dask.stats.permutation.null import p_fwe
from rt1t2_dask.storage.parts import Lake, Part


def table_of(lake: Lake, part: Part, name: str) -> pd.DataFrame:
    """Read a table of a part; the text n/a stays text, empty is missing."""
    content = io.BytesIO(lake.file(part, name))
    return pd.read_csv(content, sep="\t", keep_default_na=False, na_values=[""])


def design_table(plan: ContrastPlan) -> pd.DataFrame:
    """Return the design matrix, one row per observation, and its contrast rows without people."""
    design = plan.design
    own = {"row": [f"observation-{k + 1}" for k in range(design.n)], "group": design.group}
    weights = {"row": [f"contrast-{k + 1}" for k in range(design.q)], "group": None}
    columns = list(design.names)
    return pd.concat(
        [
            pd.DataFrame({**_who(plan), **own}).join(pd.DataFrame(design.matrix, columns=columns)),
            pd.DataFrame(weights).join(pd.DataFrame(design.contrast.T, columns=columns)),
        ],
        ignore_index=True,
    )


def _who(plan: ContrastPlan) -> dict[str, list[str]]:
    """Return whose maps each row of a design reads, and whose are subtracted from them."""
    read = {"participant_id": plan.design.rows, "partner": plan.design.partner}
    return {
        column: [plan.people[k] for k in rows.tolist()]
        for column, rows in read.items()
        if rows is not None
    }


def baseline_name(plan: ContrastPlan, reference: str) -> str:
    """Return the reference of the percentages of a contrast."""
    if isinstance(plan.form, Sessions | GroupBySession):
        return f"mean of session {plan.form.sessions[1]}"
    if plan.design.partner is not None:
        return f"mean of {plan.form.members[1]}"
    if reference in plan.design.groups:
        return f"mean of {reference}"
    return "mean of all people in the contrast"


def contrast_details(lake: Lake, plan: ContrastPlan, reference: str) -> Details:
    """Collect the details below a contrast's cluster table."""
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
    the previous release.
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
        # The map is float32; a permutation p is an integer number of relabelings.
        at_peaks = np.round(at_peaks * ways) / ways
    rows["peak_p_fwe_permutation"] = at_peaks
    old = "extent" if by_extent(plan) else "peak"
    rows["p_fwe_permutation"] = rows[f"{old}_p_fwe_permutation"]
    return rows


def by_extent(plan: ContrastPlan) -> bool:
    """Return whether cluster extent was permuted at the table's height threshold."""
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
    """Return the content of ``contrast-<name>_permutation.json``."""
    if plan.permute is None:
        return None
    summary: dict[str, Any] = json.loads(lake.file(plan.permute.part, SUMMARY))
    return summary


def contrast_tables(lake: Lake, plan: ContrastPlan) -> dict[str, pd.DataFrame]:
    """Return the tables of a contrast, by the end of their names in the output folder."""
    scale = lake.record(plan.contrast.part)["scale"]
    tables = {"peaks": table_of(lake, plan.clusters.part, PEAKS)}
    for label, task in (("effects", plan.effects), ("parcels", plan.parcels)):
        tables[label] = table_of(lake, task.part, EFFECTS).assign(scale=scale)
    if plan.thresholds is not None:
        tables["thresholds"] = table_of(lake, plan.thresholds.part, THRESHOLDS)
    return tables | {"design": design_table(plan), "clusters": cluster_rows(lake, plan)}


def contrast_documents(lake: Lake, plan: ContrastPlan) -> dict[str, dict[str, Any]]:
    """Return what of a contrast is written as JSON, by the end of its name."""
    summary = permutation_summary(lake, plan)
    return {} if summary is None else {"permutation": summary}
