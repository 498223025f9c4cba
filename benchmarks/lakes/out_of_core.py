"""A contrast of many people on disk under a cap of memory: what was stated, what it took.

python -m benchmarks.lakes.out_of_core [people=2000] [variance=equal]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from summary.figures import conclude

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.contrasts.fitting import plan_maps
from rt1t2_dask.pipelines.contrasts.peaks import peak_bytes
from rt1t2_dask.pipelines.engine.task import Parents
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.engine.work import make_part
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.storage.parts import Lake, Part

SHAPE = (99, 117, 95)
AFFINE = np.array([[2.0, 0, 0, -98], [0, 2, 0, -134], [0, 0, 2, -72], [0, 0, 0, 1]])
CAP_BYTES = 10**9


def ball(voxel_mm: float = 2.0) -> NDArray[np.bool_]:
    """Choose as many voxels as a brain has, about 235,000 at 2 mm."""
    axes = [np.linspace(-1, 1, round(size * 2 / voxel_mm)) for size in SHAPE]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return np.asarray(x**2 + y**2 + z**2 < 0.55)


def write_people(lake: Lake, people: int, mask: NDArray[np.bool_]) -> Parents:
    """Write maps of noise; every tenth person misses some of the brain."""
    rows, affine = [], AFFINE.copy()
    affine[:3, :3] *= SHAPE[0] / mask.shape[0]
    for k in range(people):
        rng = np.random.default_rng(k)
        data = np.full(mask.shape, np.nan, np.float32)
        data[mask] = rng.normal(1.5, 0.1, int(mask.sum())).astype(np.float32).round(3)
        if k % 10 == 0:
            data[40:50, 50:60, 40:50] = np.nan
        part = Part("smooth", f"{k:032x}")
        array = to_array("smoothed", Volume(data, affine), space="MNI152NLin2009aSym")
        if not lake.is_complete(part):
            lake.write(part, xr.Dataset({"smoothed": array}), record={})
        rows.append(part)
    brain = to_array("brain", Volume(mask.astype(np.float32), affine))
    template = Part("template_out", "f" * 32)
    if not lake.is_complete(template):
        lake.write(template, xr.Dataset({"brain": brain}), record={})
    return {"row": tuple(rows), "template_out": template}


def rss() -> int:
    """Give the resident memory of this process in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main(people: int, variance: str, folder: str) -> None:
    lake, mask = Lake(folder), ball()
    parents = write_people(lake, people, mask)
    labels = ["a" if k % 2 else "b" for k in range(people)]
    design = two_sample(labels, "a", "b")
    settings = {
        "design": as_settings(design),
        "variance": variance,
        "baseline": [label == "b" for label in labels],
        "scale": "ratio",
        "min_group_n": 5,
        "min_group_share": 0.7,
        "space": "MNI152NLin2009aSym",
    }
    inside = int(mask.sum())
    plan = plan_maps(design, settings, parents, {}, inside)
    stated = peak_bytes(people, inside, int(np.prod(SHAPE)), 2, variance)
    print(f"{people} people, {inside} voxels, {people * inside * 4 / 1e9:.2f} GB of data")
    print(f"stated before: {stated / 1e9:.2f} GB; cap {CAP_BYTES / 1e9:.2f} GB", flush=True)
    cpu, wall = time.process_time(), time.perf_counter()
    for task in plan.tasks:
        made = make_part(lake, task)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"{task.stage:<16} {made.cpu_s:6.1f} CPU s, peak so far {peak / 1e9:.2f} GB")
        assert made.reason is None, made.reason
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"took {peak / 1e9:.2f} GB at its peak, {cpu:.0f} CPU s, {wall:.0f} s")
    figures = {
        "people": people,
        "voxels": lake.record(plan.contrast.part)["voxels"],
        "variance": variance,
        "stated_gb": stated / 1e9,
        "peak_gb": peak / 1e9,
        "cpu_s": cpu,
    }
    conclude("out_of_core", figures)


if __name__ == "__main__":
    asked = dict(word.split("=") for word in sys.argv[1:])
    with tempfile.TemporaryDirectory() as scratch:
        main(
            int(asked.get("people", 2000)),
            asked.get("variance", "equal"),
            asked.get("lake", scratch),
        )
