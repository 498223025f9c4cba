"""The graph of the run: stages by depth, without redundant edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FlowStep:
    """One stage of the run.

    Parameters
    ----------
    name : str
    reads : tuple of str
        Stages whose results it reads; all are steps of the same flow.
    people : int
        How many people it was made for; 0 for stages of the whole cohort.
    words : str
        What it makes.
    settings : tuple of str
        Sections of the run's settings that are shown beside it, or single keys of them.
    """

    name: str
    reads: tuple[str, ...]
    people: int = 0
    words: str = ""
    settings: tuple[str, ...] = ()


def needed(steps: Sequence[FlowStep]) -> dict[str, tuple[str, ...]]:
    """Return each step's direct sources, without those it also reads through another."""
    reads = {step.name: step.reads for step in steps}
    above = {name: _above(name, reads) for name in reads}
    return {
        name: tuple(s for s in sources if not any(s in above[other] for other in sources))
        for name, sources in reads.items()
    }


def rows(steps: Sequence[FlowStep], most: int) -> list[list[str]]:
    """Lay out steps in rows, each below its inputs and as close as fits.

    Parameters
    ----------
    steps : sequence of FlowStep
        Without cycles.
    most : int
        Steps in a row; at least 1.
    """
    sources = needed(steps)
    row_of: dict[str, int] = {}
    found: list[list[str]] = []
    while len(row_of) < len(sources):
        ready = {n: at for n in sources if (at := _ready(n, sources, row_of)) is not None}
        newest = sorted(ready, key=lambda name: -ready[name])[:most]
        row_of |= dict.fromkeys(newest, len(found))
        found.append(_untangled(newest, sources, found))
    return found


def _ready(
    name: str, sources: Mapping[str, tuple[str, ...]], row_of: Mapping[str, int]
) -> int | None:
    """Return the last row among a step's inputs, -1 for none; None if some are not placed.

    Steps without inputs are placed once the other inputs of one of their readers are.
    """
    if name in row_of:
        return None
    if sources[name]:
        return max(row_of[s] for s in sources[name]) if _all(sources[name], row_of) else None
    beside = [[s for s in read if sources[s]] for read in sources.values() if name in read]
    whole = [max((row_of[s] for s in rest), default=-1) for rest in beside if _all(rest, row_of)]
    return min(whole) if whole else (None if beside else -1)


def _all(names: Sequence[str], row_of: Mapping[str, int]) -> bool:
    return all(name in row_of for name in names)


def _untangled(
    row: list[str], sources: Mapping[str, tuple[str, ...]], above: list[list[str]]
) -> list[str]:
    """Order a row by the columns of its steps' inputs."""
    column = {name: k for one in above for k, name in enumerate(one)}

    def middle(name: str) -> float:
        return sum(column[s] for s in sources[name]) / max(len(sources[name]), 1)

    return sorted(row, key=middle)


def _above(name: str, reads: Mapping[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = list(reads[name])
    while waiting:
        source = waiting.pop()
        if source not in found:
            found.add(source)
            waiting += reads[source]
    return found
