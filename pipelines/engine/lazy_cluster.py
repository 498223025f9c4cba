"""A cluster that starts on demand."""

from __future__ import annotations

from contextlib import ExitStack

from rt1t2_dask.cluster.executors import open_cluster
from rt1t2_dask.cluster.graph import GraphExecutor
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.access import LakeAccess


class LazyCluster:
    """Start the cluster on first use."""

    def __init__(self, config: Config, stack: ExitStack) -> None:
        self._cluster, self._stack = config.cluster, stack
        self._check = LakeAccess(config.storage.url, config.storage.options())
        self._executor: GraphExecutor | None = None

    def __call__(self) -> GraphExecutor:
        """Return the executor."""
        if self._executor is None:
            self._check.mark()
            opened = open_cluster(self._cluster, self._check)
            self._executor = self._stack.enter_context(opened)
        return self._executor
