"""Normalisation on label heads (SIMULATED): overlap with the template, CPU and memory."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
from heads.label_heads import build
from heads.person import MADE

from rt1t2_dask.images.child import write_image

ROOT = Path(__file__).resolve().parents[2]
PAGE = os.sysconf("SC_PAGE_SIZE")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


def run(people: int) -> dict[str, float]:
    """Measure everything; NaN for the peer where antspyx is not installed."""
    if find_spec("ants") is None:
        print("antspyx is not installed: no figures for SyNQuick")
    with tempfile.TemporaryDirectory() as folder:
        rows = [measured(Path(folder), person) for person in range(1, people + 1)]
    return overlaps(rows)


def measured(folder: Path, person: int) -> dict[str, Any]:
    """Run one person in a fresh process, so that its peak memory is its own."""
    label = f"sub-{person:02d}"
    write_scans(folder, label, person)
    command = [sys.executable, "-m", "benchmarks.heads.person", str(folder), label]
    environment = os.environ | dict.fromkeys(THREADS, "1")
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        watch = Watch(running.pid)
        for line in running.stdout:
            if line.strip() == MADE:
                watch.stop()
    if running.returncode:
        sys.exit(f"{label} failed")
    row: dict[str, Any] = json.loads(line)
    row["peak_gb"] = watch.peak_gb
    row["cpu_s_all"] = sum(row["cpu_s"].values())
    shown = {k: round(v, 3) for k, v in row.items() if k != "cpu_s"}
    print(f"{label} {shown} CPU s by stage {row['cpu_s']}", flush=True)
    return row


class Watch(Thread):
    """The largest memory of a process and its children together, looked at 20 times a second.

    A child's own maximum is of no use: it counts the parent's pages at the moment of the fork.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak_gb, self.done = pid, 0.0, Event()
        self.start()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.done.wait(0.05):
            self.peak_gb = max(self.peak_gb, resident_gb(self.pid))

    def stop(self) -> None:
        """Look no more."""
        self.done.set()


def resident_gb(pid: int) -> float:
    """Resident memory of a process and its children, GB; 0 where it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    return pages * PAGE / 1e9 + sum(resident_gb(int(child)) for child in children)


def write_scans(folder: Path, label: str, person: int) -> None:
    """Write one person's scans as BIDS, and the true grey and white matter beside them."""
    head = build(person)
    anat = folder / "bids" / label / "anat"
    anat.mkdir(parents=True)
    write_image(head.t1w, anat / f"{label}_T1w.nii")
    write_image(head.t2w, anat / f"{label}_T2w.nii")
    for name, mask in (("gm", head.gm), ("wm", head.wm)):
        share = head.labels.with_data(mask.astype(np.float32))
        write_image(share, folder / f"{label}_{name}.nii")


def overlaps(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Average over people; CPU against the peer's as a ratio of sums."""

    def mean(key: str) -> float:
        return float(np.mean([row.get(key, math.nan) for row in rows]))

    peer = [row.get("synquick_cpu_s", math.nan) for row in rows]
    ours = [row["cpu_s"]["normalise"] for row in rows]
    print(f"affine alone: grey {mean('gm_affine'):.3f}, white {mean('wm_affine'):.3f}")
    return {
        "gm_dice": mean("gm_deformable"),
        "wm_dice": mean("wm_deformable"),
        "gm_dice_synquick": mean("gm_synquick"),
        "wm_dice_synquick": mean("wm_synquick"),
        "cpu_ratio_synquick": float(np.sum(ours) / np.sum(peer)),
        "cpu_s_subject": mean("cpu_s_all"),
        "peak_gb": max(row["peak_gb"] for row in rows),
    }
