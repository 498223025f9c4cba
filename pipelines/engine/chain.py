"""Stages in the order in which they read one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rt1t2_dask.pipelines.engine.stage import Stage

S = TypeVar("S", bound=Stage)


def chain(stages: Sequence[S], first: S) -> tuple[S, ...]:
    """Return the stages of a person that follow from the one that reads the files.

    Parameters
    ----------
    stages : sequence of Stage
        Those of one capability; what all of them might read from elsewhere is left out.
    first : Stage
    """
    scope = {stage.name: stage.scope for stage in stages}
    found = [first]
    left = [stage for stage in stages if stage.scope == first.scope and stage != first]

    def ready(stage: S) -> bool:
        there = {one.name for one in found}
        needed = [role for role in stage.reads if not role.optional]
        own = [[s for s in role.sources if scope.get(s) == first.scope] for role in needed]
        return any(own) and all(there & set(names) for names in own if names)

    return _grown(found, left, ready)


def up_to(stages: Sequence[S], last: Stage) -> tuple[S, ...]:
    """Return the stages that one of them needs, with itself, in their order."""
    needed = {last.name}
    for stage in reversed(stages):
        if stage.name in needed:
            needed |= {source for role in stage.reads for source in role.sources}
    return tuple(stage for stage in stages if stage.name in needed)


def _grown(found: list[S], left: list[S], ready: Callable[[S], bool]) -> tuple[S, ...]:
    """Add stages, in their order, as soon as what they read is there."""
    while following := next((stage for stage in left if ready(stage)), None):
        left.remove(following)
        found.append(following)
    return tuple(found)
