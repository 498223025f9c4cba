"""Upkeep of a lake: status, verification and garbage collection."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from rt1t2_dask.storage.claims import live_claims, release_dead
from rt1t2_dask.storage.parts import MARKER, Lake, Part
from rt1t2_dask.storage.provenance import FINISHED, list_runs, read_run, run_parts
from rt1t2_dask.storage.stores import Store

DAY_S = 86400.0


@dataclass(frozen=True)
class StageStatus:
    """Contents of a lake for one stage.

    Parameters
    ----------
    stage : str
    complete, incomplete : int
        Parts with and without a completion marker.
    referenced : int
        Complete parts referenced by a run.
    size : int
        Bytes of all objects.
    """

    stage: str
    complete: int
    incomplete: int
    referenced: int
    size: int


@dataclass
class _Held:
    """A part in a listing."""

    complete: bool = False
    size: int = 0
    modified: float = 0.0


@dataclass(frozen=True)
class Collected:
    """Result of garbage collection.

    Parameters
    ----------
    parts : list of Part
    size : int
        Bytes of those parts.
    claimed : list of Part
        Kept because they are claimed.
    young : int
        Kept without a run, since they are younger than was asked.
    half_written : int
        Partial files of killed writers, also removed.
    """

    parts: list[Part]
    size: int
    claimed: list[Part] = field(default_factory=list)
    young: int = 0
    half_written: int = 0


def referenced(lake: Lake) -> set[Part]:
    """Return the parts referenced by any run's document."""
    return _of_runs(lake, list_runs(lake))


def _of_runs(lake: Lake, runs: Iterable[tuple[str, str]]) -> set[Part]:
    documents = (read_run(lake, cohort, run) for cohort, run in runs)
    return {part for document in documents for part in run_parts(document)}


def status(lake: Lake) -> list[StageStatus]:
    """Count parts and bytes of every stage, by one listing of the lake."""
    held, named = _held(lake.store), referenced(lake)
    return [
        _stage_status(stage, {p: h for p, h in held.items() if p.stage == stage}, named)
        for stage in sorted({part.stage for part in held})
    ]


def _stage_status(stage: str, held: dict[Part, _Held], named: set[Part]) -> StageStatus:
    complete = {part for part, what in held.items() if what.complete}
    return StageStatus(
        stage=stage,
        complete=len(complete),
        incomplete=len(held) - len(complete),
        referenced=len(complete & named),
        size=sum(what.size for what in held.values()),
    )


def _held(store: Store) -> dict[Part, _Held]:
    held: dict[Part, _Held] = {}
    for entry in store.entries("parts"):
        part, inside = _part_of(entry.path)
        if part is None:
            continue
        what = held.setdefault(part, _Held())
        what.complete |= not inside
        what.size += entry.size
        what.modified = max(what.modified, entry.modified)
    return held


def _part_of(path: str) -> tuple[Part | None, list[str]]:
    """Return the part that a path belongs to, None for what is none of ours (``.DS_Store``)."""
    _, stage, *names = path.split("/")
    try:
        return Part(stage, names[0].removesuffix(MARKER)), names[1:]
    except (ValueError, IndexError):
        return None, []


def verify(lake: Lake, parts: Iterable[Part] | None = None) -> list[str]:
    """Compare parts with their checksums.

    Parameters
    ----------
    lake : Lake
    parts : iterable of Part, optional
        Default: every complete part of the lake, and every part of a run that has finished.

    Returns
    -------
    list of str
        One line per problem; empty without problems.
    """
    if parts is None:
        parts = _complete(lake) | _of_runs(lake, list_runs(lake, FINISHED))
    return [problem for part in sorted(parts) for problem in lake.verify(part)]


def unmade(lake: Lake) -> set[Part]:
    """Return the parts that runs have planned and not made: they were stopped, or go on."""
    finished = list_runs(lake, FINISHED)
    others = [run for run in list_runs(lake) if run not in finished]
    return _of_runs(lake, others) - _complete(lake) - _of_runs(lake, finished)


def _complete(lake: Lake) -> set[Part]:
    return {part for part, what in _held(lake.store).items() if what.complete}


def gc(lake: Lake, *, older_than_s: float = DAY_S, dry_run: bool = False) -> Collected:
    """Remove parts that are neither referenced by a run nor claimed.

    Parameters
    ----------
    lake : Lake
    older_than_s : float
        Younger parts stay: their run may not be recorded yet.
    dry_run : bool
        Only report what would be removed.

    Returns
    -------
    Collected

    Raises
    ------
    RunError, ValueError
        A run's document is damaged: nothing is removed.
    """
    if not dry_run:
        release_dead(lake.store)
    held, oldest = _held(lake.store), time.time() - older_than_s
    old = sorted(part for part, what in held.items() if what.modified < oldest)
    claimed_names = live_claims(lake.store)
    claimed = [part for part in old if f"{part.stage}/{part.key}" in claimed_names]
    # Read last, so that a run recorded during the listing keeps its parts.
    named = referenced(lake)
    gone = sorted(set(old) - set(claimed) - named)
    young = len(set(held) - set(old) - named)
    size = sum(held[part].size for part in gone)
    if dry_run:
        return Collected(gone, size, claimed, young)
    for part in gone:
        lake.delete(part)
    return Collected(gone, size, claimed, young, lake.store.delete_abandoned(older_than_s))
