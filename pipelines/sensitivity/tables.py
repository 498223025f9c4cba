"""Tables of the contrasts under other calibrations and edges."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.calibration.group_scale import read_scaled
from rt1t2_dask.pipelines.contrasts.clusters import TABLE
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.engine.task import Task, as_tuple
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.stages import CALIBRATE
from rt1t2_dask.pipelines.sensitivity.plan import Choice, SensitivityPlan
from rt1t2_dask.ratio.calibrate import UNITS
from rt1t2_dask.stats.scale import Scale
from rt1t2_dask.stats.sensitivity import ContrastMaps, summarise
from rt1t2_dask.storage.parts import Lake, Part

Contrasts = Mapping[str, ContrastPlan]
COLUMNS = (
    *("region", "voxels", "effect", "effect_percent", "t", "same_sign_share"),
    *("clusters", "volume_mm3", "units", "reason"),
)


def calibration_rows(
    lake: Lake, config: Config, plan: SensitivityPlan, contrasts: Contrasts
) -> pd.DataFrame | None:
    """Table the contrasts' effects under every calibration; None where it was not asked for.

    Returns
    -------
    DataFrame
        ``contrast``, ``calibration`` and `COLUMNS`: the main calibration first; within the main
        analysis' clusters and over all tested voxels, where ``clusters`` and ``volume_mm3`` are
        those above the run's thresholds. Where a calibration failed for somebody: one row with
        the reason.
    """
    return _table(lake, contrasts, "calibration", config.calibration.kind, plan.calibrations)


def edge_rows(
    lake: Lake, config: Config, plan: SensitivityPlan, contrasts: Contrasts
) -> pd.DataFrame | None:
    """Table the contrasts' effects under both edges of smoothing, as `calibration_rows`."""
    found = _table(lake, contrasts, "edge", config.smooth.edge, plan.edges)
    return None if found is None else found.drop(columns=["units", "reason"])


def _table(
    lake: Lake, contrasts: Contrasts, what: str, main: str, choices: Mapping[str, Choice]
) -> pd.DataFrame | None:
    if not choices:
        return None
    rows = [
        {"contrast": name, **row}
        for name, contrast in contrasts.items()
        for row in _rows_of(lake, what, main, choices, name, contrast)
    ]
    return pd.DataFrame(rows, columns=["contrast", what, *COLUMNS])


def _rows_of(
    lake: Lake, what: str, own: str, choices: Mapping[str, Choice], name: str, main: ContrastPlan
) -> list[dict[str, Any]]:
    regions = _regions(lake, main)
    tasks = {own: (main.contrast, main.clusters)}
    there = {kind: choice for kind, choice in choices.items() if name in choice.contrasts}
    tasks |= {kind: (c.contrasts[name], c.clusters[name]) for kind, c in there.items()}
    rows: list[dict[str, Any]] = []
    for kind, (task, clusters) in tasks.items():
        said = {what: kind, "units": UNITS.get(kind, "")}
        if clusters.part.key not in lake.complete_keys(clusters.stage):
            rows.append(said | {"reason": _reason(lake, choices[kind])})
            continue
        found = _summarised(lake, task, main, regions)
        found[-1] |= _counted(lake, clusters)
        rows += [said | row for row in found]
    return rows


def _summarised(
    lake: Lake,
    task: Task,
    main: ContrastPlan,
    regions: Mapping[str, NDArray[np.bool_]],
) -> list[dict[str, Any]]:
    """Summarise a contrast by region; F has no effect, only its own mean."""
    if main.design.q == 1:
        reference = _array(lake, main.contrast.part, "stat_effect")
        scale = Scale(lake.record(task.part)["scale"])
        return summarise(_maps(lake, task), reference, regions, scale)
    values = _array(lake, task.part, "stat_t")
    inside = {name: values[mask & np.isfinite(values)] for name, mask in regions.items()}
    return [
        {"region": name, "voxels": len(own), **({"t": float(own.mean())} if len(own) else {})}
        for name, own in inside.items()
    ]


def _counted(lake: Lake, clusters: Task) -> dict[str, Any]:
    table = pd.read_csv(io.BytesIO(lake.file(clusters.part, TABLE)), sep="\t")
    return {"clusters": len(table), "volume_mm3": float(table["volume_mm3"].sum())}


def _reason(lake: Lake, choice: Choice) -> str:
    whole, name = lake.complete_keys(CALIBRATE.name), CALIBRATE.name
    made = [person[name].part.key for person in choice.people if name in person]
    lost = sum(key not in whole for key in made)
    return f"it failed for {lost} of {len(choice.people)} people (tissue missing or out of order)"


def _regions(lake: Lake, main: ContrastPlan) -> dict[str, NDArray[np.bool_]]:
    labels = _array(lake, main.clusters.part, "clusters")
    tested = _array(lake, main.contrast.part, "stat_t")
    found = {f"cluster {k}": labels == k for k in range(1, int(labels.max()) + 1)}
    return found | {"all tested voxels": np.isfinite(tested)}


def _maps(lake: Lake, task: Task) -> ContrastMaps:
    settings = task.settings_as(ContrastSettings)
    effect, t = (_array(lake, task.part, name) for name in ("stat_effect", "stat_t"))
    total, count = np.zeros(effect.shape), np.zeros(effect.shape)
    for row, part in enumerate(as_tuple(task.parents["row"])):
        values = read_scaled(settings, row, _array(lake, part, "smoothed"))
        known = np.isfinite(values)
        total += np.where(known, values, 0)
        count += known
    level = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return ContrastMaps(effect, t, level)


def _array(lake: Lake, part: Part, name: str) -> NDArray[Any]:
    return np.asarray(to_volume(lake.read(part)[name]).data)
