"""ComBat in place against neuroHarmonize: difference, CPU, memory above the data.

Each runs in a process of its own, ours and theirs in turn: data are drawn in place, the kernel's
high-water mark of resident memory is reset (/proc/self/clear_refs), the call is made, and what
the mark then says above the resident memory before the call is the memory it took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from rt1t2_dask.cluster.environment import ONE_THREAD

PREAMBLE = """
import json, sys, time
import numpy as np
people, voxels, chosen = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(0)
site = np.array(["a", "b", "c"])[np.arange(people) % 3]
age, patient = rng.uniform(20, 80, people), np.arange(people) // 3 % 2 * 1.0
data = np.empty((people, voxels))
for row, name, years, ill in zip(data, site, age, patient):
    rng.standard_normal(out=row)
    row *= {"a": 0.1, "b": 0.14, "c": 0.07}[name]
    row += 1.5 + {"a": 0.0, "b": 0.3, "c": -0.1}[name] - 0.002 * years - 0.05 * ill

def mark(name):
    lines = dict(l.split(":", 1) for l in open("/proc/self/status") if l.startswith("Vm"))
    return int(lines[name].split()[0]) * 1024
"""
RUN = """
warm(rng.standard_normal((people, 50)) + 1.5)
open("/proc/self/clear_refs", "w").write("5")
before, began = mark("VmRSS"), time.process_time()
result = call(data)
cpu, peak = time.process_time() - began, mark("VmHWM") - before
np.save(sys.argv[4], result[:, :: max(1, voxels // chosen)])
print(json.dumps({"cpu_s": cpu, "peak_mb": peak / 1e6, "data_mb": data.nbytes / 1e6}))
"""
OURS = """
from rt1t2_dask.sites.combat import harmonise
covariates = np.column_stack([age, patient])
def call(values):
    harmonise(values, site, covariates)
    return values
warm = call
"""
THEIRS = """
import pandas as pd
from neuroHarmonize import harmonizationLearn
covariates = pd.DataFrame({"SITE": site, "age": age, "patient": patient})
def call(values):
    return harmonizationLearn(values, covariates)[1]
warm = call
"""


def run(python: str, middle: str, people: int, voxels: int, out: Path) -> dict[str, Any]:
    """Run one of the two in a fresh process."""
    words = [python, "-W", "ignore", "-c", PREAMBLE + middle + RUN]
    words += [str(people), str(voxels), "2000", str(out)]
    done = subprocess.run(
        words, env=os.environ | ONE_THREAD, check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def combat(peer: str | None, people: int, voxels: int, rounds: int) -> dict[str, float | None]:
    """Compare; None where the peer's Python is not given."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as scratch:
        mine, other = Path(scratch) / "ours.npy", Path(scratch) / "theirs.npy"
        for _ in range(rounds):
            ours.append(run(sys.executable, OURS, people, voxels, mine))
            if peer:
                theirs.append(run(peer, THEIRS, people, voxels, other))
        difference = float(np.abs(np.load(mine) - np.load(other)).max()) if peer else None
    cpu, peak = min(r["cpu_s"] for r in ours), max(r["peak_mb"] for r in ours)
    print(f"ComBat, {people} people x {voxels} voxels: {cpu:.1f} CPU s, {peak:.0f} MB above data")
    if not theirs:
        return {k: None for k in ("combat_difference", "combat_cpu_ratio", "combat_memory_ratio")}
    their_cpu, their_peak = min(r["cpu_s"] for r in theirs), min(r["peak_mb"] for r in theirs)
    print(f"neuroHarmonize: {their_cpu:.1f} CPU s, {their_peak:.0f} MB above data")
    print(f"largest difference {difference:.1e}")
    return {
        "combat_difference": difference,
        "combat_cpu_ratio": cpu / their_cpu,
        "combat_memory_ratio": peak / their_peak,
    }
