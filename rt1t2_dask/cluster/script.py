"""The script of one worker's job as dask-jobqueue submits it, where that is not installed.

Its settings files are dask-jobqueue's own and are not read here.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from dask.utils import format_bytes, parse_bytes

KIB = 1024
NAME = "dask-worker"
PATIENCE_S = 60


@dataclass(frozen=True)
class Job:
    """What is asked of a batch system for one single-threaded worker.

    Parameters
    ----------
    scheduler : str
        Its address.
    name : str
        Of the worker.
    memory : str
        With its unit, such as ``3GB``.
    walltime : str
        Hours, minutes, seconds.
    queue, account : str, optional
        As the batch system knows them.
    prologue, directives : sequence of str
        Lines of shell before the worker starts; further words for the batch system.
    """

    scheduler: str
    name: str
    memory: str
    walltime: str
    queue: str | None = None
    account: str | None = None
    prologue: Sequence[str] = field(default=())
    directives: Sequence[str] = field(default=())

    @property
    def bytes(self) -> int:
        """Return the memory as a number."""
        return int(parse_bytes(self.memory))


def script(kind: str, job: Job) -> str:
    """Return the text that ``sbatch`` (`slurm`) or ``qsub`` (`pbs`) is given."""
    asked, word = {"slurm": (_slurm(job), "#SBATCH"), "pbs": (_pbs(job), "#PBS")}[kind]
    header = [f"{word} {line}" for line in (*asked, *job.directives)]
    return "\n".join(["#!/usr/bin/env bash", "", *header, *job.prologue, _worker(job), ""])


def _slurm(job: Job) -> list[str]:
    return [
        f"-J {NAME}",
        *_if_named("-p", job.queue),
        *_if_named("-A", job.account),
        "-n 1",
        "--cpus-per-task=1",
        f"--mem={_whole(job.bytes, ('K', 'M', 'G'), 1)}",
        f"-t {job.walltime}",
    ]


def _pbs(job: Job) -> list[str]:
    return [
        f"-N {NAME}",
        *_if_named("-q", job.queue),
        *_if_named("-A", job.account),
        f"-l select=1:ncpus=1:mem={_whole(job.bytes, ('kB', 'MB', 'GB'), 10)}",
        f"-l walltime={job.walltime}",
    ]


def _if_named(option: str, value: str | None) -> list[str]:
    return [] if value is None else [f"{option} {value}"]


def _whole(size: int, units: tuple[str, str, str], least: int) -> str:
    """Return a size rounded up in the largest unit of which it has at least so many."""
    power = max((p for p in (1, 2, 3) if size >= least * KIB**p), default=1)
    return f"{math.ceil(size / KIB**power)}{units[power - 1]}"


def _worker(job: Job) -> str:
    limit = format_bytes(job.bytes).replace(" ", "")
    return (
        f"{sys.executable} -m distributed.cli.dask_worker {job.scheduler} --name {job.name} "
        f"--nthreads 1 --memory-limit {limit} --nanny --death-timeout {PATIENCE_S}"
    )
