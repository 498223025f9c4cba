"""The plan of a study's image half: every part of every person, known before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.stage import InputFile, Stage, Task
from rt1t2_dask.pipelines.images.bias import BIAS
from rt1t2_dask.pipelines.images.brain import BRAIN, brain_settings
from rt1t2_dask.pipelines.images.calibrate import CALIBRATE, CONTROLS
from rt1t2_dask.pipelines.images.coregister import COREGISTER
from rt1t2_dask.pipelines.images.given_transform import FILE_ROLES
from rt1t2_dask.pipelines.images.head import HEAD_STAGE, head_assets
from rt1t2_dask.pipelines.images.ingest import MAP, SCANS
from rt1t2_dask.pipelines.images.landmarks import LANDMARKS, REFERENCE, TPM
from rt1t2_dask.pipelines.images.names import SPACE, TEMPLATES
from rt1t2_dask.pipelines.images.normalise import NORMALISE, normalise_settings
from rt1t2_dask.pipelines.images.parcels import PARCELS
from rt1t2_dask.pipelines.images.quality import QUALITY
from rt1t2_dask.pipelines.images.ratio import RATIO
from rt1t2_dask.pipelines.images.smooth import SMOOTH
from rt1t2_dask.pipelines.images.template import TEMPLATE
from rt1t2_dask.pipelines.images.tissue import TISSUE
from rt1t2_dask.pipelines.people.inputs import Found, find_inputs
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.ratio.calibrate import MAPPED
from rt1t2_dask.ratio.reference import check_enough
from rt1t2_dask.storage.parts import Part

# Registration samples the template as it is: one that was resampled before is blurred twice.
TEMPLATE_MM = 1.0

# Which stage reads a file, where it is not the first.
READERS = dict.fromkeys(FILE_ROLES, "normalise")

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.calibration.plan import PersonGain

SettingsOf = Callable[[Config], Mapping[str, Any]]


def ingest_settings(config: Config) -> dict[str, Any]:
    """Return the working grid of the T1w and what is checked of the scans."""
    checks = config.checks.model_dump(include={"most_voxel_mm", "contrast"})
    settings = checks | {"t1w_voxel_mm": config.t1w_voxel_mm}
    if config.source.corrected is not None:
        settings["bias_corrected"] = list(config.source.corrected)
    return settings


SCAN_STAGES: tuple[tuple[Stage, SettingsOf], ...] = (
    (SCANS, ingest_settings),
    (COREGISTER, lambda config: config.checks.model_dump(include={"mirrored"})),
    (BIAS, lambda config: {}),
    (BRAIN, brain_settings),
    (NORMALISE, normalise_settings),
    (TISSUE, lambda config: {}),
    (LANDMARKS, lambda config: {}),
    (CALIBRATE, lambda config: {"kind": config.calibration.of_person}),
    (RATIO, lambda config: {}),
    (QUALITY, lambda config: {}),
    (SMOOTH, lambda config: config.smooth.model_dump()),
    (PARCELS, lambda config: {}),
)
MAP_STAGES: tuple[tuple[Stage, SettingsOf], ...] = (
    (
        MAP,
        lambda config: {
            "space": config.space,
            "zero_is_missing": getattr(config.source, "zero_is_missing", "auto"),
        },
    ),
    (SMOOTH, lambda config: config.smooth.model_dump()),
    (PARCELS, lambda config: {}),
)
_UP_TO_LANDMARKS = SCAN_STAGES[: [stage for stage, _ in SCAN_STAGES].index(LANDMARKS) + 1]
_BEFORE_REFERENCE = {stage.name for stage, _ in _UP_TO_LANDMARKS}


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

    def part(self, stage: str) -> Part:
        """Return where a stage's result of this person lies."""
        return self.tasks[stage].part

    @property
    def map(self) -> Part | None:
        """Where the person's ratio map lies; None where it stayed at its site."""
        task = self.tasks.get("ratio") or self.tasks.get("map")
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
    controls = [f for name, f in found.files.items() if groups[name] == config.cohort.reference]
    reference = _reference(config, parents, controls)
    if reference is not None:
        parents[CONTROLS] = reference.part
    plans = tuple(
        PersonPlan(Person(label, groups[label]), _person_tasks(config, parents, files), files)
        for label, files in found.files.items()
    )
    failures = tuple(Failure(label, "ingest", why) for label, why in found.reasons.items())
    return ImagePlan(shared, plans, failures, reference)


def _reference(
    config: Config, shared: Mapping[str, Part], controls: Sequence[Mapping[str, InputFile]]
) -> Task | None:
    """Plan the average of the controls; their own keys do not depend on it."""
    wanted = config.calibration.reference == "controls" and config.calibration.kind in MAPPED
    if config.source.ready_made or not wanted:
        return None
    check_enough(len(controls))
    made = [_person_tasks(config, shared, files, _UP_TO_LANDMARKS) for files in controls]
    parts = sorted((tasks[LANDMARKS.name].part for tasks in made), key=lambda part: part.key)
    return REFERENCE.task({}, {f"control{i:05d}": part for i, part in enumerate(parts)})


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
        return {"template_out": _template(SPACE, TEMPLATE_MM)}
    space = _template_space(config)
    return {
        "template": _template(space, TEMPLATE_MM),
        "template_out": _template(space, config.output_voxel_mm),
        "head": HEAD_STAGE.task({"space": space}, {}, asset_names=head_assets(space)),
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


def _person_tasks(
    config: Config,
    shared: Mapping[str, Part],
    files: Mapping[str, InputFile],
    stages: Sequence[tuple[Stage, SettingsOf]] | None = None,
) -> dict[str, Task]:
    ready_made = config.source.ready_made
    reader = (MAP if ready_made else SCANS).name
    made = dict(shared)
    tasks: dict[str, Task] = {}
    for stage, settings_of in stages or (MAP_STAGES if ready_made else SCAN_STAGES):
        parents = {role: made[role] for role in stage.needs}
        own = {
            role: file for role, file in files.items() if READERS.get(role, reader) == stage.name
        }
        if stage is CALIBRATE and CONTROLS in made:
            parents[CONTROLS] = made[CONTROLS]
        optional = _found(TPM) if stage is LANDMARKS else None
        tasks[stage.name] = stage.task(settings_of(config), parents, own, optional)
        made[stage.name] = tasks[stage.name].part
        if stage is MAP:
            made["ratio"] = made["map"]
    return tasks


def _found(name: str) -> tuple[str, ...]:
    return (name,) if assets.find(name) else ()
