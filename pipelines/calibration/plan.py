"""The gain of everybody's ratio as a task, and what it means for each person's plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.config.contrasts import Paired
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.calibration.acquisition import scan_facts
from rt1t2_dask.pipelines.calibration.gain import protocol_name
from rt1t2_dask.pipelines.calibration.stages import GAIN
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan, rows_of
from rt1t2_dask.pipelines.images.stages import LANDMARKS
from rt1t2_dask.pipelines.people.kinds import PERSON
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.storage.parts import Lake

EB_GAIN = "eb_gain"


@dataclass(frozen=True)
class PersonGain:
    """What the study knows of the gain of one person's ratio.

    Parameters
    ----------
    factor : float
        The raw ratio times this is the corrected one; exactly 1 where nothing is corrected.
    anchor : float
        Log T1w/T2w of fluid, from its protocol's mean; NaN where it is not known.
    protocol : str
    corrected : bool
        Whether gain is taken out in this protocol.
    flagged : bool
        Fluid, muscle and eyes disagree: another sequence?
    """

    factor: float
    anchor: float
    protocol: str
    corrected: bool
    flagged: bool

    @property
    def usable(self) -> bool:
        """Whether a contrast can hold this person's gain constant."""
        return not self.corrected or (not self.flagged and bool(np.isfinite(self.anchor)))


def gain_task(config: Config, people: pd.DataFrame, plans: Sequence[PersonPlan]) -> Task | None:
    """Plan the gain of a study, whatever its calibration; None where maps came ready-made."""
    if not plans or any(LANDMARKS.name not in plan.tasks for plan in plans):
        return None
    rows = rows_of(people, plans)
    listings: dict[str, list[str]] = {}
    persons = _persons(config, rows)
    described = [
        {
            "group": plan.person.group,
            "person": persons[k],
            "protocol": _named(config, rows, k),
            "facts": scan_facts(plan.scans, listings) | _site(config, rows, k),
        }
        for k, plan in enumerate(plans)
    ]
    return GAIN.task({"people": described}, {"row": tuple(p.part(LANDMARKS) for p in plans)})


def with_gains(lake: Lake, task: Task | None, plans: Sequence[PersonPlan]) -> list[PersonPlan]:
    """Return the plans with everybody's gain, in the task's order, once it is made."""
    if task is None or not lake.is_complete(task.part):
        return list(plans)
    protocols = lake.record(task.part)["protocols"]
    arrays = lake.read(task.part).load()
    columns = ("gain_log", "gain_anchor", "gain_protocol", "gain_flagged")
    gains = [
        PersonGain(
            factor=float(np.exp(-log_gain)),
            anchor=float(anchor),
            protocol=protocol_name(int(number)),
            corrected=protocols[int(number)]["lambda_applied"] > 0,
            flagged=bool(flagged),
        )
        for log_gain, anchor, number, flagged in zip(
            *(arrays[name].to_numpy() for name in columns),
            strict=True,
        )
    ]
    return [replace(plan, gain=gain) for plan, gain in zip(plans, gains, strict=True)]


def _persons(config: Config, rows: pd.DataFrame) -> list[str]:
    """Return who is the same person: by sessions or paired contrasts, else everybody alone."""
    if PERSON in rows:
        return [f"person {person}" for person in pd.factorize(rows[PERSON])[0]]
    columns = {f.pair for f in config.cohort.contrasts.values() if isinstance(f, Paired)}
    if len(columns) != 1:
        return [f"scan {k}" for k in range(len(rows))]
    pairs = rows[COVARIATE + columns.pop()].tolist()
    return [f"scan {k}" if pd.isna(pair) else f"pair {pair}" for k, pair in enumerate(pairs)]


def _named(config: Config, rows: pd.DataFrame, k: int) -> str | None:
    column = config.cohort.protocol_column
    if column is None:
        return None
    value: Any = rows[COVARIATE + column].iloc[k]
    return "n/a" if pd.isna(value) else str(value)


def _site(config: Config, rows: pd.DataFrame, k: int) -> dict[str, str]:
    column = config.cohort.site
    return {} if column is None else {"site": str(rows[COVARIATE + column].iloc[k])}
