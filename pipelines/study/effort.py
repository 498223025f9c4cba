"""How long a study takes: CPU seconds of each stage, as measured, scaled to the grid at hand."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping

import numpy as np

from rt1t2_dask.cluster.executors import workers_of
from rt1t2_dask.config.study import Config, SimulatedSource

# CPU seconds of one part on one core of a shared 2-core machine at grids of 4, 2 and 1 mm.
GRIDS_MM = (4.0, 2.0, 1.0)
SCAN_CPU_S: Mapping[str, tuple[float, float, float]] = {
    "simulate": (1.3, 4.5, 40.0),
    "ingest": (0.1, 0.2, 0.6),
    "coregister": (2.0, 7.0, 11.0),
    "bias": (1.8, 2.8, 4.0),
    "brain": (4.9, 10.0, 16.0),
    "tissue": (0.7, 1.5, 4.0),
    "landmarks": (0.2, 1.5, 6.0),
    "calibrate": (0.1, 0.5, 2.0),
    "quality": (0.4, 1.0, 3.0),
}
REGISTERED_CPU_S: Mapping[str, tuple[float, float, float]] = {"normalise": (1.9, 11.0, 38.0)}
OUTPUT_CPU_S: Mapping[str, tuple[float, float, float]] = {
    "template": (1.7, 1.7, 2.5),
    "ratio": (0.2, 1.8, 6.0),
    "map": (0.1, 0.2, 0.5),
    "smooth": (0.05, 0.3, 1.8),
    "parcels": (0.1, 0.15, 0.5),
    "atlas_parcels": (0.1, 0.15, 0.5),
    "contrast": (0.2, 0.5, 3.0),
    "clusters": (0.3, 0.5, 2.0),
    "permute_observed": (0.3, 0.5, 2.0),
    "permute_batch": (0.3, 5.0, 30.0),
    "permute": (0.3, 0.5, 2.0),
    "parcel_contrast": (0.3, 0.3, 0.3),
    "cluster_effects": (0.1, 0.3, 1.0),
    "thresholds": (0.1, 0.3, 2.0),
    "detectable": (0.1, 0.2, 1.0),
}
OTHER_CPU_S = 2.0
WRITING_CPU_S = {"once": 20.0, "person": 2.7}
START_S = 10.0


def cpu_seconds(stage: str, config: Config) -> float:
    """Estimate the CPU seconds of one part of a stage."""
    for table, voxel_mm in (
        (SCAN_CPU_S, scan_voxel_mm(config)),
        (REGISTERED_CPU_S, config.registration_voxel_mm),
        (OUTPUT_CPU_S, config.output_voxel_mm),
    ):
        if stage in table:
            return _between(table[stage], voxel_mm)
    return OTHER_CPU_S


def scan_voxel_mm(config: Config) -> float:
    """Voxel size in mm at which scans are worked on."""
    if config.t1w_voxel_mm is not None:
        return config.t1w_voxel_mm
    return config.source.voxel_mm if isinstance(config.source, SimulatedSource) else 1.0


def _between(seconds: tuple[float, float, float], voxel_mm: float) -> float:
    """Interpolate in log time over log voxel size; the ends hold outside."""
    at = np.interp(-np.log(voxel_mm), -np.log(GRIDS_MM), np.log(seconds))
    return float(np.exp(at))


def study_seconds(config: Config, to_do: Counter[str], people: int) -> tuple[float, float]:
    """Estimate CPU seconds and seconds by the clock of a plan.

    Parameters
    ----------
    to_do : Counter
        Parts to make, by stage; ``simulate`` counts people to be simulated.
    people : int
        Whose results are written.
    """
    cpu = sum(cpu_seconds(stage, config) * n for stage, n in to_do.items())
    writing = WRITING_CPU_S["once"] + WRITING_CPU_S["person"] * people
    if not to_do.total():
        return writing, writing
    return cpu + writing, START_S + cpu / max(1, workers_of(config.cluster)) + writing


def in_words(seconds: float) -> str:
    """Say a length of time as people do, no more exact than the estimate is."""
    minutes = seconds / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return f"about {round(minutes) or 1} min"
    return (
        f"about {minutes / 60:.1f} h" if minutes < 48 * 60 else f"about {minutes / 1440:.1f} days"
    )


def machine_gigabytes() -> float:
    """Memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
