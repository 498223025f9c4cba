"""A study whose parts are all there, and what its output folder depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, ClassVar

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.analysis import GroupPlan, Results
from rt1t2_dask.pipelines.engine.code import code_version
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import Failure, PersonPlan
from rt1t2_dask.pipelines.people.table import shown
from rt1t2_dask.storage.keys import checksum, digest
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store

WRITER = "rt1t2_dask.pipelines.outputs.write"


@dataclass(frozen=True)
class Finished:
    """A study whose parts are all there; each kind of study writes its own frame round the group.

    Parameters
    ----------
    config : Config
    lake : Lake
    group : GroupPlan
        Its analyses.
    people : DataFrame
        The participants, those who failed included; empty where only sums are known.
    failures : tuple of Failure
    plans : tuple of PersonPlan
        Who is in the group results.
    excluded : tuple of PersonPlan
        Whose maps are there, but who are left out of them.
    template : Task or None
        The brain that maps are shown on, on their grid.
    lost : tuple of str
        What of the analyses that may fail did, and why.
    """

    page: ClassVar[str | None] = "report.html"
    """The report's file; None for studies without one."""

    config: Config
    lake: Lake
    group: GroupPlan
    people: pd.DataFrame = field(default_factory=pd.DataFrame)
    failures: tuple[Failure, ...] = ()
    plans: tuple[PersonPlan, ...] = ()
    excluded: tuple[PersonPlan, ...] = ()
    template: Task | None = None
    lost: tuple[str, ...] = ()

    @property
    def everybody(self) -> tuple[PersonPlan, ...]:
        """Return all whose maps are there, those left out of the group results last."""
        return (*self.plans, *self.excluded)

    @property
    def analysed(self) -> pd.DataFrame:
        """Return the rows of those who are in the group results."""
        labels = [plan.person.label for plan in self.plans]
        return self.people[self.people["participant_id"].isin(labels)]

    @property
    def notes(self) -> list[str]:
        """Return what is not done or was lost, and why."""
        return [*self.group.notes, *self.lost]

    @property
    def simulated(self) -> bool:
        """Whether the data are simulated."""
        return self.config.simulated

    def brain(self) -> Volume:
        """Read the T1w brain that maps are shown on."""
        assert self.template is not None
        return to_volume(self.lake.read(self.template.part)["t1w"])

    def own_tasks(self) -> list[Task]:
        """Return the tasks that belong to single people."""
        return [task for plan in self.everybody for task in plan.tasks.values()]

    def tasks(self) -> list[Task]:
        """Return the tasks whose parts the folder shows."""
        return [*self.group.tasks(), *self.own_tasks()]

    def shows(self) -> list[Any]:
        """Return what the folder shows beside parts, settings and people's rows."""
        return []

    def key(self) -> str:
        """Return the digest of all that the output folder shows, and of the code that writes it."""
        parts = [task.part.key for task in self.tasks()]
        labels = [[p.person.label for p in plans] for plans in (self.plans, self.excluded)]
        failed = [[f.label, f.stage, f.reason] for f in self.failures]
        said = [parts, labels, failed, _cells(self.people), self.shows(), self.notes]
        return digest([said, self.config.science(), _writing_code(self.modules())])

    def modules(self) -> tuple[str, ...]:
        """Name the modules that write the folder; their imports follow from them."""
        writers = [self, *self.group.analyses]
        return tuple(sorted({WRITER, *(type(each).__module__ for each in writers)}))

    def write_dataset(self, store: Store) -> None:
        """Write the files about the whole dataset."""
        raise NotImplementedError

    def write_people(self, executor: Executor, store: Store) -> Mapping[str, Any]:
        """Write everybody's files; return what the report shows of people."""
        return {}

    def write_report(
        self,
        store: Store,
        results: Sequence[Results],
        people: Mapping[str, Any],
        provenance: Mapping[str, Any],
    ) -> None:
        """Write the report, with its figures."""

    def provenance(self) -> dict[str, Any]:
        """Describe where the numbers come from, but for the seconds that were spent."""
        raise NotImplementedError


def study_key(config: Config) -> str:
    """Return the digest of the settings that decide the numbers.

    Of ratings only who is left out does, not who said so, nor in which file.
    """
    science = config.science()
    cohort = {k: v for k, v in science["cohort"].items() if k not in ("ratings", "rated")}
    return digest(science | {"cohort": cohort, "rated_out": sorted(config.cohort.rated_out)})


def _cells(people: pd.DataFrame) -> list[Any]:
    rows = shown(people) if len(people) else people
    return [list(map(str, rows.columns)), [list(map(str, row)) for row in rows.to_numpy(object)]]


def _writing_code(modules: tuple[str, ...]) -> str:
    """Return a digest of the writers, of all that they import here, and of the templates."""
    templates = files("rt1t2_dask.report") / "templates"
    pages = sorted((t.name, checksum(t.read_bytes())) for t in templates.iterdir() if t.is_file())
    return digest([code_version(modules), [list(page) for page in pages]])


def assets_of(tasks: Iterable[Task]) -> list[str]:
    """Name every atlas, template and map that tasks read."""
    return sorted({name for task in tasks for name in task.assets})
