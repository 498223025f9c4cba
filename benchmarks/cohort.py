"""What a cohort costs as one dataset: seconds and memory to open it, and to read a block of it.

python benchmarks/cohort.py [open] [block] [--people 50000]

`open` opens a finished study of 29 people and one of 50,000 (a catalogue, SIMULATED, whose first
person alone has a map) up to the lazy dataset with its coordinates, in a process that has opened
another before. `block` reads one inner chunk (about 48^3) of 29 people through a dataset that has
read nothing yet, and by opening the 29 parts one by one; the least of several rounds. Prints a line
a figure, then one JSON object.

Bars: open_29_s 0.2, open_50000_s 5, block_ratio 3.
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
from lakes.process import forget_peak, status_bytes
from summary.figures import conclude

from rt1t2_dask import open_study
from rt1t2_dask.storage.arrays import volume_layout
from rt1t2_dask.storage.parts import Lake, Part

SMALL = 29
ROUNDS = 15
MB = 1e6


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

    np.testing.assert_array_equal(fresh(), opens())
    one, cpu = least(xr.DataArray.to_numpy, fresh)
    many, cpu_many = least(opens)
    times = {"block_s": one, "block_opens_s": many, "block_ratio": many / one}
    return times | {"block_cpu_s": cpu, "block_cpu_ratio": cpu_many / cpu}


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


SECTIONS = {"open": open_, "block": block_}


def main() -> None:
    """Measure the sections asked for; print their figures."""
    asked = argparse.ArgumentParser()
    asked.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}")
    asked.add_argument("--people", type=int, default=50_000, help="of the large study")
    args = asked.parse_args()
    figures: dict[str, Any] = {"load": os.getloadavg()[0]}
    for name in args.sections or SECTIONS:
        with tempfile.TemporaryDirectory() as folder:
            found = SECTIONS[name](args, Path(folder))
        figures |= found
    conclude("cohort", figures)


if __name__ == "__main__":
    main()
