"""Workers asked of a batch system: SLURM and PBS jobs, Kubernetes pods."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from rt1t2_dask.cluster.environment import export_lines, far_environment
from rt1t2_dask.cluster.script import Job, script
from rt1t2_dask.config.study import Cluster
from rt1t2_dask.errors import UserError

log = logging.getLogger(__name__)

WORKERS, MEMORY_GB = 8, 3.0
SCHEDULER_LATER = "tcp://SCHEDULER:PORT"
JOBQUEUE = "dask_jobqueue"
BATCH = {"slurm": "SLURM", "pbs": "PBS"}


@contextmanager
def open_jobs(cluster: Cluster) -> Iterator[Any]:
    """Start a scheduler here and ask the batch system for workers; all end with the study.

    Raises
    ------
    UserError
        When the package for the batch system is not installed.
    """
    workers = cluster.workers or WORKERS
    asked = _pods(cluster) if cluster.kind == "kubernetes" else _jobs(cluster)
    with asked as system:
        if cluster.adaptive:
            system.adapt(minimum=0, maximum=workers)
        else:
            system.scale(workers)
        log.info("asked %s for %d workers of %g GB", cluster.kind, workers, _memory_gb(cluster))
        yield system


def job_script(cluster: Cluster) -> str | None:
    """Return the text of one worker's job, or of its start for a scheduler that is there.

    None where workers are started here or in pods. Without dask-jobqueue as it would be with
    that package's own defaults.
    """
    if cluster.kind == "address":
        return "\n".join([*export_lines(cluster.watched), _worker_line(cluster)])
    if cluster.kind not in BATCH:
        return None
    if find_spec(JOBQUEUE) is None:
        return script(cluster.kind, _job(cluster))
    job = getattr(import_module(JOBQUEUE), f"{BATCH[cluster.kind]}Cluster").job_cls
    return str(job(scheduler=SCHEDULER_LATER, name="worker", **_request(cluster)).job_script())


def require_jobs(cluster: Cluster) -> None:
    """Refuse a batch system whose package is not installed.

    Raises
    ------
    UserError
        Which names the extra to install.
    """
    if cluster.kind in BATCH:
        _package(JOBQUEUE, "jobqueue")


def _worker_line(cluster: Cluster) -> str:
    limit = f" --memory-limit {cluster.memory_gb:g}GB" if cluster.memory_gb else ""
    return f"dask worker {cluster.address or SCHEDULER_LATER} --nthreads 1{limit}"


def _jobs(cluster: Cluster) -> Any:
    package = _package(JOBQUEUE, "jobqueue")
    return getattr(package, f"{BATCH[cluster.kind]}Cluster")(**_request(cluster))


def _job(cluster: Cluster) -> Job:
    asked = _request(cluster)
    return Job(
        scheduler=SCHEDULER_LATER,
        name="worker",
        memory=asked["memory"],
        walltime=cluster.walltime,
        queue=cluster.queue,
        account=cluster.account,
        prologue=asked["job_script_prologue"],
        directives=asked["job_extra_directives"],
    )


def _request(cluster: Cluster) -> dict[str, Any]:
    """One process and one thread a job: native libraries here are repeatable so."""
    return {
        "cores": 1,
        "processes": 1,
        "memory": f"{_memory_gb(cluster):g}GB",
        "queue": cluster.queue,
        "account": cluster.account,
        "walltime": cluster.walltime,
        "job_script_prologue": [*export_lines(cluster.watched), *cluster.prologue],
        "job_extra_directives": list(cluster.directives),
    }


def _pods(cluster: Cluster) -> Any:
    if cluster.image is None:
        raise UserError(
            "cluster.image is missing: name a container image with rt1t2-dask installed."
        )
    limit = {"memory": f"{_memory_gb(cluster):g}G", "cpu": "1"}
    return _package("dask_kubernetes.operator", "kubernetes").KubeCluster(
        name="rt1t2-dask",
        image=cluster.image,
        n_workers=0,
        env=far_environment(cluster.watched),
        resources={"requests": limit, "limits": limit},
    )


def _memory_gb(cluster: Cluster) -> float:
    return cluster.memory_gb or MEMORY_GB


def _package(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UserError(
            f"this choice of cluster needs a package: pip install 'rt1t2-dask[{extra}]'."
        ) from None
