"""The memory of a contrast, from the shapes, before anything is read."""

from __future__ import annotations

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.contrasts.peaks import peak_bytes
from rt1t2_dask.stats.design import Design

READY_MADE_MM = 2.0
BRAIN_MM3, TEMPLATE_MM3 = 1.9e6, 197.0 * 233.0 * 189.0


def brain_voxels(config: Config) -> float:
    """Return the number of brain voxels that the settings lead to expect.

    Ready-made maps tell their size too late; most have 2 mm or near it.
    """
    edge = READY_MADE_MM if config.source.ready_made else config.output_voxel_mm
    return BRAIN_MM3 / edge**3


def contrast_bytes(config: Config, n: int, columns: int) -> float:
    """Estimate the peak memory of a contrast from the shapes, before anything is read."""
    mm3 = config.output_voxel_mm**3
    voxels, grid = int(BRAIN_MM3 / mm3), int(TEMPLATE_MM3 / mm3)
    return peak_bytes(n, voxels, grid, columns, config.contrast.variance)


def require_memory(config: Config, design: Design) -> None:
    """Refuse a contrast that a worker has no room for.

    Ready-made maps tell their size too late to be refused.

    Raises
    ------
    UserError
        With what it takes and what ``cluster.memory_gb`` allows.
    """
    limit = config.cluster.memory_gb
    needed = contrast_bytes(config, design.n, design.matrix.shape[1]) / 1e9
    if limit is not None and needed > limit and not config.source.ready_made:
        raise UserError(
            f"a contrast of {design.n} people takes {needed:.1f} GB, more than "
            f"cluster.memory_gb={limit:g}; raise it or take a larger template.voxel_mm."
        )
