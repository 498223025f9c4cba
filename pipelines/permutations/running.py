"""Running estimates of permutation p, logged as batches finish."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.engine.work import Outcome, complete_parts
from rt1t2_dask.pipelines.permutations.data import Memory
from rt1t2_dask.pipelines.permutations.permute import PermuteSettings
from rt1t2_dask.pipelines.permutations.stages import OBSERVED, PERMUTE_BATCH
from rt1t2_dask.storage.parts import Lake, Part

log = logging.getLogger("rt1t2_dask")


class RunningEstimate:
    """Log memory before a test, and p while it runs; called with each outcome."""

    def __init__(self, lake: Lake, config: Config, contrasts: Mapping[str, ContrastPlan]) -> None:
        self.lake, self.config = lake, config
        plans = contrasts.items()
        self.names: Mapping[Part, str] = {t.part: name for name, p in plans for t in p.relabelings}
        self.planned = {
            name: p.permute.settings_as(PermuteSettings).n for name, p in plans if p.permute
        }
        self.done = dict.fromkeys(self.planned, 0)
        self.reached: dict[str, dict[str, int]] = {name: {} for name in self.planned}
        for part in complete_parts(lake, [t for _, p in plans for t in p.relabelings]):
            if part.stage == PERMUTE_BATCH.name:
                self._count(self.names[part], lake.record(part))

    def __call__(self, outcome: Outcome) -> None:
        """Process the outcome of a task."""
        part = outcome.task.part
        if part not in self.names or outcome.reason is not None:
            return
        record = self.lake.record(part)
        if part.stage == OBSERVED.name:
            self._memory(self.names[part], record["rows"], record["voxels"])
        elif part.stage == PERMUTE_BATCH.name and not record["skipped"]:
            self._count(self.names[part], record)
            self._estimate(self.names[part])

    def _memory(self, name: str, rows: int, voxels: int) -> None:
        limit = self.config.cluster.worker_gb * 1e9
        maps = "tfce" in self.config.permute.statistic
        need = Memory(rows, voxels, maps, limit)
        log.info(
            "%s: %d maps of %d voxels, at most %.2f GB per worker, %s",
            name,
            rows,
            voxels,
            need.peak / 1e9,
            "kept in memory" if need.kept else "read in blocks",
        )

    def _count(self, name: str, record: Mapping[str, Any]) -> None:
        self.done[name] += record.get("n", 0)
        known = self.reached[name]
        counts = {k: known.get(k, 0) + n for k, n in record.get("reached", {}).items()}
        self.reached[name] = known | counts

    def _estimate(self, name: str) -> None:
        total = self.done[name]
        text = []
        for statistic, count in self.reached[name].items():
            p = (count + 1) / (total + 1)
            error = "" if self._exact(name) else f" +- {np.sqrt(p * (1 - p) / total):.4f}"
            text.append(f"{statistic} {p:.4f}{error}")
        log.info("%s: %d of %d relabelings, p %s", name, total, self.planned[name], ", ".join(text))

    def _exact(self, name: str) -> bool:
        """Return whether all relabelings are enumerated, so that p has no sampling error."""
        return bool(self.planned[name] < self.config.permute.n)
