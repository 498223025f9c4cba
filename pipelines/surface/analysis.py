"""Analysis `surface`: everybody's ratio on the cortex, and the contrasts on its vertices."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, PersonFile, Results
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS
from rt1t2_dask.pipelines.surface.clusters import TABLE
from rt1t2_dask.pipelines.surface.contrast import SUMMARY
from rt1t2_dask.pipelines.surface.maps import contrast_files, person_files
from rt1t2_dask.pipelines.surface.person_stages import SURFACE, SURFACE_SMOOTH
from rt1t2_dask.pipelines.surface.plan import SurfaceContrast, plan_contrast
from rt1t2_dask.pipelines.surface.profiles import depth_table
from rt1t2_dask.pipelines.surface.section import Found, surface_section
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

PEOPLE = (SURFACE.name, SURFACE_SMOOTH.name)
WORDS = {
    "smriprep": "surfaces of sMRIPrep",
    "freesurfer": "surfaces of FreeSurfer",
    "simulated": "SIMULATED surfaces",
}


@dataclass(frozen=True)
class SurfaceAnalysis(Analysis):
    """Maps of the cortex and what is compared on them.

    Parameters
    ----------
    plans : tuple of PersonPlan
        Everybody's, with their maps of the cortex.
    contrasts : mapping of str to SurfaceContrast
    """

    plans: tuple[PersonPlan, ...]
    contrasts: Mapping[str, SurfaceContrast]

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan it; None with surface=none."""
        config = group.config
        if config.surface.kind == "none" or not group.plans:
            return None
        at = {plan.part(PARCELS): plan.part(SURFACE_SMOOTH) for plan in group.plans}
        main = contrasts_of(group).items()
        planned = {name: plan_contrast(config, own, at) for name, own in main}
        return cls(group.plans, planned)

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe whose surfaces, and what is compared."""
        asked = config.surface
        if asked.kind == "none":
            return ""
        return (
            f"cortex: {WORDS[asked.kind]}, ratio between white and pial on {asked.mesh}, "
            f"smoothed {asked.fwhm_mm:g} mm; contrasts on its vertices"
        )

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [task for each in self.contrasts.values() for task in each.tasks()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of the contrasts' parts by stage."""
        return {"surface": {n: keys_by_stage(own.tasks()) for n, own in self.contrasts.items()}}

    def results(self, study: Finished) -> Results:
        """Return everybody's medians, clusters, maps as GIFTI and CIFTI, and the section."""
        lake, config = study.lake, study.config
        people = self._people(lake)
        clusters = {n: table_of(lake, c.clusters.part, TABLE) for n, c in self.contrasts.items()}
        permuted = {
            name: json.loads(lake.file(own.permute.part, SUMMARY))
            for name, own in self.contrasts.items()
            if own.permute is not None
        }
        depths = depth_table(lake, self.plans, config.surface.depths, config.surface.mesh)
        section = surface_section(
            lake, config, self.plans, self.contrasts, Found(people, clusters, permuted, depths)
        )
        tables = {"surface": people} | ({"surface_depths": depths} if len(depths) else {})
        return Results(
            tables | {f"contrast-{n}_surface": rows for n, rows in clusters.items()},
            {f"contrast-{n}_surface_permutation": said for n, said in permuted.items()},
            people=self._files(lake, config.surface.mesh, study.simulated),
            sections=(section,),
            stages=[*PEOPLE, *dict.fromkeys(task.stage for task in self.tasks())],
        )

    def _people(self, lake: Lake) -> pd.DataFrame:
        return pd.DataFrame(
            [
                {"participant_id": plan.person.label, **lake.record(plan.part(SURFACE))}
                for plan in self.plans
            ]
        )

    def _files(self, lake: Lake, mesh: str, simulated: bool) -> Iterator[PersonFile]:
        for plan in self.plans:
            yield from person_files(lake, plan, mesh, simulated)
        for name, contrast in self.contrasts.items():
            yield from contrast_files(lake, name, contrast, mesh, simulated)
