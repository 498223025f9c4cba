"""The stages that read the maps of many people by runs."""

from __future__ import annotations

from rt1t2_dask.pipelines.engine.resources import Effort, Shapes
from rt1t2_dask.pipelines.engine.settings import NoSettings
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.stages import OUTPUT, TEMPLATE_OUT
from rt1t2_dask.pipelines.voxelwise import copy, sums
from rt1t2_dask.pipelines.voxelwise.blocks import BLOCK_BYTES, FLOAT_BYTES, VOXELWISE
from rt1t2_dask.pipelines.voxelwise.runs import COPIED_BYTES, MOST_TOGETHER

MAPS = (
    Role("row", ("smooth", "harmonised"), many=True),
    Role("partner", ("smooth", "harmonised"), many=True, optional=True),
)
COVARIATE = tuple(Role(name, ("smooth_shares",), many=True, optional=True) for name in VOXELWISE)
BASE_BYTES, ROW_BYTES, TEMPORARIES, NEIGHBOURS = 480 * 2**20, 10_000, 2, 20
COPIES = 2.5


def sums_bytes(n: int, voxels: int, columns: int) -> int:
    """Estimate the peak memory of the sums over a run of people; measured 0.57 GB at 2 mm."""
    rows = ROW_BYTES * min(n, MOST_TOGETHER)
    return BASE_BYTES + rows + TEMPORARIES * BLOCK_BYTES + 8 * voxels * (4 * columns + NEIGHBOURS)


def _sums_bytes(shapes: Shapes) -> float:
    return sums_bytes(shapes.people, int(shapes.voxels[OUTPUT]) // 4, shapes.columns)


SUMS = Stage(
    name="sums",
    make=sums.make,
    scope="block",
    words="sums over people",
    settings=sums.SumSettings,
    reads=(*MAPS, TEMPLATE_OUT),
    memory=_sums_bytes,
    cpu=Effort((0.4, 1.5, 9.0), OUTPUT),
    writes={OUTPUT: 8},
    follows=("gain",),
)
TOTAL = Stage(
    name="sums_total",
    make=sums.total,
    scope="block",
    words="sums of several runs",
    settings=NoSettings,
    reads=(Role("sums", ("sums", "sums_total"), many=True),),
    memory=_sums_bytes,
    cpu=Effort((0.3, 1.0, 6.0), OUTPUT),
    writes={OUTPUT: 8},
)


def _copy_bytes(shapes: Shapes) -> float:
    return BASE_BYTES + COPIES * FLOAT_BYTES * MOST_TOGETHER * min(
        shapes.voxels[OUTPUT] / 4, COPIED_BYTES / (FLOAT_BYTES * MOST_TOGETHER)
    )


BLOCK_COPY = Stage(
    name="block_copy",
    make=copy.make,
    scope="block",
    words="copy of maps by voxel",
    settings=copy.CopySettings,
    reads=(*MAPS, TEMPLATE_OUT),
    memory=_copy_bytes,
    cpu=Effort((1.0, 8.0, 60.0), OUTPUT),
    writes={OUTPUT: 25},
    follows=("gain",),
)
STAGES = (SUMS, TOTAL, BLOCK_COPY)
