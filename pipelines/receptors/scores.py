"""Analysis `receptor_scores`: each patient's colocalisation against scores of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.pipelines.receptors.analysis import Receptors
from rt1t2_dask.pipelines.receptors.plan import first_lists
from rt1t2_dask.pipelines.receptors.results import ReceptorParts, map_names
from rt1t2_dask.pipelines.receptors.stages import RECEPTOR_SCORES
from rt1t2_dask.receptors.maps import receptor_of
from rt1t2_dask.report.receptors.scores import scores_section
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

OF_EACH = ("z", "each", "leave_one_out")


@dataclass(frozen=True)
class ReceptorScores(Analysis):
    """Correlations of scores with colocalisation, over the patients of each group.

    Parameters
    ----------
    pet : Task
        Regional means of the receptor maps, which knows their names.
    parts : mapping of (str, str) to Task
        By group of patients and score.
    notes : tuple of str
        Scores that are not correlated, and why.
    """

    pet: Task
    parts: Mapping[tuple[str, str], Task]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan them; None where the cohort names no score or no group is correlated."""
        config, found = group.config, group.of(Receptors)
        names = config.cohort.scores
        if not names or found is None or found.pet is None or not found.groups:
            return None
        if config.receptors.option not in OF_EACH:
            note = (
                f"cohort.scores are not correlated: receptors.option={config.receptors.option} "
                "has no value of each patient; set receptors.option=z."
            )
            return cls(found.pet, {}, (note,))
        once = group.once()
        rows, _ = usable(once.rows, once.plans)
        lists, rules = first_lists(config, rows), config.receptors
        parts = {
            (label, name): RECEPTOR_SCORES.task(
                {
                    "score": _values(rows.iloc[lists[label]], name),
                    "n_permutations": rules.n_permutations,
                    "seed": rules.seed,
                },
                {"receptors": task.part},
            )
            for label, task in found.groups.items()
            for name in names
        }
        return cls(found.pet, parts)

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe which scores are correlated."""
        names = config.cohort.scores
        return f"receptors against the patients' scores: {', '.join(names)}" if names else ""

    def tasks(self) -> list[Task]:
        """Return the task of every group and score."""
        return list(self.parts.values())

    def keys(self) -> Mapping[str, Any]:
        """Return the key of each part."""
        named = {f"{group}-{name}": task for (group, name), task in self.parts.items()}
        return {"receptor_scores": {name: keys_by_stage([t]) for name, t in named.items()}}

    def results(self, study: Finished) -> Results:
        """Return the table of all groups and scores, and the section."""
        if not self.parts:
            return Results()
        receptors = ReceptorParts(self.pet, {})
        rows = self._rows(study.lake, map_names(study.lake, receptors))
        section = scores_section(rows, study.config.receptors.n_permutations)
        return Results(
            {"receptors_scores": rows}, sections=(section,), stages=[RECEPTOR_SCORES.name]
        )

    def _rows(self, lake: Lake, maps: Sequence[str]) -> pd.DataFrame:
        tables = []
        for (group, name), task in self.parts.items():
            arrays = lake.read(task.part).load()
            values = {own: arrays[f"score_{own}"].to_numpy() for own in ("rho", "p", "p_fwe")}
            about = {"group": group, "score": name, "n": lake.record(task.part)["n"]}
            receptor = [receptor_of(one) for one in maps]
            tables.append(pd.DataFrame({"receptor": receptor, "map": maps, **values, **about}))
        found = pd.concat(tables, ignore_index=True)
        found["q"] = benjamini_hochberg(found["p"])
        return found[["group", "score", "receptor", "map", "n", "rho", "p", "q", "p_fwe"]]


def _values(rows: pd.DataFrame, name: str) -> list[float | None]:
    """Return a score of some people; None where it is not a number."""
    numbers = pd.to_numeric(rows[COVARIATE + name], errors="coerce").to_numpy(np.float64)
    return [float(value) if np.isfinite(value) else None for value in numbers]
