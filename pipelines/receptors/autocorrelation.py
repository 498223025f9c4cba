"""Analysis `autocorrelation`: whether people's regional deviations are as smooth in all groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.receptors.analysis import Receptors
from rt1t2_dask.pipelines.receptors.correlations import ReceptorSettings
from rt1t2_dask.pipelines.receptors.moran import MoranSettings
from rt1t2_dask.pipelines.receptors.plan import first_lists
from rt1t2_dask.pipelines.receptors.stages import AUTOCORRELATION
from rt1t2_dask.report.receptors.autocorrelation import autocorrelation_section
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

COMPARED = ("z", "effect_size")


@dataclass(frozen=True)
class Autocorrelation(Analysis):
    """Moran's I of everybody, by group of patients.

    Parameters
    ----------
    parts : mapping of str to Task
        By group of patients.
    labels : mapping of str to tuple of str
        Of people in the order of the rows of each part.
    reference : str
        The controls.
    """

    parts: Mapping[str, Task]
    labels: Mapping[str, tuple[str, ...]]
    reference: str

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan it; None without patients and controls, or receptors.autocorrelation=false."""
        rules, found = group.config.receptors, group.of(Receptors)
        if not rules.autocorrelation or rules.option not in COMPARED or found is None:
            return None
        once = group.once()
        rows, _ = usable(once.rows, once.plans)
        patients, reference = first_lists(group.config, rows), group.config.cohort.reference
        everybody = rows["participant_id"]
        controls = tuple(everybody[rows["group"] == reference])
        labels = {name: (*everybody.iloc[patients[name]], *controls) for name in found.groups}
        parts = {name: _task(task) for name, task in found.groups.items()}
        return cls(parts, labels, reference) if parts else None

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe what is compared."""
        rules = config.receptors
        if not rules.autocorrelation or rules.option not in COMPARED:
            return ""
        return "spatial autocorrelation (Moran's I) of each person's regions, by group"

    def tasks(self) -> list[Task]:
        """Return the task of each group."""
        return list(self.parts.values())

    def keys(self) -> Mapping[str, Any]:
        """Return the key of each group's part."""
        return {"autocorrelation": {name: task.part.key for name, task in self.parts.items()}}

    def results(self, study: Finished) -> Results:
        """Return everybody's values, the comparison of groups, and the section."""
        people = pd.concat([self._values(study.lake, name) for name in self.parts])
        groups = pd.DataFrame([self._compared(study.lake, name) for name in self.parts])
        n = study.config.receptors.n_permutations
        return Results(
            {"receptors_moran": people, "receptors_moran_groups": groups},
            sections=(autocorrelation_section(groups, n),),
            stages=[AUTOCORRELATION.name],
        )

    def _values(self, lake: Lake, name: str) -> pd.DataFrame:
        moran = lake.read(self.parts[name].part)["moran"].to_numpy()
        patient = self.parts[name].settings_as(MoranSettings).patient
        return pd.DataFrame({
            "compared": name,
            "group": np.where(patient, name, self.reference),
            "participant_id": self.labels[name],
            "moran_i": moran,
        })  # fmt: skip

    def _compared(self, lake: Lake, name: str) -> dict[str, Any]:
        task = self.parts[name]
        record, moran = lake.record(task.part), lake.read(task.part)["moran"].to_numpy()
        patient = np.asarray(task.settings_as(MoranSettings).patient)
        row: dict[str, Any] = {"group": name, "reference": self.reference}
        for side, own in {"": moran[patient], "_reference": moran[~patient]}.items():
            values = pd.Series(own).dropna()
            row |= {f"n{side}": len(values), f"moran_mean{side}": values.mean()}
            row |= {f"moran_sd{side}": values.std()}
        return row | {"difference": record["difference"], "p_permutation": record["p"]}


def _task(receptors: Task) -> Task:
    own = receptors.settings_as(ReceptorSettings).model_dump()
    told = {name: own[name] for name in MoranSettings.model_fields}
    return AUTOCORRELATION.task(told, receptors.parents)
