"""The comparison of single patients with the controls, as tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.calibration.group_scale import LOG, scale_settings
from rt1t2_dask.pipelines.calibration.map_scale import scale_of
from rt1t2_dask.pipelines.contrasts.memory import brain_voxels
from rt1t2_dask.pipelines.deviation.design import Compared
from rt1t2_dask.pipelines.deviation.stages import BLOCK, CONTROLS, DEVIATION
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS, RATIO, SMOOTH, TEMPLATE_OUT
from rt1t2_dask.pipelines.voxelwise.mask import mask_file
from rt1t2_dask.pipelines.voxelwise.runs import block_count
from rt1t2_dask.stats.deviation import LEAST_OTHERS
from rt1t2_dask.stats.glm.presence import least_people
from rt1t2_dask.storage.parts import Part

MOST_PATIENTS = 16
"""Patients compared by one part: controls are read once for all of them."""


@dataclass(frozen=True)
class DeviationPlan:
    """The parts of the comparison.

    Parameters
    ----------
    compared : Compared
    of_controls : tuple of Task
        Controls left out in turn, by blocks of voxels.
    controls : Task
        What they show, and the smoothness of their residuals.
    blocks : tuple of Task
        Runs of patients, by blocks of voxels.
    patients : mapping of str to Task
        By label.
    """

    compared: Compared
    of_controls: tuple[Task, ...]
    controls: Task
    blocks: tuple[Task, ...]
    patients: Mapping[str, Task]

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [*self.of_controls, self.controls, *self.blocks, *self.patients.values()]


@dataclass(frozen=True)
class _Planning:
    """What every part of the comparison is planned from."""

    config: Config
    compared: Compared
    plans: Sequence[PersonPlan]
    template: Part
    scale: str

    @property
    def least(self) -> int:
        limits = self.config.contrast
        n = len(self.compared.controls)
        asked = least_people(n, limits.min_group_n, limits.min_group_share)
        return max(LEAST_OTHERS, asked)

    @property
    def thresholds(self) -> dict[str, float]:
        limits = self.config.contrast
        return {"p": limits.p, "extent_mm3": limits.extent_mm3}

    def people(self, patients: Sequence[int]) -> list[PersonPlan]:
        """Return the controls, then some patients, by their places among those compared."""
        own = [self.compared.patients[k] for k in patients]
        return [self.plans[k] for k in (*self.compared.controls, *own)]

    def matrix(self, patients: Sequence[int]) -> list[list[float]]:
        theirs = self.compared.of_patients[list(patients)]
        rows: list[list[float]] = np.vstack([self.compared.of_controls, theirs]).tolist()
        return rows

    def blocks(self, patients: Sequence[int]) -> tuple[Task, ...]:
        people = self.people(patients)
        parents: Parents = {
            "row": tuple(own.part(SMOOTH) for own in people),
            TEMPLATE_OUT.name: self.template,
        }
        told = {
            **scale_settings(people, self.scale),
            "matrix": self.matrix(patients),
            "controls": len(self.compared.controls),
            "least": self.least,
            "planned": self.scale if self.scale == LOG else scale_of(self.config).value,
        }
        count, files = block_count(len(people), brain_voxels(self.config)), mask_file(self.config)
        shares = ({**told, "block": k, "blocks": count} for k in range(count))
        return tuple(BLOCK.task(share, parents, files) for share in shares)

    def controls(self, blocks: Sequence[Task]) -> Task:
        parents: Parents = {
            "row": tuple(own.part(SMOOTH) for own in self.people([])),
            TEMPLATE_OUT.name: self.template,
            "block": tuple(task.part for task in blocks),
        }
        told = {"matrix": self.matrix([]), **self.thresholds}
        return CONTROLS.task(told, parents, mask_file(self.config))

    def patient(self, k: int, place: int, blocks: Sequence[Task], controls: Task) -> Task:
        people = self.people([k])
        patient = people[-1]
        lesion = (patient.part(RATIO),) if RATIO.name in patient.tasks else ()
        parents: Parents = {
            "row": (patient.part(SMOOTH),),
            TEMPLATE_OUT.name: self.template,
            "block": tuple(task.part for task in blocks),
            "controls": controls.part,
            "parcels": tuple(own.part(PARCELS) for own in people),
            "lesion": lesion,
        }
        told: dict[str, Any] = {
            **scale_settings(people, self.scale),
            **self.thresholds,
            "place": place,
            "matrix": self.matrix([k]),
            "least": self.least,
            "space": self.config.space,
        }
        return DEVIATION.task(told, parents, mask_file(self.config))


def plan_deviation(
    config: Config,
    found: Compared,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
    scale: str,
) -> DeviationPlan:
    """Plan the comparison of every patient with the controls.

    Parameters
    ----------
    found : Compared
        Who is compared, by place among ``plans``.
    plans : sequence of PersonPlan
    shared : mapping of str to Part
        The template, by role.
    scale : {"ratio", "log"}
        As `study_scale` returns.
    """
    planning = _Planning(config, found, plans, shared[TEMPLATE_OUT.name], scale)
    of_controls = planning.blocks([])
    controls = planning.controls(of_controls)
    blocks: list[Task] = []
    patients: dict[str, Task] = {}
    for start in range(0, len(found.patients), MOST_PATIENTS):
        run = range(start, min(start + MOST_PATIENTS, len(found.patients)))
        own = planning.blocks(run)
        blocks += own
        for place, k in enumerate(run):
            label = plans[found.patients[k]].person.label
            patients[label] = planning.patient(k, place, own, controls)
    return DeviationPlan(found, of_controls, controls, tuple(blocks), patients)
