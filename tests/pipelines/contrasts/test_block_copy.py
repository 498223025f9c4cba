"""A copy of maps by voxel holds what the maps hold, whatever block is read of it."""

from __future__ import annotations

import numpy as np
import pytest
from maps_in_lake import SHAPE, Study, cohort

from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.voxelwise.blocks import Rows, voxel_blocks
from rt1t2_dask.pipelines.voxelwise.copy import CopiedRows
from rt1t2_dask.pipelines.voxelwise.plan import plan_copy
from rt1t2_dask.pipelines.voxelwise.stages import SUMS

N = 9
RUNS = "rt1t2_dask.pipelines.voxelwise.runs.MOST_TOGETHER"


class _Copies:
    """Inputs of a stage that reads copies."""

    def __init__(self, lake, tasks) -> None:
        self.lake, self.tasks = lake, tasks

    def parts(self, role):
        return tuple(task.part for task in self.tasks)

    def dataset(self, role, k=0):
        return self.lake.read(self.tasks[k].part)

    def record(self, role, k=0):
        return self.lake.record(self.tasks[k].part)


@pytest.mark.heavy
@pytest.mark.parametrize("most", [240, 4])
@pytest.mark.parametrize("shares", [1, 3])
def test_every_block_of_a_copy_is_that_of_the_maps(most, shares, tmp_path, monkeypatch):
    volumes, mask = cohort(N)
    study = Study(tmp_path, volumes, mask)
    monkeypatch.setattr(RUNS, most)
    factors = {"factors": [1.0 + 0.01 * k for k in range(N)], "scale": "log"}
    voxels = shares * 2**28 / (4 * 240) - 1
    tasks = plan_copy(N, factors, study.parents, {}, voxels)
    study.make(tasks)
    zeros = [[0.0]] * N
    settings = {"group": [0] * N, "groups": 1, "matrix": zeros, **factors}
    rows = Rows.open(Inputs(study.lake, SUMS.task(settings, study.parents)))
    copied = CopiedRows.open(_Copies(study.lake, tasks), SHAPE[::-1])
    tested = mask.copy()
    tested[5:20, 10:50, 3:6] = False
    for budget in (10**9, N * 4 * 777):
        for block in voxel_blocks(SHAPE, tested, N, budget):
            np.testing.assert_array_equal(copied.read(block), rows.read(block))
