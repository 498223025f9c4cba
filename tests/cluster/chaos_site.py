"""A scheduler, two workers and a driver as processes of their own, to be killed one by one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from rt1t2_dask.cluster.environment import far_environment

PATIENCE_S = 900


class Site:
    """A scheduler, two workers and a driver: processes of their own, each killed by itself."""

    def __init__(self, folder: Path, study: Sequence[str]) -> None:
        self.folder, self.study = folder, study
        self.port = _free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *words: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env=environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def ensure(self) -> None:
        """Start what of the cluster does not run."""
        address = f"tcp://127.0.0.1:{self.port}"
        if not self.runs("scheduler"):
            for name in ("worker-0", "worker-1"):
                self.kill(name)
            self.start(
                "scheduler",
                *("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--no-dashboard"),
                *("--port", str(self.port)),
            )
        for name in ("worker-0", "worker-1"):
            if not self.runs(name):
                self.start(
                    name,
                    *("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"),
                    *("--no-dashboard", "--local-directory", str(self.folder / name)),
                )

    def drive(self) -> None:
        address = f"cluster.address=tcp://127.0.0.1:{self.port}"
        words = (*self.study, *places(self.folder), "cluster=address", address)
        self.start("driver", "rt1t2_dask", *words)

    def runs(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def kill(self, name: str) -> None:
        process = self.processes.pop(name, None)
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def kill_kind(self, kind: str, rng: np.random.Generator) -> None:
        victims = {
            "worker": [f"worker-{rng.integers(2)}"],
            "scheduler": ["scheduler"],
            "driver": ["driver"],
            "everything": list(self.processes),
        }
        for name in victims[kind]:
            self.kill(name)

    def wait(self) -> int:
        code = self.processes["driver"].wait(PATIENCE_S)
        self.processes.pop("driver")
        return code


def environment() -> dict[str, str]:
    """That of a user: no debugging, workers as the plan says to start them."""
    mine = {name: os.environ[name] for name in os.environ if name != "RT1T2_DEBUG"}
    return mine | far_environment()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def site(folder: Path, study: Sequence[str]) -> Iterator[Site]:
    opened = Site(folder, study)
    try:
        opened.ensure()
        yield opened
    finally:
        for name in list(opened.processes):
            opened.kill(name)


def places(folder: Path) -> tuple[str, ...]:
    return (f"storage.url={folder / 'lake'}", f"output_dir={folder / 'out'}")
