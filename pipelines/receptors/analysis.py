"""Analysis `receptors`: patients' maps against the receptor maps, region by region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.calibration.group_scale import study_scale
from rt1t2_dask.pipelines.calibration.left_out import exclusion_notes
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import rows_of
from rt1t2_dask.pipelines.receptors.correlations import (
    GM_PRIOR,
    PET,
    PetSettings,
    ReceptorSettings,
)
from rt1t2_dask.pipelines.receptors.notes import (
    custom_atlas_note,
    custom_maps_note,
    missing_receptors,
    spatial_note,
)
from rt1t2_dask.pipelines.receptors.plan import first_lists, plan_parcels, plan_receptors
from rt1t2_dask.pipelines.receptors.results import (
    ReceptorParts,
    fisher_z_rows,
    receptor_details,
    receptor_rows,
)
from rt1t2_dask.pipelines.sessions.once import first_session
from rt1t2_dask.receptors.maps import select
from rt1t2_dask.receptors.sources import shipped_sources
from rt1t2_dask.report.content import AssetUse

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished


@dataclass(frozen=True)
class Receptors(Analysis):
    """The receptor correlations of every group of patients.

    Parameters
    ----------
    pet : Task or None
        Regional means of the receptor maps.
    groups : mapping of str to Task
        By group of patients.
    regional : tuple of Task
        People's means over the user's own regions.
    notes : tuple of str
        Groups that are not correlated, people who are left out, and why.
    """

    pet: Task | None
    groups: Mapping[str, Task]
    regional: tuple[Task, ...] = ()
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self:
        """Plan the correlations that the people at hand allow, of one session each."""
        group = group.once()
        config = group.config
        said = exclusion_notes("The receptor analysis", group.plans, config.cohort.groups)
        rows, plans = usable(group.rows, group.plans)
        groups, pet, notes = plan_receptors(config, rows, plans, study_scale(group.plans))
        regional = plan_parcels(config, plans) if groups else []
        return cls(pet, groups, tuple(regional), (*said, *notes))

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe the maps, the correlation and its tests."""
        asked = config.receptors
        n = len(select(asked.maps if isinstance(asked.maps, str) else list(asked.maps)))
        return (
            f"receptors: {n} maps, {asked.correlation}, {asked.n_permutations:,} permutations, "
            f"spatial null {asked.spatial}"
        )

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [*self.regional, *([self.pet] if self.pet else []), *self.groups.values()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of the receptor maps' means and of each group's correlations."""
        return {
            "pet": self.pet.part.key if self.pet else None,
            "receptors": {group: task.part.key for group, task in self.groups.items()},
        }

    def shipped(self) -> list[AssetUse]:
        """Return the sources of the maps, and of the grey-matter prior, that ship as means."""
        if self.pet is None or not self.groups:
            return []
        adjusted = (t.settings_as(ReceptorSettings).adjust_gm for t in self.groups.values())
        return shipped_means(self.pet, prior=any(adjusted))

    def results(self, study: Finished) -> Results:
        """Return the table of all groups, what lies beside it, and each patient's values."""
        if self.pet is None:
            return Results()
        config, lake, parts = study.config, study.lake, ReceptorParts(self.pet, self.groups)
        people = _people(study)
        fisher_z = fisher_z_rows(lake, parts, people)
        if not self.groups:
            return Results(content={"fisher_z": fisher_z})
        rows, details = receptor_rows(lake, parts), receptor_details(lake, parts, people)
        return Results(
            tables={"receptors": rows} | {f"receptors_{n}": t for n, t in details.items()},
            content={"receptors": rows, "fisher_z": fisher_z, "receptor_details": details},
            notes=(*_notes(config), *missing_receptors(rows)),
            stages=[task.stage for task in self.groups.values()][:1],
        )


def shipped_means(pet: Task, *, prior: bool) -> list[AssetUse]:
    """Return the sources of the maps whose images were not there, so that shipped means were read.

    Parameters
    ----------
    pet : Task
        Regional means of the receptor maps.
    prior : bool
        Whether the grey-matter prior enters too.
    """
    images = {*pet.files, *(name.removeprefix(PET) for name in pet.assets)}
    read = [*pet.settings_as(PetSettings).maps, *([GM_PRIOR] if prior else [])]
    return [
        AssetUse(f"{own.name} (regional means)", own.licence, own.citation, own.sha256)
        for own in shipped_sources(name for name in read if name not in images)
    ]


def receptors_of(study: Finished) -> pd.DataFrame | None:
    """Return the receptor table of a study; None where it has none."""
    found = study.group.of(Receptors)
    if found is None or found.pet is None or not found.groups:
        return None
    return receptor_rows(study.lake, ReceptorParts(found.pet, found.groups))


def _people(study: Finished) -> dict[str, list[str]]:
    """Return the labels of those who are correlated with the maps, in each analysis."""
    rows = rows_of(study.people, study.plans)
    tested, _ = usable(*first_session(study.config, rows, study.plans))
    own = tested["participant_id"].tolist()
    return {g: [own[k] for k in rows] for g, rows in first_lists(study.config, tested).items()}


def _notes(config: Config) -> list[str]:
    return [spatial_note(config), *custom_maps_note(config), *custom_atlas_note(config)]
