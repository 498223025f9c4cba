"""A small simulated study run through the command line, and what it took."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rt1t2_dask.cluster.environment import ONE_THREAD


@dataclass(frozen=True)
class Spent:
    """Seconds and peak memory (bytes, of the largest process) of a command and its children."""

    cpu_s: float
    wall_s: float
    peak: int


@dataclass(frozen=True)
class Study:
    """A simulated study below one folder; every run has its own lake and output.

    `people` is divided among patients and controls; 0 for the shipped study, with its 29 people
    and its relabelings.
    """

    folder: Path
    people: int
    voxel_mm: float
    relabelings: int = 20
    alone: int = 0

    def words(self, lake: str, out: str) -> list[str]:
        """Give the overrides of a run with this lake and output."""
        return [
            "+cohort=psp",
            *(self._smaller() if self.people else ()),
            f"source.voxel_mm={self.voxel_mm:g}",
            f"source.root={self.folder}/simulated-{self.voxel_mm:g}mm",
            f"storage.url={self.folder / lake}",
            f"output_dir={self.folder / out}",
        ]

    def _smaller(self) -> list[str]:
        patients = self.people // 2
        counts = {"PSP": patients, "HC": self.people - patients}
        groups = [
            f"source.groups.{name}.{key}={value}"
            for name, n in counts.items()
            for key, value in (("n", n), ("n_male", n // 2))
        ]
        return [
            *groups,
            f"permute.n={self.relabelings}",
            f"receptors.n_permutations={self.relabelings}",
        ]

    def run(self, lake: str, out: str, *more: str) -> Spent:
        """Run the study, with more overrides."""
        return run([*self.words(lake, out), *more])

    def simulate(self) -> None:
        """Write everybody's scans: one part of a run does it."""
        self.run("lake-of-nothing", "nothing", "stage=template", "part=1", "cluster=synchronous")

    def made(self, *folders: str) -> Counter[str]:
        """Count the parts that runs made, by stage, from what they recorded."""
        counted: Counter[str] = Counter()
        for folder in folders:
            rows = self.timings(folder)
            counted.update({stage: int(row["parts"]) for stage, row in rows.items()})
        return counted

    def timings(self, folder: str) -> dict[str, dict[str, float]]:
        """Read what a run made and what that took, by stage."""
        said = json.loads((self.folder / folder / "provenance.json").read_text())
        return dict(said["timings"])


def run(words: Sequence[str]) -> Spent:
    """Run the program in a process of its own; its output goes to this one's stderr."""
    before, began = cpu_of_children(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "rt1t2_dask", *words],
        env=os.environ | ONE_THREAD,
        stdout=sys.stderr,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode} of {' '.join(words)}")
    wall = time.perf_counter() - began
    return Spent(cpu_of_children() - before, wall, used.ru_maxrss * 1024)


def cpu_of_children() -> float:
    """Give the CPU seconds of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
