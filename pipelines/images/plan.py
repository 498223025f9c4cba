"""The plan of a study's image half: every part of every person, known before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.chain import chain, up_to
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.engine.task import InputFile, Task
from rt1t2_dask.pipelines.images.brain import brain_settings
from rt1t2_dask.pipelines.images.calibrate import CONTROLS
from rt1t2_dask.pipelines.images.names import SPACE, TEMPLATES
from rt1t2_dask.pipelines.images.normalise import normalise_settings
from rt1t2_dask.pipelines.images.stages import (
    HEAD_STAGE,
    INGEST,
    LANDMARKS,
    MAP,
    PERSON_STAGES,
    RATIO,
    REFERENCE,
    TEMPLATE,
    TEMPLATE_OUT,
    PersonStage,
    asked,
)
from rt1t2_dask.pipelines.people.inputs import Found, find_inputs
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.pipelines.sessions.rows import sessions_of
from rt1t2_dask.pipelines.surface.person_stages import cortex_stages
from rt1t2_dask.pipelines.templates.head import head_assets
from rt1t2_dask.ratio.calibrate import MAPPED
from rt1t2_dask.ratio.reference import check_enough
from rt1t2_dask.storage.parts import Part

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.calibration.plan import PersonGain

# Registration samples the template as it is: one that was resampled before is blurred twice.
TEMPLATE_MM = 1.0
SCAN_STAGES, MAP_STAGES = chain(PERSON_STAGES, INGEST), chain(PERSON_STAGES, MAP)
_UP_TO_LANDMARKS = up_to(SCAN_STAGES, LANDMARKS)
_BEFORE_REFERENCE = {stage.name for stage in _UP_TO_LANDMARKS}


Told = Sequence[tuple[PersonStage, StageSettings]]


def person_stages(config: Config) -> tuple[PersonStage, ...]:
    """Return the stages of every person of a study, in their order."""
    if config.source.ready_made:
        return MAP_STAGES
    found = tuple(own for stage in SCAN_STAGES if (own := asked(stage, config)) is not None)
    return found if config.surface.kind == "none" else (*found, *cortex_stages(config))


@dataclass(frozen=True)
class Failure:
    """One person who could not be processed: where and why."""

    label: str
    stage: str
    reason: str


@dataclass(frozen=True)
class PersonPlan:
    """All tasks of one person, in order, by stage name.

    Parameters
    ----------
    scans : mapping of str to InputFile
        The files read, by role, wherever they lie.
    gain : PersonGain, optional
        Once the study's gains are known.
    """

    person: Person
    tasks: Mapping[str, Task]
    scans: Mapping[str, InputFile] = field(default_factory=dict)
    gain: PersonGain | None = None

    def part(self, stage: Stage | str) -> Part:
        """Return where a stage's result of this person lies."""
        return self.tasks[stage if isinstance(stage, str) else stage.name].part

    @property
    def map(self) -> Part | None:
        """Where the person's ratio map lies; None where it stayed at its site."""
        task = self.tasks.get(RATIO.name) or self.tasks.get(MAP.name)
        return None if task is None else task.part


def rows_of(people: pd.DataFrame, plans: Sequence[PersonPlan]) -> pd.DataFrame:
    """Return the participants' rows of some people, in their order."""
    labels = [plan.person.label for plan in plans]
    return people.set_index("participant_id").loc[labels].reset_index()


@dataclass(frozen=True)
class ImagePlan:
    """The image half of a study.

    Parameters
    ----------
    shared : mapping of str to Task
        Parts that everybody needs, by role: the template and the head.
    people : tuple of PersonPlan
        In the order of the participants table.
    failures : tuple of Failure
        Who has no usable files.
    reference : Task, optional
        The controls' average that calibration maps to (``calibration.reference=controls``).
    """

    shared: Mapping[str, Task]
    people: tuple[PersonPlan, ...]
    failures: tuple[Failure, ...]
    reference: Task | None = None

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        own = [task for plan in self.people for task in plan.tasks.values()]
        if self.reference is None:
            return [*self.shared.values(), *own]
        early = [task for task in own if task.stage in _BEFORE_REFERENCE]
        late = [task for task in own if task.stage not in _BEFORE_REFERENCE]
        return [*self.shared.values(), *early, self.reference, *late]


def plan_images(config: Config, people: pd.DataFrame, found: Found | None = None) -> ImagePlan:
    """Plan every part from scans, or ready-made maps, to smoothed maps.

    Parameters
    ----------
    people : DataFrame
        As `rt1t2_dask.pipelines.people.table.read_people` gives.
    found : Found, optional
        Everybody's files; looked for where left out.
    """
    shared = shared_tasks(config)
    parents = {role: task.part for role, task in shared.items()}
    found = found or find_inputs(config, people)
    groups = dict(zip(people["participant_id"], people["group"], strict=True))
    sessions = sessions_of(people)
    controls = [f for name, f in found.files.items() if groups[name] == config.cohort.reference]
    reference = _reference(config, parents, controls)
    if reference is not None:
        parents[CONTROLS] = reference.part
    told = _told(config, person_stages(config))
    plans = tuple(
        PersonPlan(
            Person(label, groups[label], sessions.get(label, "")),
            _person_tasks(told, parents, files),
            files,
        )
        for label, files in found.files.items()
    )
    failures = tuple(Failure(label, INGEST.name, why) for label, why in found.reasons.items())
    return ImagePlan(shared, plans, failures, reference)


def _reference(
    config: Config, shared: Mapping[str, Part], controls: Sequence[Mapping[str, InputFile]]
) -> Task | None:
    """Plan the average of the controls; their own keys do not depend on it."""
    wanted = config.calibration.reference == "controls" and config.calibration.kind in MAPPED
    if config.source.ready_made or not wanted:
        return None
    check_enough(len(controls))
    told = _told(config, _UP_TO_LANDMARKS)
    made = [_person_tasks(told, shared, files) for files in controls]
    parts = sorted((tasks[LANDMARKS.name].part for tasks in made), key=lambda part: part.key)
    return REFERENCE.task({}, {"control": tuple(parts)})


def check_registration(config: Config) -> None:
    """Look for the template and the registration program before any work.

    Raises
    ------
    UserError
        One of them is missing.
    """
    shared_tasks(config)
    if not config.source.ready_made:
        normalise_settings(config)
        brain_settings(config)


def shared_tasks(config: Config) -> dict[str, Task]:
    """Plan what everybody needs, by role."""
    if config.source.ready_made:
        return {TEMPLATE_OUT.name: _template(SPACE, TEMPLATE_MM)}
    space = _template_space(config)
    return {
        TEMPLATE.name: _template(space, TEMPLATE_MM),
        TEMPLATE_OUT.name: _template(space, config.output_voxel_mm),
        HEAD_STAGE.name: HEAD_STAGE.task({"space": space}, {}, asset_names=head_assets(space)),
    }


def _template_space(config: Config) -> str:
    """Return the space of the output maps where its template can be found, else the chosen one."""
    known = TEMPLATES.get(config.space)
    if known is not None and all(assets.find(name) for name in known.names()):
        return config.space
    return config.template.space


def _template(space: str, voxel_mm: float) -> Task:
    settings = {"space": space, "voxel_mm": voxel_mm}
    return TEMPLATE.task(settings, {}, asset_names=TEMPLATES[space].names())


def _told(config: Config, stages: Sequence[PersonStage]) -> Told:
    """Return every stage with its settings, which are one object for all people."""
    return [(stage, stage.settings_of(config)) for stage in stages]


def _person_tasks(
    told: Told, shared: Mapping[str, Part], files: Mapping[str, InputFile]
) -> dict[str, Task]:
    """Plan the stages of one person, each from those before it and from what everybody reads."""
    made = dict(shared)
    tasks: dict[str, Task] = {}
    for stage, settings in told:
        own = {role: file for role, file in files.items() if role in stage.files}
        task = stage.task(settings, _parents(stage, made), own)
        tasks[stage.name], made[stage.name] = task, task.part
    return tasks


def _parents(stage: Stage, made: Mapping[str, Part]) -> dict[str, Part]:
    """Return what a stage reads of what there is, by its own roles."""
    found: dict[str, Part] = {}
    for role in stage.reads:
        names = (name for name in (role.name, *role.sources) if name in made)
        if there := next(names, None):
            found[role.name] = made[there]
    return found
