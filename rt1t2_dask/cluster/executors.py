"""Where the work runs: one executor, whatever the cluster."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rt1t2_dask.cluster.dask_executor import ScheduledExecutor
from rt1t2_dask.cluster.environment import dask_settings
from rt1t2_dask.cluster.graph import GraphExecutor, SerialExecutor, ThreadsExecutor
from rt1t2_dask.cluster.jobs import open_jobs
from rt1t2_dask.config.study import Cluster
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.machine import cores, memory_gigabytes

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

MEMORY_SHARE_OF_MACHINE = 0.8

Check = Callable[[], str | None]
"""Run on every worker: what it lacks, or None."""


@contextmanager
def open_cluster(cluster: Cluster, check: Check | None = None) -> Iterator[GraphExecutor]:
    """Yield an executor and close it, and what it started, afterwards.

    Parameters
    ----------
    cluster : Cluster
        ``kind``: ``auto`` and ``local`` start single-threaded processes on this machine,
        ``threads`` uses threads, ``synchronous`` neither, ``address`` an existing scheduler,
        ``slurm``, ``pbs`` and ``kubernetes`` ask a batch system for workers.
    check : callable, optional
        Run once on every worker process before any work.

    Raises
    ------
    UserError
        When the scheduler named by ``cluster.address`` does not answer, or a package that the
        choice needs is not installed.
    RunError
        When a worker lacks something, or the scheduler is lost while it works.
    """
    if cluster.kind == "synchronous":
        yield SerialExecutor()
    elif cluster.kind == "threads":
        with _ended(ThreadsExecutor(cluster.workers or cores()), cancel_futures=True) as pool:
            yield pool
    else:
        with ExitStack() as stack:
            stack.enter_context(_loss_said())
            client = stack.enter_context(_client(cluster, stack))
            # Their first import sets these loggers' levels, so quiet them only now.
            for name in ("distributed", "distributed.client", "tornado.application"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
            if check is not None:
                _check_workers(client, check)
            if cluster.performance_report:
                stack.enter_context(_report(cluster.performance_report))
            yield stack.enter_context(_ended(ScheduledExecutor(client)))


@contextmanager
def _ended(executor: GraphExecutor, **dropping: Any) -> Iterator[GraphExecutor]:
    """Wait for what is under way, unless an error or Ctrl-C ends the block: then drop it."""
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, **dropping)
        raise
    executor.shutdown()


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let processes that are started here ignore the Ctrl-C that a terminal sends to all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _loss_said() -> Iterator[None]:
    """Raise one line when the scheduler is lost: pending calls are then cancelled."""
    try:
        yield
    except CancelledError:
        raise RunError(
            "the connection to the scheduler was lost. Finished parts are kept: start it again "
            "where it is not ours (cluster.address), then run the same command."
        ) from None


def _client(cluster: Cluster, stack: ExitStack) -> Client:
    if cluster.watched:
        _require_bokeh()
    if cluster.kind == "address":
        return _existing(cluster)
    import dask
    from distributed import Client

    opener = _local if cluster.kind in ("auto", "local") else open_jobs
    stack.enter_context(dask.config.set(dask_settings(cluster.watched)))
    client = Client(stack.enter_context(opener(cluster)))
    if cluster.dashboard:
        log.info("dashboard: %s", client.dashboard_link)
    return client


@contextmanager
def _local(cluster: Cluster) -> Iterator[Any]:
    from distributed import LocalCluster

    workers = cluster.workers or _workers_of_machine(cluster.worker_gb)
    memory = f"{cluster.memory_gb}GB" if cluster.memory_gb else 0
    with ExitStack() as stack:
        with _deaf_to_ctrl_c():
            started = LocalCluster(
                n_workers=0 if cluster.adaptive else workers,
                threads_per_worker=1,
                memory_limit=memory,
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": cluster.dashboard},
                silence_logs=logging.CRITICAL,  # what matters comes back with the tasks
            )
        processes = stack.enter_context(started)
        if cluster.adaptive:
            processes.adapt(minimum=0, maximum=workers)
        most = "at most " if cluster.adaptive else ""
        log.info("%s%d worker processes on this machine", most, workers)
        yield processes


def workers_of(cluster: Cluster) -> int:
    """Return how many parts are worked on at once; 1 where that is the scheduler's business."""
    if cluster.kind == "synchronous":
        return 1
    if cluster.workers is not None:
        return cluster.workers
    if cluster.kind == "threads":
        return cores()
    if cluster.kind in ("auto", "local"):
        return _workers_of_machine(cluster.worker_gb)
    return 1


def _existing(cluster: Cluster) -> Client:
    from distributed import Client

    try:
        return Client(cluster.address, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(
            f"cluster.address={cluster.address}: no scheduler answers there ({error})."
        ) from None


def _check_workers(client: Client, check: Check) -> None:
    try:
        found = client.run(check)
    except OSError:
        raise CancelledError from None  # a check answers; what is raised is the connection's
    lacking = {where: said for where, said in found.items() if said}
    if lacking:
        where, said = next(iter(lacking.items()))
        raise RunError(f"{len(lacking)} workers cannot work; {where}: {said}")


@contextmanager
def _report(path: str) -> Iterator[None]:
    from distributed import performance_report

    with ExitStack() as stack:
        stack.enter_context(performance_report(filename=path))
        try:
            yield
        except CancelledError:
            stack.pop_all()  # the scheduler, which would be asked for it, is gone
            raise


def _require_bokeh() -> None:
    if find_spec("bokeh") is None:
        raise UserError(
            "cluster.dashboard and cluster.performance_report need bokeh: "
            "pip install 'rt1t2-dask[dashboard]'."
        )


def _workers_of_machine(memory_gb: float) -> int:
    """As many processes as there are cores and memory for, at least one."""
    usable = memory_gigabytes() * MEMORY_SHARE_OF_MACHINE
    return max(1, min(cores(), int(usable // memory_gb)))
