"""What a cohort costs as one dataset: seconds and memory to open it, and to read a block of it.

python benchmarks/cohort.py [open] [block] [equal] [contrast] [play] [--people 50000]
    [--contrast-people 300]

`open` opens a finished study of 29 people and one of 50,000 (a catalogue, SIMULATED, whose first
person alone has a map) up to the lazy dataset with its coordinates, in a process that has opened
another before. `block` reads one inner chunk (about 48^3) of 29 people through a dataset that has
read nothing yet, and by opening the 29 parts one by one; the least of several rounds. The first of
all, `block_first_s`, compares whole shards with their checksums, as a process does once. `equal`
compares the contrast of 29 and of 240 people with one fit of all rows. `contrast` runs that of 300
people at 2 mm on one and on two workers, and `play` plays the plan of the large study on a
scheduler in sleeps as long as the parts of `contrast` took: on 100 threads, and its sums many times
over on 1,000. Prints a line a figure, then one JSON object.

Bars: open_29_s 0.2, open_50000_s 5, block_ratio 3, contrast_two_worker_ratio 1.7,
contrast_50000_minutes_100 10, block_utilisation_1000 0.8, max_difference 0.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from lakes.catalogue import key_of, write_study
from lakes.many import Many, difference, run_on, sleep_task, sleeping
from lakes.process import bytes_read, forget_peak, status_bytes
from summary.figures import conclude

from rt1t2_dask import open_study
from rt1t2_dask.cluster.graph import SerialExecutor
from rt1t2_dask.pipelines.engine.work import make_part, run_tasks
from rt1t2_dask.pipelines.voxelwise.plan import MOST_ADDED
from rt1t2_dask.pipelines.voxelwise.runs import MOST_TOGETHER, runs_of
from rt1t2_dask.pipelines.voxelwise.stages import TOTAL
from rt1t2_dask.storage.arrays import volume_layout
from rt1t2_dask.storage.parts import Lake, Part

SMALL = 29
ROUNDS = 15
MB = 1e6
STAGES_OF_MANY = ("sums", "contrast", "sums_total")
BLOCKS_PLAYED = 8000
MEASURED: dict[str, float] = {}
"""Seconds of the parts of a contrast of many people, as `contrast` found them."""


def open_(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Open 29 people, and very many."""
    small = write_study(folder / "small", SMALL, 1)
    large = write_study(folder / "large", asked.people, 1)
    seconds, _ = in_a_process(small, small)
    many, memory = in_a_process(small, large)
    return {
        "open_29_s": seconds,
        f"open_{asked.people}_s": many,
        f"open_{asked.people}_mb": memory / MB,
    }


def in_a_process(before: Path, study: Path) -> tuple[float, float]:
    """Return seconds, and bytes above those held before, to open a study in a warm process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_opened, args=(str(before), str(study), theirs))
    child.start()
    found: tuple[float, float] = ours.recv()
    child.join()
    return found


def _opened(before: str, study: str, said: Connection) -> None:
    open_study(before).maps()
    forget_peak()
    held, began = status_bytes("VmRSS"), time.perf_counter()
    maps = open_study(study).maps()
    took = time.perf_counter() - began
    assert maps["smoothed"].dims == ("participant", "z", "y", "x")
    assert set(maps["group"].to_numpy()) == {"psp", "hc"}
    said.send((took, status_bytes("VmHWM") - held))


def block_(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Read one inner chunk of 29 people through the dataset, and part by part."""
    out = write_study(folder / "block", SMALL, SMALL)
    study, lake = open_study(out), Lake(str(folder / "block" / "lake"))
    edges, _ = volume_layout(study.maps()["smoothed"].shape[1:])
    box = tuple(slice(0, edge) for edge in edges)

    def fresh() -> xr.DataArray:
        return study.maps()["smoothed"][(slice(None), *box)]

    def opens(_: object = None) -> np.ndarray:
        parts = [Part("smooth", key_of("smooth", k)) for k in range(SMALL)]
        return np.stack([lake.read(part)["smoothed"][box].to_numpy() for part in parts])

    began = time.perf_counter()
    found = fresh().to_numpy()
    first = time.perf_counter() - began
    np.testing.assert_array_equal(found, opens())
    one, cpu = least(xr.DataArray.to_numpy, fresh)
    many, cpu_many = least(opens)
    times = {
        "block_first_s": first,
        "block_s": one,
        "block_opens_s": many,
        "block_ratio": many / one,
    }
    return times | {"block_cpu_s": cpu, "block_cpu_ratio": cpu_many / cpu}


def equal_(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Compare contrasts of everybody in blocks with one fit."""
    found = []
    for people in (SMALL, MOST_TOGETHER):
        many = Many(folder / str(people), people)
        for variance in ("equal", "welch"):
            plan = many.plan(variance)
            assert not run_tasks(SerialExecutor(), many.lake, plan.tasks, lambda outcome: None)
            found.append(difference(many, plan, variance))
    return {"max_difference": max(found)}


def contrast_(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Run the contrast of some hundred people on one worker and on two."""
    many = Many(folder / "many", asked.contrast_people)
    walls = [run_on(workers, 1, many.lake, many.plan().tasks, make_part) for workers in (1, 2)]
    plan, told = many.plan(), []
    before = bytes_read()
    assert not run_tasks(SerialExecutor(), many.lake, plan.tasks[:-1], told.append)
    held = sum(e.size for e in many.lake.store.entries("parts/smooth"))
    taken = (bytes_read() - before) / held
    assert not run_tasks(SerialExecutor(), many.lake, plan.tasks[-1:], told.append)
    added = TOTAL.task({}, {"sums": tuple(t.part for t in plan.pieces) * (MOST_ADDED // 2)})
    assert not run_tasks(SerialExecutor(), many.lake, [added], told.append)
    run, joined, total = (
        [o.wall_s for o in told if o.task.stage == stage] for stage in STAGES_OF_MANY
    )
    MEASURED.update(run=sum(run) / asked.contrast_people, joined=joined[0], total=total[0])
    return {
        "contrast_one_worker_s": walls[0],
        "contrast_two_workers_s": walls[1],
        "contrast_two_worker_ratio": walls[0] / walls[1],
        "bytes_read_over_held": taken,
        "run_ms_a_person": 1000 * MEASURED["run"],
        "joined_s": joined[0],
        "total_of_16_s": total[0],
    }


def play_(asked: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Play the plan of very many people in sleeps."""
    if not MEASURED:
        contrast_(asked, folder / "measured")
    seconds = MEASURED["run"] * MOST_TOGETHER
    runs = [sleep_task("sums", k, seconds) for k in range(len(runs_of(asked.people)))]
    totals = [
        sleep_task("sums_total", k, MEASURED["total"], runs[k : k + MOST_ADDED])
        for k in range(0, len(runs), MOST_ADDED)
    ]
    joined = sleep_task("contrast", 0, MEASURED["joined"], totals)
    lake = Lake(str(folder / "none"))
    wall = run_on(2, 50, lake, [*runs, *totals, joined], sleeping)
    many = [sleep_task("sums", -k, seconds) for k in range(1, BLOCKS_PLAYED + 1)]
    busy = BLOCKS_PLAYED * seconds / (1000 * run_on(2, 500, lake, many, sleeping))
    return {f"contrast_{asked.people}_minutes_100": wall / 60, "block_utilisation_1000": busy}


def least(
    action: Callable[[Any], object], given: Callable[[], object] = lambda: None
) -> tuple[float, float]:
    """Return the least wall and CPU seconds of several rounds, each on something new."""
    taken = []
    for _ in range(ROUNDS):
        new = given()
        began, cpu = time.perf_counter(), time.process_time()
        action(new)
        taken.append((time.perf_counter() - began, time.process_time() - cpu))
    return min(wall for wall, _ in taken), min(cpu for _, cpu in taken)


SECTIONS = {
    "open": open_,
    "block": block_,
    "equal": equal_,
    "contrast": contrast_,
    "play": play_,
}


def main() -> None:
    """Measure the sections asked for; print their figures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}")
    asked.add_argument("--people", type=int, default=50_000, help="of the large study")
    asked.add_argument("--contrast-people", type=int, default=300)
    args = asked.parse_args()
    figures: dict[str, Any] = {"load": os.getloadavg()[0]}
    for name in args.sections or SECTIONS:
        with tempfile.TemporaryDirectory() as folder:
            found = SECTIONS[name](args, Path(folder))
        figures |= found
    conclude("cohort", figures)


if __name__ == "__main__":
    main()
