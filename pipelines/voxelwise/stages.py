"""The stages that read the maps of many people by runs."""

from __future__ import annotations

from rt1t2_dask.pipelines.engine.resources import Effort, Shapes
from rt1t2_dask.pipelines.engine.settings import NoSettings
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.stages import OUTPUT, TEMPLATE_OUT
from rt1t2_dask.pipelines.voxelwise import sums
from rt1t2_dask.pipelines.voxelwise.blocks import BLOCK_BYTES
from rt1t2_dask.pipelines.voxelwise.runs import MOST_TOGETHER

MAPS = (
    Role("row", ("smooth", "harmonised"), many=True),
    Role("partner", ("smooth", "harmonised"), many=True, optional=True),
)
BASE_BYTES, ROW_BYTES, TEMPORARIES, NEIGHBOURS = 480 * 2**20, 10_000, 2, 20


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
STAGES = (SUMS, TOTAL)
