"""Source `simulated`: each person's files are written once, whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, ClassVar

import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.bids import participants as bids
from rt1t2_dask.bids.files import Wanted, scans
from rt1t2_dask.cluster.graph import SerialExecutor
from rt1t2_dask.config.study import Cohort, SimulatedSource
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.code import code_version
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.images.names import GREY, T1, WHITE
from rt1t2_dask.pipelines.people.bids import by_role, passed_over
from rt1t2_dask.pipelines.people.inputs import Found
from rt1t2_dask.pipelines.people.kinds import SESSION
from rt1t2_dask.pipelines.people.simulated_heads import (
    group_specs,
    is_whole,
    seal,
    template_head,
)
from rt1t2_dask.pipelines.people.source import Chosen, Row, Source
from rt1t2_dask.pipelines.sessions.rows import row_label, with_rows
from rt1t2_dask.pipelines.surface.simulated import (
    expected_surfaces,
    missing_surfaces,
    write_surfaces,
)
from rt1t2_dask.simulate import bids_layout, cohort
from rt1t2_dask.simulate.cohort import GroupSpec
from rt1t2_dask.simulate.scanner import Scanner
from rt1t2_dask.storage.keys import checksum, digest
from rt1t2_dask.storage.stores import Store, open_store

CODE = ("rt1t2_dask.simulate.bids_layout", "rt1t2_dask.simulate.cohort")
LESION = "label-lesion_mask"


class Simulated(Source[SimulatedSource]):
    """Simulated heads, written when a study first asks for them."""

    columns: ClassVar[tuple[str, ...]] = ()
    listed: ClassVar[bool] = False

    def missing(self) -> int:
        """Count the people whose scans are yet to be simulated."""
        return len(missing_people(self.settings, self.config.cohort, self.store)) + len(
            missing_surfaces(self.config, self.store)
        )

    def write_missing(self, executor: Executor | None = None) -> None:
        """Simulate them."""
        executor = executor or SerialExecutor()
        write_people(executor, self.settings, self.config.cohort, self.options)
        write_surfaces(executor, self.config, self.store)

    def predicted(self) -> tuple[pd.DataFrame, Found]:
        """Return the participants and the files that the simulation will write."""
        rows, found = expected(self.settings, self.config.cohort)
        surfaces = expected_surfaces(self.config)
        files = {label: own | surfaces.get(label, {}) for label, own in found.files.items()}
        return rows, replace(found, files=files)

    def choose(self, row: Row, top: Collection[str]) -> tuple[Chosen, tuple[str, ...]]:
        """Choose a person's scans and lesion mask."""
        label, session = row["participant_id"], row.get(SESSION)
        folder = f"ses-{session}" if session else "anat"
        paths = list(self.store.list(f"{label}/{folder}/"))
        found = scans(paths, [], Wanted(), given={})
        return by_role(found), passed_over(found, {})


def missing_people(source: SimulatedSource, study: Cohort, store: Store) -> dict[str, str]:
    """Find people without a complete set of files.

    Returns
    -------
    dict of str to str
        Participant ID, with its session where there are several, to the key of the files to write.

    Raises
    ------
    UserError
        The cohort has a group that the source does not simulate.
    """
    specs = group_specs(source)
    missing = {}
    for value in study.groups.values():
        if value not in specs:
            raise UserError(
                f"source=simulated has no group {value}; it has {', '.join(specs)}. "
                f"Set source.groups.{value} or use your own scans: source=bids source.root=DIR."
            )
        for label, (person, session) in _scanned(source, specs[value]).items():
            key = _key(source, specs[value], person, session)
            if not is_whole(store, label, key):
                missing[label] = key
    return missing


def _scanned(source: SimulatedSource, spec: GroupSpec) -> dict[str, tuple[str, str]]:
    """Return person and session of every scan of a group, by label; no session where one each."""
    people = cohort.participant_ids(spec)
    if not source.sessions:
        return {person: (person, "") for person in people}
    return {row_label(p, session): (p, session) for p in people for session in source.sessions}


def expected(source: SimulatedSource, study: Cohort) -> tuple[pd.DataFrame, Found]:
    """Return the participants table, as text, and the files that the simulation will write."""
    specs = group_specs(source)
    wanted = {value: specs[value] for value in study.groups.values()}
    rows = cohort.people(wanted, source.seed).astype(str)
    files = {
        label: _files(source, spec, *of)
        for spec in wanted.values()
        for label, of in _scanned(source, spec).items()
    }
    if source.sessions:
        rows = with_rows(rows, dict.fromkeys(rows["participant_id"], source.sessions))
    return rows, Found(files, {})


def _files(
    source: SimulatedSource, spec: GroupSpec, person: str, session: str
) -> dict[str, InputFile]:
    names = {"t1w": "T1w", "t2w": "T2w"} | ({"lesion": LESION} if spec.lesions else {})
    stem = bids_layout.stem_of
    paths = {role: f"{stem(person, session, name)}.nii.gz" for role, name in names.items()}
    key = _key(source, spec, person, session)
    return {r: InputFile(source.root, path, digest([key, path])) for r, path in paths.items()}


def write_people(
    executor: Executor, source: SimulatedSource, study: Cohort, options: Mapping[str, Any]
) -> int:
    """Simulate missing people, and mark the dataset as simulated.

    Returns
    -------
    int
        Number of people simulated.
    """
    store = open_store(source.root, options)
    missing = missing_people(source, study, store)
    specs = group_specs(source)
    everybody = cohort.people(specs, source.seed)
    of = {
        label: (spec, *each)
        for spec in specs.values()
        for label, each in _scanned(source, spec).items()
    }
    waiting = [
        executor.submit(_write_person, store, label, of[label], source, key)
        for label, key in missing.items()
    ]
    for future in waiting:
        future.result()
    _describe(store, everybody[everybody["group"].isin(study.groups.values())], source.seed)
    return len(missing)


def _describe(store: Store, people: pd.DataFrame, seed: int) -> None:
    """Write the dataset's metadata; people of earlier cohorts stay in the table."""
    if store.exists("participants.tsv"):
        known = bids.participants(store.read("participants.tsv"), "participants.tsv")
        people = pd.concat([known, people.astype(str)]).drop_duplicates("participant_id")
    people = people.sort_values("participant_id", kind="stable")
    for path, content in bids_layout.dataset_files(people, seed):
        if not store.exists(path) or store.read(path) != content:
            store.write(path, content)


def _key(source: SimulatedSource, spec: GroupSpec, label: str, session: str) -> str:
    settings = {
        "label": label,
        "seed": source.seed,
        "voxel_mm": source.voxel_mm,
        "slice_mm": source.slice_mm,
        "effects": spec.effects,
        "lesions": spec.lesions,
        "scanner": source.scanner.model_dump(),
        **({"session": session} if session else {}),
        **({"atrophy_mm": spec.atrophy_mm} if spec.atrophy_mm else {}),
    }
    brain = {name: assets.resolve(name).sha256 for name in (T1, GREY, WHITE)}
    return digest([code_version(CODE), settings, brain])


def _write_person(
    store: Store, label: str, of: tuple[GroupSpec, str, str], source: SimulatedSource, key: str
) -> None:
    head = template_head()
    spec, who, session = of
    person = cohort.simulate_participant(
        head,
        who,
        spec,
        seed=source.seed,
        voxel_mm=source.voxel_mm,
        effects=cohort.paper_effects(head),
        scanner=Scanner(**source.scanner.model_dump()),
        slice_mm=source.slice_mm,
        session=session,
    )
    sealed = {}
    for path, content in bids_layout.participant_files(person, who, session):
        store.write(path, content)
        sealed[path] = checksum(content)
    seal(store, label, key, sealed)
