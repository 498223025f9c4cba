"""Where the work runs: one executor, whatever the cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from rt1t2_dask.config import Cluster
from rt1t2_dask.errors import UserError

log = logging.getLogger(__name__)

MEMORY_GB_A_WORKER = 3.0
MEMORY_SHARE_OF_MACHINE = 0.8
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
}


class SerialExecutor(Executor):
    """Run each call at once in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call now and give a finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def open_cluster(cluster: Cluster) -> Iterator[Executor]:
    """Give an executor and close it, and what it started, afterwards.

    Parameters
    ----------
    cluster : Cluster
        ``kind``: ``auto`` and ``local`` start single-threaded processes on this machine,
        ``threads`` uses threads, ``synchronous`` neither, ``address`` an existing scheduler.

    Raises
    ------
    UserError
        When the scheduler named by ``cluster.address`` does not answer.
    """
    with _FACTORIES[cluster.kind](cluster) as executor:
        yield executor


@contextmanager
def _synchronous(cluster: Cluster) -> Iterator[Executor]:
    yield SerialExecutor()


@contextmanager
def _threads(cluster: Cluster) -> Iterator[Executor]:
    with ThreadPoolExecutor(cluster.workers or _cores()) as pool:
        yield pool


@contextmanager
def _local(cluster: Cluster) -> Iterator[Executor]:
    import dask
    from distributed import Client, LocalCluster

    workers = cluster.workers or _workers_of_machine(cluster.memory_gb or MEMORY_GB_A_WORKER)
    memory = f"{cluster.memory_gb}GB" if cluster.memory_gb else 0
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory,
            dashboard_address=None,
            silence_logs=logging.ERROR,
        ) as processes,
        Client(processes) as client,
    ):
        log.info("%d worker processes on this machine", workers)
        with client.get_executor() as executor:
            yield executor


@contextmanager
def _address(cluster: Cluster) -> Iterator[Executor]:
    from distributed import Client

    try:
        client = Client(cluster.address, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(
            f"cluster.address={cluster.address}: no scheduler answers there ({error})."
        ) from None
    with client, client.get_executor() as executor:
        yield executor


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _workers_of_machine(memory_gb: float) -> int:
    """As many processes as there are cores and memory for, at least one."""
    usable = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    usable *= MEMORY_SHARE_OF_MACHINE
    return max(1, min(_cores(), int(usable // memory_gb)))


_FACTORIES = {
    "auto": _local,
    "local": _local,
    "synchronous": _synchronous,
    "threads": _threads,
    "address": _address,
}
