"""The stages of a permutation test: what is observed, batches of relabelings, and their sum."""

from __future__ import annotations

from dataclasses import replace

from rt1t2_dask.pipelines.contrasts.peaks import BRAIN
from rt1t2_dask.pipelines.contrasts.stages import FITTED
from rt1t2_dask.pipelines.engine.resources import Effort, Shapes, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.stages import OUTPUT
from rt1t2_dask.pipelines.permutations import batch, permute
from rt1t2_dask.pipelines.permutations.data import Memory, RelabelSettings
from rt1t2_dask.pipelines.voxelwise.stages import COVARIATE, MAPS

WHOLE_MAPS, WORKER_BYTES = "whole_maps", "worker_bytes"
"""Among the options of `Shapes`: whether TFCE needs whole maps, and what a worker may use."""
ROWS = (
    *(replace(role, optional=True) for role in MAPS),
    *COVARIATE,
    Role("copy", ("block_copy",), many=True, optional=True),
)
OBSERVED_ROLE = Role("observed", ("permute_observed",))


def relabel_bytes(shapes: Shapes) -> float:
    """Return the peak memory of relabeling: blocks are as small as it needs."""
    whole, limit = shapes.options[WHOLE_MAPS], shapes.options[WORKER_BYTES]
    return Memory(shapes.people, int(shapes.voxels[BRAIN]), whole, limit).peak


PERMUTE = Stage(
    name="permute",
    make=permute.make,
    scope="cohort",
    words="permutations",
    settings=permute.PermuteSettings,
    reads=(FITTED, OBSERVED_ROLE, Role("batch", ("permute_batch",), many=True)),
    memory=Whole(1.0),
    cpu=Effort((0.3, 0.5, 2.0), OUTPUT),
    writes={OUTPUT: 3},
    config=("permute",),
)
OBSERVED = Stage(
    name="permute_observed",
    make=batch.observe,
    scope="block",
    words="the statistic as observed",
    settings=RelabelSettings,
    reads=(*ROWS, FITTED),
    memory=relabel_bytes,
    cpu=Effort((0.3, 0.5, 2.0), OUTPUT),
    writes={OUTPUT: 2},
    shown_as=PERMUTE.name,
)
PERMUTE_BATCH = Stage(
    name="permute_batch",
    make=batch.relabel_batch,
    scope="block",
    words="a batch of relabelings",
    settings=batch.BatchSettings,
    reads=(
        *ROWS,
        FITTED,
        OBSERVED_ROLE,
        Role("batch", ("permute_batch",), many=True, optional=True),
    ),
    memory=relabel_bytes,
    cpu=Effort((0.3, 5.0, 30.0), OUTPUT),
    writes={OUTPUT: 1},
    shown_as=PERMUTE.name,
)
STAGES = (OBSERVED, PERMUTE_BATCH, PERMUTE)
