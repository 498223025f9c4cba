"""Maps as parts of a lake, and stages run on them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.contrasts.stages import CONTRAST, CONTRAST_BLOCK, CONTRAST_COVARIANCE
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.engine.work import make_part
from rt1t2_dask.pipelines.voxelwise.plan import plan_sums, plan_totals
from rt1t2_dask.stats.clusters import smoothness
from rt1t2_dask.storage.parts import Lake, Part

SHAPE = (76, 74, 9)
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
N = 11


def cohort(n: int = N, missing: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    volumes = rng.normal(1.5, 0.1, (n, *SHAPE)).astype(np.float32)
    volumes[rng.random(volumes.shape) < missing] = np.nan
    mask = np.zeros(SHAPE, bool)
    mask[3:70, 2:70, 1:8] = True
    return volumes, mask


class Study:
    """Maps as parts of a lake."""

    def __init__(
        self, folder, volumes: np.ndarray, mask: np.ndarray, partners=(), shares=()
    ) -> None:
        self.lake = Lake(str(folder))
        brain = to_array("brain", Volume(mask.astype(np.uint8), AFFINE))
        template = self._write("template_out", 0, xr.Dataset({"brain": brain}))
        self.parents = {"template_out": template, "row": self._maps(volumes, 1)}
        if len(partners):
            self.parents["partner"] = self._maps(partners, 1000)
        if len(shares):
            held = self._maps(shares, 2000, "smooth_shares", "smoothed_share")
            self.parents["covariate"] = held

    def _maps(
        self, volumes: np.ndarray, first: int, stage: str = "smooth", name: str = "smoothed"
    ) -> tuple[Part, ...]:
        arrays = [to_array(name, Volume(v, AFFINE)) for v in volumes]
        return tuple(
            self._write(stage, first + k, xr.Dataset({name: a})) for k, a in enumerate(arrays)
        )

    def _write(self, stage: str, number: int, dataset: xr.Dataset) -> Part:
        part = Part(stage, f"{number:032x}")
        self.lake.write(part, dataset, record={"negative_share": 0.0})
        return part

    def make(self, tasks) -> tuple[xr.Dataset, dict]:
        """Make parts in their order; return arrays and record of the last."""
        for task in tasks:
            assert make_part(self.lake, task).reason is None
        return self.lake.read(tasks[-1].part).compute(), self.lake.record(tasks[-1].part)

    def by_blocks(self, settings, blocks: int):
        shares = [{**settings, "block": k, "blocks": blocks} for k in range(blocks)]
        pooled = []
        if settings["variance"] == "spm_unequal":
            read = {role: own for role, own in self.parents.items() if role != "covariate"}
            pooled = [CONTRAST_COVARIANCE.task(share, read) for share in shares]
        more = {"covariance": tuple(task.part for task in pooled)} if pooled else {}
        each = [CONTRAST_BLOCK.task(share, {**self.parents, **more}) for share in shares]
        read = {**self.parents, **more, "block": tuple(task.part for task in each)}
        return self.make([*pooled, *each, CONTRAST.task(settings, read)])

    def by_runs(self, settings, model):
        groups = [model.groups.index(label) for label in model.group.tolist()]
        sampled = smoothness.sampled_rows(model.n)
        sums = plan_sums(
            groups, model.matrix.tolist(), {}, self.parents, {}, settings["baseline"], sampled
        )
        totals, last = plan_totals(sums)
        read = {"sums": tuple(task.part for task in last)}
        return self.make([*sums, *totals, CONTRAST.task(settings, read)])
