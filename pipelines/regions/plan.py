"""Plan the means of people's maps over regions of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rt1t2_dask.atlas import Atlas
from rt1t2_dask.config.steps import RegionSet
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.task import InputFile, Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import SMOOTH
from rt1t2_dask.pipelines.regions.own_atlas import OwnAtlasSettings, own_atlas, region_files
from rt1t2_dask.pipelines.regions.stages import ATLAS_PARCELS


@dataclass(frozen=True)
class OwnRegionSet:
    """Files of a set of regions, and what stages that read them are told."""

    files: Mapping[str, InputFile]
    told: OwnAtlasSettings

    def atlas(self) -> Atlas:
        """Read the regions; raises UserError where they cannot be used."""
        return own_atlas(self.files, self.told)

    def means(self, plan: PersonPlan) -> Task:
        """Plan one person's means."""
        return ATLAS_PARCELS.task(self.told, {"smooth": plan.part(SMOOTH)}, self.files)


def own_regions(setting: str, chosen: RegionSet) -> OwnRegionSet:
    """Return a set of regions by the setting that names it.

    Raises
    ------
    UserError
        A file does not exist.
    """
    name = setting.rpartition(".")[2]
    told = OwnAtlasSettings(setting=setting, name=name)
    return OwnRegionSet(region_files(chosen, setting), told)


def receptor_regions(config: Config) -> OwnRegionSet | None:
    """Return the regions of the receptor analysis; None for the shipped ones.

    Raises
    ------
    UserError
        A file does not exist.
    """
    atlas = config.receptors.atlas
    if isinstance(atlas, str):
        return own_regions(f"regions.{atlas}", config.regions[atlas])
    return None if atlas is None else own_regions("receptors.atlas", atlas)
