"""Tables of calibration, by protocol and by person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.pipelines.calibration.gain import GainSettings, anchors_of, protocol_name
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.calibrate import CalibrateSettings
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import CALIBRATE, LANDMARKS, QUALITY
from rt1t2_dask.ratio.anchors import Anchors
from rt1t2_dask.ratio.gain import spread, within_groups
from rt1t2_dask.storage.parts import Lake

Float = NDArray[np.float64]
LEVELS = {"white": "ratio_white", "grey": "ratio_grey"}
ESTIMATED = (
    *("lambda_applied", "lambda_estimate", "lambda_low", "lambda_high", "p_gain"),
    *("sd_gain", "sd_anchor", "sd_ratio", "dof", "reason"),
)


def calibration_people(lake: Lake, gain: Task, plans: Sequence[PersonPlan]) -> pd.DataFrame:
    """Tabulate the anchors and gain of all people.

    Returns
    -------
    DataFrame
        ``participant_id``, ``group``, ``protocol``, ``gain`` (factor of the raw ratio), ``fluid``,
        ``muscle``, ``eye`` (log T1w/T2w), ``apart`` (range of their gains), ``another_sequence``
        (yes or no), ``raw_*`` and ``calibrated_*``: log of the median ratio in white and grey
        matter.
    """
    found = lake.read(gain.part).load()
    rows = []
    for k, plan in enumerate(plans):
        anchors = anchors_of(lake.record(plan.part(LANDMARKS)))
        row: dict[str, Any] = {
            "participant_id": plan.person.label,
            "group": plan.person.group,
            "protocol": protocol_name(int(found["gain_protocol"][k])),
            "gain": factor_of(plan),
        }
        row |= {name: getattr(anchors, name) for name in ("fluid", "muscle", "eye")}
        row["fluid_voxels"] = anchors.fluid_voxels
        row["apart"] = float(found["gain_apart"][k])
        row["another_sequence"] = "yes" if found["gain_flagged"][k] else "no"
        rows.append(row | _levels(lake, plan, anchors))
    return pd.DataFrame(rows)


def _levels(lake: Lake, plan: PersonPlan, anchors: Anchors) -> dict[str, float]:
    """Return log medians; where intensities stayed raw, both from the same map."""
    numbers = lake.record(plan.part(QUALITY)) if QUALITY.name in plan.tasks else {}
    calibrated = plan.tasks.get(CALIBRATE.name)
    kept_raw = calibrated is not None and calibrated.settings == CalibrateSettings(kind="none")
    measured = {"white": anchors.white_median, "grey": anchors.grey_median}
    found: dict[str, float] = {}
    for tissue, name in LEVELS.items():
        level = float(np.log(numbers[name])) if numbers.get(name) else float("nan")
        found[f"raw_{tissue}"] = level if kept_raw else measured[tissue]
        found[f"calibrated_{tissue}"] = level + float(np.log(factor_of(plan)))
    return found


def calibration_table(lake: Lake, gain: Task, people: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the protocols.

    Parameters
    ----------
    people : DataFrame
        As `calibration_people` returns.

    Returns
    -------
    DataFrame
        ``protocol``, ``what`` (it is), ``known_from``, ``scans``, ``n_GROUP``, ``another_sequence``
        (scans flagged), the estimates of gain, and the SD within groups of the log ratio (mean of
        white and grey matter), raw and calibrated, with their ratio.
    """
    persons = np.array([one.person for one in gain.settings_as(GainSettings).people])
    rows = []
    for number, protocol in enumerate(lake.record(gain.part)["protocols"]):
        here = (people["protocol"] == protocol_name(number)).to_numpy()
        own = people[here]
        row = {"protocol": protocol["name"], "what": protocol["what"]}
        row |= {"known_from": _known_from(protocol), "scans": int(here.sum())}
        row |= {f"n_{g}": int((own["group"] == g).sum()) for g in people["group"].unique()}
        row["another_sequence"] = int((own["another_sequence"] == "yes").sum())
        row |= {name: protocol[name] for name in ESTIMATED}
        rows.append(row | _spreads(own, persons[here].tolist()))
    return pd.DataFrame(rows)


def _known_from(protocol: dict[str, Any]) -> str:
    if protocol["by_column"]:
        return "cohort.protocol_column"
    return "headers" if protocol["from_headers"] else "voxel sizes alone"


def _spreads(own: pd.DataFrame, persons: Sequence[str]) -> dict[str, float]:
    """Compute the SD within a protocol, with and without calibration."""
    kept = (own["another_sequence"] == "no").to_numpy()
    rows = own[kept]
    labels = [person for person, one in zip(persons, kept, strict=True) if one]
    groups = rows["group"].tolist()
    raw, calibrated = (
        _spread(rows[[f"{kind}_white", f"{kind}_grey"]].mean(axis=1), groups, labels)
        for kind in ("raw", "calibrated")
    )
    quotient = calibrated / raw if raw > 0 else float("nan")
    return {"raw_sd": raw, "calibrated_sd": calibrated, "calibrated_over_raw": quotient}


def _spread(values: pd.Series[float], groups: Sequence[str], labels: Sequence[str]) -> float:
    logs = np.asarray(values, np.float64)
    known = np.isfinite(logs)
    if not known.any():
        return float("nan")
    chosen = [(g, w) for g, w, one in zip(groups, labels, known, strict=True) if one]
    own = ([group for group, _ in chosen], [person for _, person in chosen])
    sums, dof = within_groups(logs[known], np.zeros(len(chosen)), *own)
    return spread(sums, dof, 0.0)
