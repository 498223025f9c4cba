"""Analysis `joint contrasts`: contrasts of all sites' people from their sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.analysis import Analysis, GroupMap, Results
from rt1t2_dask.pipelines.contrasts.clusters import PEAKS, TABLE
from rt1t2_dask.pipelines.contrasts.group_maps import statistics
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.contrasts.stages import CLUSTERS
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.share.design import wanted_of
from rt1t2_dask.pipelines.share.files import SiteFile
from rt1t2_dask.pipelines.share.pooled import TABLE as REGIONS
from rt1t2_dask.pipelines.share.stages import POOLED
from rt1t2_dask.sites.joint import build
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

WITHOUT_PEOPLE = (
    "Sums of people allow no permutations, no lesion overlap and no receptor correlations, and one "
    "variance for all groups (contrast.variance=equal): where groups differ in variance and in "
    "number, p are wrong. p of clusters are of random-field theory."
)


@dataclass(frozen=True)
class JointContrast:
    """A contrast's maps and its cluster table."""

    maps: Task
    clusters: Task

    def tables(self, lake: Lake) -> dict[str, pd.DataFrame]:
        """Return its tables, by the end of their names."""
        return {
            "clusters": table_of(lake, self.clusters.part, TABLE),
            "peaks": table_of(lake, self.clusters.part, PEAKS),
            "parcels": table_of(lake, self.maps.part, REGIONS),
        }


@dataclass(frozen=True)
class JointContrasts(Analysis):
    """The contrasts that can be made from sums.

    Parameters
    ----------
    contrasts : mapping of str to JointContrast
    notes : tuple of str
        What cannot be done from sums.
    """

    contrasts: Mapping[str, JointContrast]
    notes: Sequence[str] = ()

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return [task for one in self.contrasts.values() for task in (one.maps, one.clusters)]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of each contrast's parts by stage."""
        own = {n: keys_by_stage([one.maps, one.clusters]) for n, one in self.contrasts.items()}
        return {"contrasts": own}

    def results(self, study: Finished) -> Results:
        """Return tables and maps of every contrast."""
        named = {name: one.tables(study.lake) for name, one in self.contrasts.items()}
        tables = {
            f"contrast-{name}_{label}": rows
            for name, own in named.items()
            for label, rows in own.items()
        }
        return Results(tables, maps=_maps(study.lake, self.contrasts))


def plan_joint(config: Config, files: Sequence[SiteFile]) -> JointContrasts:
    """Plan every contrast that can be made from sums.

    Raises
    ------
    UserError
        A contrast cannot be estimated from the sites' people.
    """
    grams = [one.grams() for one in files]
    planned, notes = {}, [WITHOUT_PEOPLE]
    for name, form in config.cohort.every_contrast().items():
        try:
            wanted = wanted_of(form, tuple(config.cohort.groups), config.site.model != "none")
        except UserError as error:
            notes.append(f"No contrast {name}: {error}")
            continue
        build(grams, wanted)
        settings = {
            "groups": list(wanted.groups),
            "covariates": list(wanted.covariates),
            "contrast": wanted.contrast.tolist(),
            "sites": wanted.sites,
            "reference": config.cohort.reference,
            "min_group_n": config.contrast.min_group_n,
            "min_group_share": config.contrast.min_group_share,
            "space": config.space,
        }
        maps = POOLED.task(settings, {}, {"site": tuple(one.file for one in files)})
        table = {"p": config.contrast.p, "extent_mm3": config.contrast.extent_mm3}
        planned[name] = JointContrast(maps, CLUSTERS.task(table, {"contrast": maps.part}))
    return JointContrasts(planned, tuple(notes))


def _maps(lake: Lake, contrasts: Mapping[str, JointContrast]) -> Iterator[GroupMap]:
    for name, one in contrasts.items():
        main = "t" if lake.record(one.maps.part)["numerator"] is None else "F"
        yield from statistics(name, lake.read(one.maps.part), main)
