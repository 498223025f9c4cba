"""Relabelings in batches, until enough of them reached what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rt1t2_dask.stats.clusters.spatial import (
    Placed,
    Relabeled,
    Search,
    merge_relabeled,
    relabel,
    relabel_in_chunks,
)
from rt1t2_dask.stats.permutation.exchange import PermutationPlan
from rt1t2_dask.stats.permutation.null import TIE, p_sequential
from rt1t2_dask.stats.permutation.prepared import identity
from rt1t2_dask.stats.permutation.tails import Tails

BATCH = 256
"""Relabelings between two looks, as many as in a part of the volume's test."""


def relabel_until(
    blocks: Sequence[Placed], plan: PermutationPlan, search: Search, enough: int
) -> tuple[Relabeled, dict[str, float]]:
    """Run relabelings batch by batch; stop after the batch in which every count is reached.

    Parameters
    ----------
    blocks, search
        See :func:`rt1t2_dask.stats.clusters.spatial.relabel`.
    plan : PermutationPlan
    enough : int
        Relabelings that must reach the observed maximum of each statistic, 1 or more.

    Returns
    -------
    Relabeled
        Of the relabelings that were run.
    dict of str to float
        The sequential p of each statistic's maximum (Besag and Clifford 1991, Biometrika 78:301).
    """
    observed = relabel(blocks, identity(plan.participants), search).tails
    tops = {name: float(own.both[0]) for name, own in observed.items()}
    made: list[Relabeled] = []
    for first in range(0, plan.n, BATCH):
        orders = plan.span(first, min(first + BATCH, plan.n))
        made.append(relabel_in_chunks(blocks, orders, search))
        if min(_reached(made, tops).values()) >= enough:
            break
    found = merge_relabeled(made)
    return found, {n: p_sequential(top, found.tails[n].both, enough) for n, top in tops.items()}


def _reached(made: Sequence[Relabeled], tops: Mapping[str, float]) -> dict[str, int]:
    """Count by statistic the relabelings whose maximum is at least the observed one."""

    def count(tails: Tails, top: float) -> int:
        return int(np.count_nonzero(tails.both >= top * TIE))

    return {n: sum(count(one.tails[n], top) for one in made) for n, top in tops.items()}
