"""The permutation test of a contrast as tasks: what is observed, batches, and their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rt1t2_dask.config.study import Permute
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.permutations.data import RelabelSettings
from rt1t2_dask.pipelines.permutations.permute import PermuteSettings
from rt1t2_dask.pipelines.permutations.stages import OBSERVED, PERMUTE, PERMUTE_BATCH
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.permutation.blocks import require_method
from rt1t2_dask.stats.permutation.exchange import exchanged, plan
from rt1t2_dask.storage.parts import Part

BATCH = 256
NULL_SETTINGS = ("method", "statistic", "forming_p", "seed", "early_stop")


def permute_tasks(
    permute: Permute,
    design: Design,
    common: Mapping[str, Any],
    parents: Parents,
) -> list[Task]:
    """Plan the relabelings of one contrast; the task that sums them up comes last.

    Parameters
    ----------
    permute : Permute
    design : Design
        Of the contrast.
    common : mapping
        Settings of the contrast: design, variance, minimum numbers, space.
    parents : mapping of str to Part or tuple of Part
        The maps of its rows, and the contrast.

    Raises
    ------
    UserError
        When the design has nothing to exchange, or Smith's method is asked for where each
        group has a variance of its own.
    """
    require_method(permute.method, common["variance"], len(design.groups))
    asked = permute.model_dump(mode="json")
    how = exchanged(design, common["variance"])
    drawn = plan(design, permute.n, permute.seed, method=permute.method, exchange=how)
    settings = dict(common) | {k: asked[k] for k in NULL_SETTINGS}
    settings |= {"exact": drawn.exact, "exchange": how}
    observed = OBSERVED.task(settings, parents)
    batches: list[Task] = []
    for k, first in enumerate(range(0, drawn.n, BATCH)):
        span = {"first": first, "last": min(first + BATCH, drawn.n)}
        before = _parts(batches[: _round_start(k)]) if permute.early_stop else ()
        read = {**parents, "observed": observed.part, "batch": before}
        task = PERMUTE_BATCH.task(settings | span, read)
        batches.append(task)
    summed = PERMUTE.task(
        settings | {"n": drawn.n, "tail": permute.tail},
        {"contrast": parents["contrast"], "observed": observed.part, "batch": _parts(batches)},
    )
    return [observed, *batches, summed]


def _parts(tasks: Sequence[Task]) -> tuple[Part, ...]:
    return tuple(task.part for task in tasks)


def _round_start(k: int) -> int:
    """Return the first batch of the round of a batch: rounds hold 1, 1, 2, 4, 8, ... batches.

    A batch may be left out for what the rounds before reached, never for what its own did: so it
    holds the same whichever worker is first.
    """
    return 1 << (k.bit_length() - 1) if k else 0


def in_one_part(relabelings: Sequence[Task], summed: Task) -> tuple[Task, dict[str, Any]]:
    """Return what a test by the largest statistic is told that makes all relabelings in one part.

    Parameters
    ----------
    relabelings : sequence of Task
        Of the contrast's own test.
    summed : Task
        The task that sums these up.

    Returns
    -------
    observed : Task
        Whose parents and files such a test reads.
    told : dict
        Settings of `RelabelSettings`, and how many relabelings there are.
    """
    observed = next(task for task in relabelings if task.stage == OBSERVED.name)
    told = observed.settings_as(RelabelSettings).model_dump()
    n = summed.settings_as(PermuteSettings).n
    return observed, told | {"statistic": ("max_t",), "early_stop": None, "n": n}
