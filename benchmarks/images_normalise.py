"""Normalisation on label heads (SIMULATED): overlap with the template, lesions, CPU and memory."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parent))

import images_rim
from label_heads import build

from rt1t2_dask.images.child import write_image

HERE = Path(__file__).parent
RIM_PEOPLE = 3
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


def run(people: int) -> dict[str, float]:
    """Measure everything; NaN for the peer where antspyx is not installed."""
    if find_spec("ants") is None:
        print("antspyx is not installed: no figures for SyNQuick")
    with tempfile.TemporaryDirectory() as folder:
        rows = [measured(Path(folder), person) for person in range(1, people + 1)]
    return overlaps(rows) | rims(min(people, RIM_PEOPLE))


def measured(folder: Path, person: int) -> dict[str, Any]:
    """Run one person in a fresh process, so that its peak memory is its own."""
    label = f"sub-{person:02d}"
    write_scans(folder, label, person)
    command = [sys.executable, str(HERE / "images_person.py"), str(folder), label]
    environment = os.environ | dict.fromkeys(THREADS, "1")
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    row["cpu_s_all"] = sum(row["cpu_s"].values())
    shown = {k: round(v, 3) for k, v in row.items() if k != "cpu_s"}
    print(f"{label} {shown} CPU s by stage {row['cpu_s']}", flush=True)
    return row


def write_scans(folder: Path, label: str, person: int) -> None:
    head = build(person)
    anat = folder / "bids" / label / "anat"
    anat.mkdir(parents=True)
    write_image(head.t1w, anat / f"{label}_T1w.nii")
    write_image(head.t2w, anat / f"{label}_T2w.nii")
    for name, mask in (("gm", head.gm), ("wm", head.wm)):
        share = head.labels.with_data(mask.astype(np.float32))
        write_image(share, folder / f"{label}_{name}.nii")


def overlaps(rows: list[dict[str, Any]]) -> dict[str, float]:
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


def rims(people: int) -> dict[str, float]:
    fills = ("mask", "unmasked", "median_wm", "enantiomorphic")
    rows = [images_rim.errors(person, *fills) for person in range(1, people + 1)]
    means = {fill: float(np.mean([row[fill] for row in rows])) for fill in fills}
    print("rim of a lesion, mm:", {fill: round(value, 2) for fill, value in means.items()})
    return {"rim_mm": means["mask"], "rim_unmasked_mm": means["unmasked"]}
