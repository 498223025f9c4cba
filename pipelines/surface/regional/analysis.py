"""Analysis `surface_regions`: everybody's regional means on the cortex, and contrasts of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from rt1t2_dask.config.study import Config
from rt1t2_dask.config.surface import DESIKAN
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.regional import TABLE, RegionSettings
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import InputFile, Parents, Task, keys_by_stage
from rt1t2_dask.pipelines.images.stages import PARCELS
from rt1t2_dask.pipelines.regions.analysis import means_table
from rt1t2_dask.pipelines.surface.person_stages import SURFACE
from rt1t2_dask.pipelines.surface.regional.stages import REGION_CONTRAST, REGIONS
from rt1t2_dask.pipelines.surface.regions import desikan as desikan_on
from rt1t2_dask.pipelines.surface.regions import (
    has_regions,
    own_regions,
    region_assets,
    region_files,
)
from rt1t2_dask.pipelines.surface.template import mesh_words
from rt1t2_dask.report.cortex.regions import regions_section
from rt1t2_dask.storage.parts import Part
from rt1t2_dask.surface.parcellation import Parcellation

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

WITHOUT = (
    "No regions of the cortex: put atlas-desikankilliany_1mm_MNI152.nii.gz into a folder of "
    "RT1T2_ASSETS, or name your own with surface.regions."
)


@dataclass(frozen=True)
class SurfaceRegions(Analysis):
    """Means over regions of the cortex, and contrasts of them.

    Parameters
    ----------
    means : tuple of Task
        One a person, in the order of the study's plans.
    contrasts : mapping of str to Task
    files : mapping of str to InputFile
        Of the user's regions, by role.
    assets : tuple of str
        What regions and mesh are read from.
    at : mapping of Part to Part
        Everybody's means, by the part of their means over the volume's regions.
    """

    means: tuple[Task, ...] = ()
    contrasts: Mapping[str, Task] = field(default_factory=dict)
    files: Mapping[str, InputFile] = field(default_factory=dict)
    assets: tuple[str, ...] = ()
    at: Mapping[Part, Part] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan them; None with surface=none.

        Raises
        ------
        UserError
            The user's regions cannot be used.
        """
        config = group.config
        if config.surface.kind == "none" or not group.plans:
            return None
        if not has_regions(config):
            return cls(notes=(WITHOUT,))
        files, names = region_files(config), region_assets(config)
        if files:
            own_regions(files, config.surface.mesh)
        told = {"mesh": config.surface.mesh}
        means = tuple(
            REGIONS.task(told, {"surface": plan.part(SURFACE)}, files, names)
            for plan in group.plans
        )
        at = {p.part(PARCELS): task.part for p, task in zip(group.plans, means, strict=True)}
        contrasts = {
            name: REGION_CONTRAST.task(*_contrast(own, at, told), files, names)
            for name, own in contrasts_of(group).items()
        }
        return cls(means, contrasts, files, names, at)

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe whose regions are averaged."""
        asked = config.surface
        if asked.kind == "none" or not has_regions(config):
            return ""
        named = "Desikan-Killiany" if asked.regions == DESIKAN else asked.regions
        return f"regions of the cortex: {named}; means by person and contrasts"

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [*self.means, *self.contrasts.values()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of the contrasts' parts."""
        found = {name: keys_by_stage([task]) for name, task in self.contrasts.items()}
        return {"surface_regions": found} if found else {}

    def results(self, study: Finished) -> Results:
        """Return everybody's means, the contrasts, and the section."""
        if not self.means:
            return Results()
        lake, asked = study.lake, study.config.surface
        regions = self.regions(study.config)
        rows = means_table(
            [lake.read(task.part).load() for task in self.means],
            study.plans,
            list(regions.names.values()),
        )
        effects = {n: table_of(lake, t.part, TABLE) for n, t in self.contrasts.items()}
        said = {"Regions": asked.regions, "Mesh": mesh_words(asked.mesh)}
        return Results(
            {"surface_regions": rows}
            | {f"contrast-{n}_surface_regions": own for n, own in effects.items()},
            {"surface_regions": said},
            sections=(regions_section(rows, effects, asked.regions == DESIKAN),),
            stages=[REGIONS.name, *([REGION_CONTRAST.name] if effects else [])],
        )

    def regions(self, config: Config) -> Parcellation:
        """Return the regions themselves."""
        mesh = config.surface.mesh
        return own_regions(self.files, mesh) if self.files else desikan_on(mesh)


def _contrast(
    main: ContrastPlan, at: Mapping[Part, Part], told: Mapping[str, Any]
) -> tuple[dict[str, Any], Parents]:
    """Return settings and parents of a contrast: the rows of the study's, each by its own means."""
    settings = main.parcels.settings_as(RegionSettings).model_dump() | dict(told)
    return settings, {**main.parcels.parents, **main.rows_at(at)}
