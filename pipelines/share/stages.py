"""The stages of sums: those that a site hands on, and a contrast of all sites' sums.

CPU seconds of the sums to hand on were measured with 29 people; those of `pooled` at 5 mm
(`benchmarks/sites.py`), and finer grids in the proportions of `contrast`.
"""

from __future__ import annotations

from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings
from rt1t2_dask.pipelines.contrasts.peaks import BRAIN
from rt1t2_dask.pipelines.engine.resources import Effort, Shapes, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.stages import OUTPUT, TEMPLATE_OUT
from rt1t2_dask.pipelines.share import block, cells, differences, patterns, pooled, sums
from rt1t2_dask.pipelines.share.voxels import VoxelSettings, together
from rt1t2_dask.pipelines.voxelwise.blocks import BLOCK_BYTES, FLOAT_BYTES
from rt1t2_dask.pipelines.voxelwise.runs import block_count
from rt1t2_dask.pipelines.voxelwise.stages import BASE_BYTES, NEIGHBOURS, ROW_BYTES

MAPS = (Role("row", ("smooth",), many=True), TEMPLATE_OUT)
CELLS = Role("cells", ("share_cells",))
COPIES, CHUNK_VOXELS, PAIRS = 3, 60**3, 6
COMMON_PATTERNS, PATTERN_BYTES = 20_000, 250


def _arrays(columns: int) -> int:
    """Return how many sums a voxel has at most, as groups and covariates share the columns."""
    return (columns + 2) ** 2 // 4 + 1


def block_bytes(shapes: Shapes) -> float:
    """Estimate the peak memory of a share of the voxels; measured 0.51 GB at 1 mm, 29 people."""
    n, voxels = shapes.people, int(shapes.voxels[BRAIN])
    own = voxels // block_count(together(n), voxels) + CHUNK_VOXELS
    data = min(BLOCK_BYTES, FLOAT_BYTES * together(n) * min(voxels, CHUNK_VOXELS))
    found = 2 * 8 * min(own, voxels) * _arrays(shapes.columns)
    return BASE_BYTES + ROW_BYTES * n + COPIES * data + found


def cells_bytes(shapes: Shapes) -> float:
    """Estimate the peak memory of the division into cells, were all voxels' patterns different."""
    n, voxels = shapes.people, int(shapes.voxels[BRAIN])
    tally, common = voxels * (n // 8 + PATTERN_BYTES), min(voxels, COMMON_PATTERNS) * n
    return BASE_BYTES + tally + (1 + 2 * 8) * common + 4 * 8 * n**2


def differences_bytes(shapes: Shapes) -> float:
    """Estimate the peak memory of a run's differences; measured 0.67 GB at 1 mm."""
    return BASE_BYTES + 8 * NEIGHBOURS * shapes.voxels[BRAIN]


def share_bytes(shapes: Shapes) -> float:
    """Estimate the peak memory of putting the sums together; measured 1.0 GB at 1 mm."""
    held = _arrays(shapes.columns) + PAIRS * shapes.columns / 2
    voxels = shapes.voxels[BRAIN]
    return BASE_BYTES + ROW_BYTES * shapes.people + 8 * voxels * (2 * held + 2 * PAIRS)


SHARE = Stage(
    name="share",
    make=sums.make,
    scope="cohort",
    words="sums of a site",
    settings=sums.ShareSettings,
    reads=(
        *MAPS,
        Role("parcels", many=True),
        CELLS,
        Role("block", ("share_block",), many=True),
        Role("differences", ("share_differences",), many=True),
    ),
    memory=share_bytes,
    cpu=Effort((0.8, 1.5, 7.0), OUTPUT),
    writes={OUTPUT: 12},
    follows=("gain",),
)
SHARE_PATTERNS = Stage(
    name="share_patterns",
    make=patterns.make,
    scope="block",
    words="who is measured where",
    settings=VoxelSettings,
    reads=MAPS,
    memory=block_bytes,
    cpu=Effort((0.8, 2.0, 4.5), OUTPUT),
    writes={OUTPUT: 1},
    shown_as=SHARE.name,
    follows=("gain",),
)
SHARE_CELLS = Stage(
    name="share_cells",
    make=cells.make,
    scope="cohort",
    words="cells of people",
    settings=cells.CellSettings,
    reads=(Role("patterns", ("share_patterns",), many=True),),
    memory=cells_bytes,
    cpu=Effort((0.2,)),
    writes={},
    shown_as=SHARE.name,
)
SHARE_BLOCK = Stage(
    name="share_block",
    make=block.make,
    scope="block",
    words="sums by cell",
    settings=block.BlockSettings,
    reads=(*MAPS, CELLS),
    memory=block_bytes,
    cpu=Effort((0.8, 2.0, 4.0), OUTPUT),
    writes={OUTPUT: 3},
    shown_as=SHARE.name,
    follows=("gain",),
)
SHARE_DIFFERENCES = Stage(
    name="share_differences",
    make=differences.make,
    scope="block",
    words="differences of neighbours",
    settings=ScaleSettings,
    reads=MAPS,
    memory=differences_bytes,
    cpu=Effort((0.7, 1.3, 6.4), OUTPUT),
    writes={OUTPUT: 3},
    shown_as=SHARE.name,
    follows=("gain",),
)
POOLED = Stage(
    name="pooled",
    make=pooled.make,
    scope="cohort",
    words="contrast of sums",
    settings=pooled.PooledSettings,
    reads=(),
    memory=Whole(2.0),
    cpu=Effort((0.2, 0.5, 3.0), OUTPUT),
    writes={OUTPUT: 10},
    assets=(ATLAS,),
)
STAGES = (SHARE_PATTERNS, SHARE_CELLS, SHARE_BLOCK, SHARE_DIFFERENCES, SHARE, POOLED)
