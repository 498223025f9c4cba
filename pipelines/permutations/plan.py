"""The permutation test of a contrast as tasks: what is observed, batches, and their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rt1t2_dask.config.study import Permute
from rt1t2_dask.pipelines.engine.stage import Task
from rt1t2_dask.pipelines.permutations.batch import OBSERVED, PERMUTE_BATCH, batch_role
from rt1t2_dask.pipelines.permutations.permute import PERMUTE
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
    parents: Mapping[str, Part],
) -> list[Task]:
    """Plan the relabelings of one contrast; the task that sums them up comes last.

    Parameters
    ----------
    permute : Permute
    design : Design
        Of the contrast.
    common : mapping
        Settings of the contrast: design, variance, minimum numbers, space.
    parents : mapping of str to Part
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
        before = _by_role(batches[: _round_start(k)]) if permute.early_stop else {}
        task = PERMUTE_BATCH.task(settings | span, {**parents, "observed": observed.part, **before})
        batches.append(task)
    made = _by_role(batches)
    summed = PERMUTE.task(
        settings | {"n": drawn.n, "tail": permute.tail},
        {"contrast": parents["contrast"], "observed": observed.part, **made},
    )
    return [observed, *batches, summed]


def _by_role(batches: Sequence[Task]) -> dict[str, Part]:
    return {batch_role(k): task.part for k, task in enumerate(batches)}


def _round_start(k: int) -> int:
    """Return the first batch of the round of a batch: rounds hold 1, 1, 2, 4, 8, ... batches.

    A batch may be left out for what the rounds before reached, never for what its own did: so it
    holds the same whichever worker is first.
    """
    return 1 << (k.bit_length() - 1) if k else 0
