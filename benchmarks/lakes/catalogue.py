"""Finished studies of any size that take no space: a folder's catalogue, and few or no maps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from rt1t2_dask import tabular
from rt1t2_dask.cli.command_line import configured
from rt1t2_dask.pipelines.images.plan import SCAN_STAGES
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.parts import Lake, Part

# The ICBM152 2009a grid at 2 mm.
SHAPE = (95, 117, 99)
AFFINE = np.array([[2.0, 0, 0, -98], [0, 2, 0, -134], [0, 0, 2, -72], [0, 0, 0, 1]])
STAGES = tuple(stage.name for stage in SCAN_STAGES)


def key_of(stage: str, person: int) -> str:
    """Key of a part that nothing made."""
    return digest([stage, person])


def smoothed(seed: int) -> xr.Dataset:
    """A smoothed map of noise, NaN outside a ball; SIMULATED."""
    rng = np.random.default_rng(seed)
    data = rng.normal(1.5, 0.1, SHAPE).astype(np.float32)
    places = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    data[sum(axis**2 for axis in places) > 1] = np.nan
    attrs = {"units": "1", "space": "MNI152NLin2009aSym", "affine": AFFINE.tolist()}
    return xr.Dataset({"smoothed": (("z", "y", "x"), data, attrs)})


def write_study(folder: Path, people: int, maps: int) -> Path:
    """Write a study's folder and, of its first people, the smoothed maps; return the folder."""
    lake, out = Lake(str(folder / "lake")), folder / "out"
    (out / "group").mkdir(parents=True)
    for person in range(maps):
        lake.write(Part("smooth", key_of("smooth", person)), smoothed(person), record={})
    gain = {name: ("scan", np.zeros(people)) for name in ("gain_log", "gain_anchor")}
    lake.write(Part("gain", key_of("gain", 0)), xr.Dataset(gain), record={})
    labels = [f"sub-{k:05d}" for k in range(people)]
    _write_tables(out, labels)
    (out / "provenance.json").write_text(json.dumps(_provenance(folder, labels), indent=2))
    return out


def _write_tables(out: Path, labels: list[str]) -> None:
    rng, n = np.random.default_rng(0), len(labels)
    rows = {"group": rng.choice(["psp", "hc"], n), "age": rng.normal(60, 10, n).round(1)}
    rows |= {"sex": rng.choice(["M", "F"], n), "site": rng.choice(["1", "2", "3"], n)}
    people = pd.DataFrame({"participant_id": labels} | rows)
    (out / "participants.tsv").write_bytes(tabular.write(people))
    numbers = pd.DataFrame(rng.normal(size=(n, 45))).add_prefix("measure_")
    quality = people[["participant_id"]].assign(flag=None, used="yes")
    whole = pd.concat([quality, numbers], axis=1)
    (out / "group" / "quality.tsv").write_bytes(tabular.write(whole))


def _provenance(folder: Path, labels: list[str]) -> dict[str, object]:
    words = (f"storage.url={folder / 'lake'}", f"output_dir={folder / 'out'}")
    config = configured(("+cohort=psp", *words))
    files = ("T1w.nii.gz", "T2w.nii.gz")
    return {
        "state": "complete",
        "simulated": True,
        "lake": str(folder / "lake"),
        "config": config.model_dump(mode="json"),
        "inputs": {
            label: {f"{label}/anat/{label}_{file}": 2 * digest([label, file]) for file in files}
            for label in labels
        },
        "parts": {
            label: {stage: key_of(stage, k) for stage in STAGES} for k, label in enumerate(labels)
        },
        "group_parts": {"contrasts": {}, "other": {"gain": key_of("gain", 0)}},
    }
