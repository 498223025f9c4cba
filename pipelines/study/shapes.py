"""Image sizes predicted from the settings of a study, or read from its headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rt1t2_dask.config.study import Config
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.contrasts.memory import BRAIN_MM3, TEMPLATE_MM3
from rt1t2_dask.pipelines.contrasts.peaks import BRAIN, VARIANCE
from rt1t2_dask.pipelines.engine.resources import Shapes
from rt1t2_dask.pipelines.images.stages import FIELD, OUTPUT, SCANS
from rt1t2_dask.pipelines.permutations.stages import WHOLE_MAPS, WORKER_BYTES

HEAD_MM3 = 240.0 * 280.0 * 250.0


def scan_voxel_mm(config: Config) -> float:
    """Return the voxel size in mm at which scans are worked on."""
    if config.t1w_voxel_mm is not None:
        return config.t1w_voxel_mm
    return config.source.grid_mm or 1.0


def shapes_of(config: Config, people: int = 0) -> Shapes:
    """Return the sizes predicted from the settings, for a head of 240 x 280 x 250 mm.

    Parameters
    ----------
    people : int
        Whom a group stage reads.
    """
    voxel_mm = {
        SCANS: scan_voxel_mm(config),
        FIELD: config.registration_voxel_mm,
        OUTPUT: config.output_voxel_mm,
        BRAIN: config.output_voxel_mm,
    }
    mm3 = {SCANS: 2 * HEAD_MM3, FIELD: TEMPLATE_MM3, OUTPUT: TEMPLATE_MM3, BRAIN: BRAIN_MM3}
    return Shapes(
        voxels={kind: mm3[kind] / edge**3 for kind, edge in voxel_mm.items()},
        voxel_mm=voxel_mm,
        people=people,
        columns=len(config.cohort.groups) + len(config.cohort.columns),
        options={
            VARIANCE: config.contrast.variance,
            WHOLE_MAPS: "tfce" in config.permute.statistic,
            WORKER_BYTES: config.cluster.worker_gb * 1e9,
        },
    )


def shapes_of_grids(config: Config, grids: Mapping[str, Grid]) -> Shapes:
    """Return the sizes that the headers of a person's images show, by role.

    A ready-made map counts as a template of as many voxels, since these decide what it takes.
    """
    predicted = shapes_of(config)
    if "map" in grids:
        voxels = float(np.prod(grids["map"].shape))
        edge = float(np.cbrt(TEMPLATE_MM3 / voxels))
        return replace(
            predicted,
            voxels={OUTPUT: voxels},
            voxel_mm={**predicted.voxel_mm, OUTPUT: edge, BRAIN: edge},
        )
    if not {"t1w", "t2w"} <= set(grids):
        return predicted
    scans = _working(config, grids["t1w"]) + float(np.prod(grids["t2w"].shape))
    return replace(predicted, voxels={**predicted.voxels, SCANS: scans})


def _working(config: Config, t1w: Grid) -> float:
    """Voxels of the T1w as it is or on its working grid, whichever is more."""
    own = float(np.prod(t1w.shape))
    if config.t1w_voxel_mm is None:
        return own
    return max(own, own * float(np.prod(t1w.voxel_mm)) / config.t1w_voxel_mm**3)
