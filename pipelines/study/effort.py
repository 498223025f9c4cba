"""How long a study takes: the CPU seconds of its stages, as measured, at the grids at hand."""

from __future__ import annotations

import os
from collections import Counter

from rt1t2_dask.cluster.executors import workers_of
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.resources import Effort
from rt1t2_dask.pipelines.images.stages import OUTPUT, SCANS
from rt1t2_dask.pipelines.registry import stage_named
from rt1t2_dask.pipelines.study.shapes import shapes_of

SIMULATE = "simulate"
"""What it is called, beside stages, to make a person's scans before all else."""
SIMULATING = Effort((1.3, 4.5, 40.0), SCANS)
# Results of 29 people at 4 mm took 28 s on two workers; 2.7 CPU s a person at 1 mm, 2 mm between.
WRITING_ONCE_S = 20.0
WRITING_PERSON = Effort((1.4, 2.0, 2.7), OUTPUT)
START_S = 10.0


def cpu_seconds(stage: str, config: Config) -> float:
    """Estimate the CPU seconds of one part of a stage."""
    effort = SIMULATING if stage == SIMULATE else stage_named(stage).cpu
    return effort(shapes_of(config))


def writing_seconds(config: Config, people: int) -> float:
    """Estimate the seconds that results take to write: people's on the workers, tables here."""
    person = WRITING_PERSON(shapes_of(config)) * people
    return WRITING_ONCE_S + person / max(1, workers_of(config.cluster))


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
    written = WRITING_ONCE_S + WRITING_PERSON(shapes_of(config)) * people
    by_clock = writing_seconds(config, people)
    if not to_do.total():
        return written, by_clock
    return cpu + written, START_S + cpu / max(1, workers_of(config.cluster)) + by_clock


def in_words(seconds: float) -> str:
    """Return a duration in words, no more exact than the estimate."""
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
