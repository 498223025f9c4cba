"""Analysis `deviation`: each single patient against the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.calibration.group_scale import study_scale
from rt1t2_dask.pipelines.calibration.left_out import exclusion_notes
from rt1t2_dask.pipelines.deviation import results as tables
from rt1t2_dask.pipelines.deviation.design import compared, groups_asked
from rt1t2_dask.pipelines.deviation.files import person_files
from rt1t2_dask.pipelines.deviation.plan import DeviationPlan, plan_deviation
from rt1t2_dask.pipelines.deviation.stages import DEVIATION
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.report.sections.deviation import Compared, deviation_section

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

WHAT = "The deviation of single patients"


@dataclass(frozen=True)
class Deviation(Analysis):
    """The comparison of each patient with the controls; None where the people do not allow it.

    Parameters
    ----------
    made : DeviationPlan or None
    notes : tuple of str
        Who is not compared, and why.
    """

    made: DeviationPlan | None = None
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan it; None where deviation.patients is none.

        Raises
        ------
        UserError
            A covariate is missing for somebody.
        """
        config, asked = group.config, groups_asked(group.config)
        if not asked:
            return None
        group = group.once()
        rows, plans = usable(group.rows, group.plans)
        notes = exclusion_notes(WHAT, group.plans, (config.cohort.reference, *asked))
        found = compared(config, rows, plans)
        if isinstance(found, str):
            return cls(None, (*notes, f"No deviation of single patients: {found}"))
        scale = study_scale(group.plans)
        made = plan_deviation(config, found, plans, group.shared, scale)
        return cls(made, (*notes, *found.notes))

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe whose maps are compared."""
        asked = groups_asked(config)
        against = config.cohort.reference
        return f"each patient of {', '.join(asked)} against the {against}" if asked else ""

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [] if self.made is None else self.made.tasks()

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of the parts, those of patients by label."""
        if self.made is None:
            return {}
        shared = [*self.made.of_controls, self.made.controls, *self.made.blocks]
        own = {label: task.part.key for label, task in self.made.patients.items()}
        return {"deviation": {**keys_by_stage(shared), "patients": own}}

    def results(self, study: Finished) -> Results:
        """Return tables, the section, and each patient's maps and page."""
        if self.made is None:
            return Results()
        lake, parts = study.lake, {n: task.part for n, task in self.made.patients.items()}
        clusters = {label: tables.clusters_of(lake, part) for label, part in parts.items()}
        regions = {label: tables.regions_of(lake, part) for label, part in parts.items()}
        patients = tables.patients_table(lake, self.made)
        controls = tables.controls_table(lake, self.made)
        shown = Compared(
            patients=patients,
            controls=controls,
            groups=_groups(study),
            columns=self.made.compared.names,
            p=study.config.contrast.p,
            extent_mm3=study.config.contrast.extent_mm3,
        )
        return Results(
            tables={
                "deviation": patients,
                "deviation_clusters": tables.stacked(clusters),
                "deviation_regions": tables.stacked(regions),
                "deviation_controls": controls,
            },
            people=person_files(study, self.made, shown, clusters, regions),
            sections=(deviation_section(shown),),
            stages=[DEVIATION.name],
        )


def _groups(study: Finished) -> dict[str, str]:
    people = study.people
    return dict(zip(people["participant_id"], people["group"], strict=True))
