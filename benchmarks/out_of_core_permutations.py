"""Permutations of many people on disk by Dask workers that are capped: stated and taken memory.

python benchmarks/out_of_core_permutations.py [people=2000] [permutations=200] [workers=1]
[memory_gb=1] [voxel_mm=2] [statistic=max_t,cluster,tfce] [lake=FOLDER]; the nanny ends a worker
that goes past its cap.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from distributed import default_client
from lakes.out_of_core import ball, write_people
from summary.figures import conclude

from rt1t2_dask.cluster.executors import open_cluster
from rt1t2_dask.config.study import Cluster, Permute
from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.contrasts.fitting import plan_maps
from rt1t2_dask.pipelines.contrasts.peaks import peak_bytes
from rt1t2_dask.pipelines.engine.task import Parents, Task
from rt1t2_dask.pipelines.engine.work import Outcome, run_tasks
from rt1t2_dask.pipelines.permutations.data import Memory
from rt1t2_dask.pipelines.permutations.plan import permute_tasks
from rt1t2_dask.pipelines.voxelwise.plan import plan_copy
from rt1t2_dask.pipelines.voxelwise.runs import copy_pays
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.storage.parts import Lake


def tasks_of(
    roles: Parents, people: int, voxels: int, permutations: int, statistics: list[str]
) -> list[Task]:
    """Plan a two-sample contrast and its permutation test."""
    labels = ["a" if k % 2 else "b" for k in range(people)]
    design = two_sample(labels, "a", "b")
    common = {
        "design": as_settings(design),
        "variance": "equal",
        "min_group_n": 5,
        "min_group_share": 0.7,
        "space": "MNI152NLin2009aSym",
    }
    baseline = {"baseline": [label == "b" for label in labels], "scale": "ratio"}
    fitted = plan_maps(design, common | baseline, roles, {}, voxels)
    asked = Permute(
        n=permutations,
        method="freedman_lane",
        statistic=statistics,
        forming_p=0.001,
        seed=0,
        tail="none",
        early_stop=None,
    )
    copies = plan_copy(people, {}, roles, {}, voxels) if copy_pays(people, voxels) else []
    rows = {"copy": tuple(task.part for task in copies)} if copies else {"row": roles["row"]}
    parents = {**rows, "contrast": fitted.contrast.part}
    return [*fitted.tasks, *copies, *permute_tasks(asked, design, common, parents)]


def peak() -> float:
    """Give the largest resident memory of this process so far, in GB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (size,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(size) * 1024 / 1e9


def main(asked: dict[str, str], scratch: str) -> None:
    """Write the people, then run the test on capped workers."""
    people, permutations = int(asked.get("people", 2000)), int(asked.get("permutations", 200))
    workers, memory_gb = int(asked.get("workers", 1)), float(asked.get("memory_gb", 1))
    statistics = asked.get("statistic", "max_t,cluster,tfce").split(",")
    lake, mask = Lake(asked.get("lake", scratch)), ball(float(asked.get("voxel_mm", 2)))
    voxels, maps = int(mask.sum()), "tfce" in statistics
    roles = write_people(lake, people, mask)
    tasks = tasks_of(roles, people, voxels, permutations, statistics)
    stated = max(
        Memory(people, voxels, maps, memory_gb * 1e9).peak,
        peak_bytes(people, voxels, mask.size, 2),
    )
    print(f"{people} people, {voxels} voxels, {people * voxels * 4e-9:.2f} GB of data")
    print(f"stated before: {stated / 1e9:.2f} GB a worker; cap {memory_gb:.2f} GB", flush=True)
    spent: dict[str, float] = {}

    def tell(outcome: Outcome) -> None:
        stage = outcome.task.stage
        spent[stage] = spent.get(stage, 0.0) + outcome.cpu_s
        took = [*default_client().run(peak).values(), 0.0]
        known = f"{stage}: {outcome.cpu_s:.0f} CPU s, workers' peak so far {max(took):.2f} GB"
        print(known, outcome.reason or "", flush=True)

    wall = time.perf_counter()
    cluster = Cluster(kind="local", workers=workers, memory_gb=memory_gb)
    with open_cluster(cluster) as executor:
        failed = run_tasks(executor, lake, tasks, tell)
        peaks = sorted(default_client().run(peak).values())
    figures: dict[str, Any] = {
        "people": people,
        "voxels": voxels,
        "permutations": permutations,
        "workers": workers,
        "failed": len(failed),
        "stated_gb": stated / 1e9,
        "peak_gb": peaks,
        "cpu_s": spent,
        "wall_s": time.perf_counter() - wall,
        "load": os.getloadavg()[0],
    }
    conclude("out_of_core_permutations", figures)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(dict(word.split("=") for word in sys.argv[1:]), folder)
