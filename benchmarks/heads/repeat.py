"""The image half of a few label heads (SIMULATED) on one and on two workers: the same bytes?

Every part's marker holds its record and the SHA-256 of its objects, so equal markers mean equal
bits. Scans and template are 3 mm here: what could differ (seeds, threads, order, the process that
calls) does not depend on the grid.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
from heads.label_heads import build
from heads.person import configured

from rt1t2_dask.cluster.executors import open_cluster
from rt1t2_dask.images.child import write_image
from rt1t2_dask.pipelines.engine.work import run_tasks
from rt1t2_dask.pipelines.images.plan import plan_images
from rt1t2_dask.storage.parts import Lake

VOXEL_MM = 3.0
PEOPLE = 2
COARSE = tuple(f"{key}.voxel_mm={VOXEL_MM:g}" for key in ("normalise", "template"))


def run(people: int) -> dict[str, float]:
    """Give the share of parts that are the same to the bit; at most `PEOPLE` people."""
    labels = [f"sub-{person:02d}" for person in range(1, min(people, PEOPLE) + 1)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for person, label in enumerate(labels, start=1):
            _write_scans(folder / "bids" / label / "anat", label, person)
        one, two = (_markers(folder, labels, workers) for workers in (1, 2))
    same = [part for part, marker in one.items() if two.get(part) == marker]
    odd = sorted({part.split("/")[1] for part in one} - {part.split("/")[1] for part in same})
    print(
        f"{len(same)} of {len(one)} parts of {len(labels)} people are the same to the bit on one "
        f"and on two workers{'; not: ' + ', '.join(odd) if odd else ''}"
    )
    return {"same_bits": len(same) / max(len(one), len(two))}


def _write_scans(anat: Path, label: str, person: int) -> None:
    head = build(person, voxel_mm=VOXEL_MM)
    anat.mkdir(parents=True)
    write_image(head.t1w, anat / f"{label}_T1w.nii")
    write_image(head.t2w, anat / f"{label}_T2w.nii")


def _markers(folder: Path, labels: list[str], workers: int) -> dict[str, bytes]:
    """Make all parts in a lake of its own; what each marker says by its path."""
    words = (*COARSE, "resample.voxel_mm=null", "cluster=local", f"cluster.workers={workers}")
    config = configured(folder, *words)
    lake = Lake(f"{folder}/lake-{workers}")
    plan = plan_images(config, pd.DataFrame({"participant_id": labels, "group": "hc"}))
    tasks = list({task.part: task for task in plan.tasks()}.values())
    with open_cluster(config.cluster) as executor:
        failed = run_tasks(executor, lake, tasks, lambda outcome: None)
    if failed:
        raise SystemExit(f"repeat: {next(iter(failed.values()))}")
    return {task.part.marker: lake.store.read(task.part.marker) for task in tasks}
