"""What an analysis of a group is: how it is planned, and what its parts become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.sessions.once import first_session
from rt1t2_dask.report.content import AssetLike
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.storage.parts import Lake, Part

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.engine.work import Tell
    from rt1t2_dask.pipelines.images.plan import PersonPlan
    from rt1t2_dask.pipelines.outputs.finished import Finished


@dataclass(frozen=True)
class GroupMap:
    """A map of the group, as the output folder names it.

    Parameters
    ----------
    name : str
        Of the contrast.
    stat : str
        What it is, for ``stat-``.
    volume : Volume
    desc : str
        For ``desc-``; empty where there is none.
    """

    name: str
    stat: str
    volume: Volume
    desc: str = ""


@dataclass(frozen=True)
class PersonFile:
    """A file of one person, as the output folder names it.

    Parameters
    ----------
    path : str
        Below the output folder, such as ``sub-01/anat/sub-01_stat-t_statmap.nii.gz``.
    content : bytes
    """

    path: str
    content: bytes


@dataclass(frozen=True)
class Results:
    """What the output folder and the report show of one analysis.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By file name in ``group/``, without ``.tsv``.
    documents : mapping of str to mapping
        By file name in ``group/``, without ``.json``.
    maps : iterable of GroupMap
        Read one by one.
    people : iterable of PersonFile
        Made one by one.
    content : mapping of str to object
        Fields of `rt1t2_dask.report.content.ReportContent`.
    sections : sequence of Section
        Sections of the report, with their methods and limits.
    notes : sequence of str
        What of the results needs an explanation, known only now that they are there.
    stages : sequence of str
        The stages that the methods text and the list of steps name.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    maps: Iterable[GroupMap] = ()
    people: Iterable[PersonFile] = ()
    content: Mapping[str, Any] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    notes: Sequence[str] = ()
    stages: Sequence[str] = ()


class Analysis:
    """Parts of one analysis of a study, and what becomes of them; a base with nothing to add.

    A study holds the analyses of a registry (`rt1t2_dask.pipelines.analyses`), in its order. Each
    is planned from the people and from the analyses before it.
    """

    made_first: ClassVar[bool] = False
    """Whether its parts must be there before the analyses after it are planned."""
    drawn: ClassVar[bool] = True
    """Whether the report draws its parts in the pipeline and lists the assets they read."""

    notes: Sequence[str] = ()
    """What is not done, and why."""

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan it; None where a study does not ask for it.

        Raises
        ------
        UserError
            The settings or the people do not allow it.
        """
        raise NotImplementedError

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe it in one line before the study runs; empty where there is nothing to say."""
        return ""

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        return []

    def targets(self) -> list[Part]:
        """Return the parts that must be there in the end; what only leads to them need not."""
        return [task.part for task in self.tasks()]

    def optional(self) -> set[Part]:
        """Return the parts that may fail without ending the run."""
        return set()

    def people(self, group: Group) -> tuple[PersonPlan, ...]:
        """Return everybody's plans as the analyses after it read them, in the same order."""
        return group.plans

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of its parts for the provenance, nested by what they belong to."""
        return {}

    def shipped(self) -> Sequence[AssetLike]:
        """Return others' data that came with the package as numbers and entered the results."""
        return ()

    def watch(self, lake: Lake, config: Config) -> Tell | None:
        """Return what is told of every part that is made while the group's parts are made."""
        return None

    def lost(self, failed: Mapping[Part, str]) -> list[str]:
        """Return a note on its parts that failed, where it may fail.

        Parameters
        ----------
        failed : mapping of Part to str
            All parts that failed, and why.
        """
        return []

    def results(self, study: Finished) -> Results:
        """Return its tables, maps and sections, read from the lake."""
        return Results()


Registry = Sequence[type[Analysis]]
Kind = TypeVar("Kind", bound=Analysis)


@dataclass(frozen=True)
class Group:
    """The people at hand, and what their analyses are planned from.

    Parameters
    ----------
    config : Config
    lake : Lake
    rows : DataFrame
        The people's rows of the participants table.
    plans : sequence of PersonPlan
        Theirs, in the same order, as the next analysis reads them.
    shared : mapping of str to Part
        Parts that everybody needs, by role: the template.
    planned : tuple of Analysis
        The analyses before.
    predicted : bool
        Whether the people's files are yet to be written (simulated data).
    """

    config: Config
    lake: Lake
    rows: pd.DataFrame
    plans: tuple[PersonPlan, ...]
    shared: Mapping[str, Part] = field(default_factory=dict)
    planned: tuple[Analysis, ...] = ()
    predicted: bool = False

    def of(self, kind: type[Kind]) -> Kind | None:
        """Return the planned analysis of a kind; None where there is none."""
        return next((each for each in self.planned if isinstance(each, kind)), None)

    def once(self) -> Group:
        """Return everybody once: with the first of the sessions that the source lists."""
        rows, plans = first_session(self.config, self.rows, self.plans)
        return replace(self, rows=rows, plans=plans)


@dataclass(frozen=True)
class GroupPlan:
    """All analyses of a study.

    Parameters
    ----------
    analyses : tuple of Analysis
        In the order of the registry.
    people : tuple of PersonPlan
        As the analyses that are made first leave them: with their gains.
    """

    analyses: tuple[Analysis, ...] = ()
    people: tuple[PersonPlan, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What is not done, and why."""
        return [note for each in self.analyses for note in each.notes]

    def of(self, kind: type[Kind]) -> Kind | None:
        """Return the analysis of a kind; None where there is none."""
        return next((each for each in self.analyses if isinstance(each, kind)), None)

    def first(self) -> tuple[Analysis, ...]:
        """Return the analyses whose parts must be there before the others are planned."""
        return tuple(each for each in self.analyses if each.made_first)

    def tasks(self, chosen: Callable[[Analysis], bool] = lambda _: True) -> list[Task]:
        """Return every task of the chosen analyses, parents before children."""
        return [task for each in self.analyses if chosen(each) for task in each.tasks()]


def plan_group(group: Group, registry: Registry, known: Sequence[Analysis] = ()) -> GroupPlan:
    """Plan the analyses of a registry one after another.

    Parameters
    ----------
    group : Group
        Without analyses.
    registry : sequence of type
    known : sequence of Analysis
        Analyses of the same people that are planned already.

    Raises
    ------
    UserError
        The settings or the people do not allow an analysis.
    """
    people = group.plans
    for kind in registry:
        found = next((each for each in known if type(each) is kind), None) or kind.plan(group)
        if found is None:
            continue
        plans = found.people(group)
        people = plans if found.made_first else people
        group = replace(group, plans=plans, planned=(*group.planned, found))
    return GroupPlan(group.planned, people)


def adjusted(group: Group, first: Sequence[Analysis]) -> tuple[PersonPlan, ...]:
    """Return people's plans as analyses that are made first leave them, from what is there."""
    for each in first:
        group = replace(group, plans=each.people(group))
    return group.plans
