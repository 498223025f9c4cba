"""What every worker process is started with: one thread, a quiet Dask, memory by huge pages."""

from __future__ import annotations

import os
import shlex
from typing import Any

ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    ),
    "1",
)

WORKER_ENVIRONMENT = ONE_THREAD | {
    # Huge pages, where the system lends them, take a third off the time in the kernel.
    "GLIBC_TUNABLES": os.environ.get("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
}

# Dask's own intervals cost 15 % of a core while two workers do nothing but wait: it samples
# stacks 100 times a second, event loops 50 times and memory 10 times.
RARELY_LOOK: dict[str, Any] = {
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "2s",
    "distributed.worker.memory.monitor-interval": "250ms",
}
NO_STACKS: dict[str, Any] = {"distributed.worker.profile.enabled": False}
_ENVIRON = "distributed.nanny.pre-spawn-environ"


def dask_settings(watched: bool) -> dict[str, Any]:
    """Return Dask's settings for a scheduler and workers started here.

    Parameters
    ----------
    watched : bool
        Whether a dashboard or performance report shows what workers do: stacks are sampled.

    Notes
    -----
    The environment stands in place of Dask's own, whose trim threshold doubles the CPU of image
    stages by page faults.
    """
    return {_ENVIRON: WORKER_ENVIRONMENT, **RARELY_LOOK, **({} if watched else NO_STACKS)}


def far_environment(watched: bool = False) -> dict[str, str]:
    """Return the same as environment variables, for workers that another program starts."""
    # Variables are merged with Dask's own environment, so its threshold is taken out by name.
    settings = dask_settings(watched) | {_ENVIRON: '{"MALLOC_TRIM_THRESHOLD_": None}'}
    return WORKER_ENVIRONMENT | {_variable(name): str(value) for name, value in settings.items()}


def export_lines(watched: bool = False) -> list[str]:
    """Return the lines of shell that set it."""
    return [f"export {k}={shlex.quote(v)}" for k, v in far_environment(watched).items()]


def _variable(setting: str) -> str:
    return "DASK_" + setting.replace(".", "__").replace("-", "_").upper()
