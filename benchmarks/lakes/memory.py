"""Peak memory of one part of every image stage, above what a worker takes before it.

python -m benchmarks.lakes.memory [--sizes 4 2 1] [--output-mm SIZE]

One simulated person a size. Every part is made in a fork of one process, whose peak is told by
the kernel (VmHWM), with the largest of its own children (registration programs) added. Prints one
line a stage and size beside what the stage foretells; JSON last.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from lakes.overhead import planned
from lakes.process import KIB, forget_peak, status_bytes
from lakes.study import Study
from summary.figures import conclude

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.resources import IDLE_BYTES
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.engine.work import make_part
from rt1t2_dask.pipelines.images.stages import SCANS
from rt1t2_dask.pipelines.registry import stage_named
from rt1t2_dask.pipelines.study.shapes import shapes_of
from rt1t2_dask.storage.parts import Lake


def _made(lake: Lake, task: Task, said: Connection) -> None:
    forget_peak()
    before = status_bytes("VmRSS")
    outcome = make_part(lake, task)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * KIB
    said.send((status_bytes("VmHWM") - before, children, outcome.cpu_s, outcome.reason))


def peak_of(lake: Lake, task: Task) -> tuple[float, float, float]:
    """Make a part in a fork; returns its own peak, that of its children (bytes) and CPU s."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_made, args=(lake, task, theirs))
    child.start()
    own, children, cpu_s, reason = ours.recv()
    child.join()
    if reason is not None:
        raise SystemExit(f"{task.stage}: {reason}")
    return own, children, cpu_s


def person_tasks(config: Config) -> list[Task]:
    """Tasks of everybody and of the first person, up to the smoothed map."""
    tasks, seen = [], set()
    for task in planned(config):
        scope = stage_named(task.stage).scope
        if task.stage in {"contrast", "pet"}:
            break
        if scope == "shared" or task.stage not in seen:
            tasks.append(task)
            seen.add(task.stage)
    return tasks


def voxels(lake: Lake, tasks: list[Task]) -> dict[str, int]:
    """Voxels of the scans and of the output map."""
    parts = {task.stage: task.part for task in tasks}
    scans, ratio = lake.read(parts["ingest"]), lake.read(parts["ratio"])
    found = {name: to_volume(scans[name]).data.size for name in ("t1w", "t2w")}
    return found | {"output": max(ratio[name].size for name in ratio.data_vars)}


def measure(config: Config) -> dict[str, object]:
    lake, tasks = Lake(config.storage.url), person_tasks(config)
    found: dict[str, dict[str, float]] = {}
    for task in tasks:
        own, children, cpu_s = peak_of(lake, task)
        print(f"{task.stage:<12}{own / 1e6:>8.0f} MB{children / 1e6:>8.0f} MB of children", end="")
        print(f"{cpu_s:>8.1f} CPU s", flush=True)
        found[task.stage] = {"own": own, "children": children}
    size = voxels(lake, tasks)
    shapes = shapes_of(config)
    shapes = replace(shapes, voxels={**shapes.voxels, SCANS: float(size["t1w"] + size["t2w"])})
    for stage, peak in found.items():
        foretold = stage_named(stage).memory(shapes) - IDLE_BYTES
        print(f"{stage:<12}{(peak['own'] + peak['children']) / foretold:>6.2f} of what is foretold")
    return {"voxels": size, **found}


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--sizes", type=float, nargs="+", default=[4, 2, 1])
    asked.add_argument("--output-mm", type=float, default=None)
    asked.add_argument("--folder", type=Path, default=None)
    args = asked.parse_args()
    figures: dict[str, object] = {"idle_bytes": status_bytes("VmRSS")}
    with tempfile.TemporaryDirectory() as temporary:
        for size in args.sizes:
            study = Study(args.folder or Path(temporary), 2, size)
            study.simulate()
            more = ["cohort.contrasts={}"]
            if args.output_mm is not None:
                more.append(f"template.voxel_mm={args.output_mm:g}")
            config = _configure(Job((*study.words(f"lake-{size:g}", "out"), *more)))
            print(f"{size:g} mm:")
            figures[f"{size:g}"] = measure(config)
    conclude("memory", figures)


if __name__ == "__main__":
    main()
