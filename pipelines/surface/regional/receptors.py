"""Analysis `surface_receptors`: patients' change over regions of the cortex against PET there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.engine.local_files import local_file
from rt1t2_dask.pipelines.engine.task import InputFile, Task, as_tuple
from rt1t2_dask.pipelines.images.names import GREY, WHITE
from rt1t2_dask.pipelines.images.stages import PARCELS, SMOOTH
from rt1t2_dask.pipelines.receptors.analysis import Receptors
from rt1t2_dask.pipelines.receptors.correlations import PET
from rt1t2_dask.pipelines.receptors.plan import LEAST_REGIONS
from rt1t2_dask.pipelines.receptors.results import ReceptorParts, receptor_rows, region_values
from rt1t2_dask.pipelines.surface.regional.analysis import SurfaceRegions
from rt1t2_dask.pipelines.surface.regional.stages import SURFACE_PET, SURFACE_RECEPTORS
from rt1t2_dask.pipelines.surface.template import ASSETS
from rt1t2_dask.receptors.maps import select, shipped_names
from rt1t2_dask.report.cortex.receptors import surface_receptors_section
from rt1t2_dask.storage.parts import Part

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished


@dataclass(frozen=True)
class SurfaceReceptors(Analysis):
    """The receptor correlations of every group of patients on the cortex.

    Parameters
    ----------
    pet : Task or None
        Means of the receptor maps over the regions.
    groups : mapping of str to Task
        By group of patients, or paired contrast.
    """

    pet: Task | None = None
    groups: Mapping[str, Task] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan them as those of the volume; None without these, or without regions."""
        volume, cortex = group.of(Receptors), group.of(SurfaceRegions)
        if volume is None or not volume.groups or cortex is None or not cortex.means:
            return None
        found = len(cortex.regions(group.config).names)
        if found < LEAST_REGIONS:
            return cls(notes=(_too_few(group.config, found),))
        names, files = _found_maps(group.config)
        if not names:
            return cls(notes=(NO_IMAGES,))
        pet = _pet(group.config, cortex, names, files)
        at = _at(group, volume, cortex)
        groups = {
            name: SURFACE_RECEPTORS.task(
                task.settings,
                {"row": tuple(at[p] for p in as_tuple(task.parents["row"])), "pet": pet.part},
            )
            for name, task in volume.groups.items()
        }
        return cls(pet, groups)

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe what is correlated."""
        if config.surface.kind == "none":
            return ""
        return "receptors on the cortex: the maps sampled on its regions, tested as in the volume"

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [*([self.pet] if self.pet else []), *self.groups.values()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of the maps' means and of each group's correlations."""
        if self.pet is None:
            return {}
        own = {name: task.part.key for name, task in self.groups.items()}
        return {"surface_pet": self.pet.part.key, "surface_receptors": own}

    def results(self, study: Finished) -> Results:
        """Return the table of all groups, the values of regions, and the section."""
        if self.pet is None:
            return Results()
        parts = ReceptorParts(self.pet, self.groups)
        rows = receptor_rows(study.lake, parts)
        values = region_values(study.lake, parts)
        return Results(
            {"receptors_surface": rows, "receptors_surface_regions": values},
            sections=(surface_receptors_section(rows, _volume_rows(study)),),
            stages=[SURFACE_PET.name, SURFACE_RECEPTORS.name],
        )


NO_IMAGES = (
    "No receptors on the cortex: the shipped means are of the volume's regions alone; bring the "
    "images with RT1T2_ASSETS, or name your own in receptors.maps."
)


def _too_few(config: Config, found: int) -> str:
    return (
        f"No receptors on the cortex: surface.regions={config.surface.regions} has {found} "
        f"regions; correlations over regions need at least {LEAST_REGIONS}."
    )


def _found_maps(config: Config) -> tuple[list[str], dict[str, InputFile]]:
    """Return the chosen maps whose images are there, and the files of the user's own."""
    asked = config.receptors.maps
    chosen, shipped = select(asked if isinstance(asked, str) else list(asked)), shipped_names()
    files = {n: local_file(n, "receptors.maps") for n in chosen if n not in shipped}
    return [n for n in chosen if n in files or assets.find(f"{PET}{n}")], files


def _pet(
    config: Config, cortex: SurfaceRegions, names: Sequence[str], files: Mapping[str, InputFile]
) -> Task:
    images = [f"{PET}{name}" for name in names if name not in files]
    needed = dict.fromkeys((*cortex.assets, *ASSETS, GREY, WHITE, *images))
    told = {"maps": names, "mesh": config.surface.mesh}
    return SURFACE_PET.task(told, {}, {**files, **cortex.files}, tuple(needed))


def _at(group: Group, volume: Receptors, cortex: SurfaceRegions) -> dict[Part, Part]:
    """Return everybody's means on the cortex, by the part of theirs in the volume."""
    at = dict(cortex.at)
    if volume.regional:
        # receptors.atlas has parts of its own, made of the same smoothed maps.
        by_map = {plan.part(SMOOTH): at[plan.part(PARCELS)] for plan in group.plans}
        at |= {task.part: by_map[one] for task in volume.regional for one in task.sources}
    return at


def _volume_rows(study: Finished) -> pd.DataFrame | None:
    found = study.group.of(Receptors)
    if found is None or found.pet is None:
        return None
    return receptor_rows(study.lake, ReceptorParts(found.pet, found.groups))
