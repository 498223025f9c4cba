"""How long a study takes: the CPU seconds of its stages, as measured, at the grids at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rt1t2_dask.cluster.executors import workers_of
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.pipelines.engine.resources import Effort, Shapes
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.images.stages import OUTPUT, SCANS
from rt1t2_dask.pipelines.registry import stage_named
from rt1t2_dask.pipelines.study.check_images import header_of
from rt1t2_dask.pipelines.study.shapes import shapes_of, shapes_of_grids

SIMULATE = "simulate"
"""What it is called, beside stages, to make a person's scans before all else."""
SIMULATING = Effort((1.3, 4.5, 40.0), SCANS)
# Results of 29 people took 28 s at 4 mm and 45 s at 2 mm on two workers, 2.7 CPU s each at 1 mm;
# those of 250 ready-made maps at 10 mm 34 s on one, of 11 at 2 mm under a minute when busy.
WRITING_ONCE_S = 12.0
WRITING_PERSON = Effort((1.0, 2.0, 2.7), OUTPUT)
WRITING_MAP = Effort((0.1, 0.5, 1.5), OUTPUT)
START_S = 10.0


def shapes_met(config: Config, people: Sequence[Mapping[str, InputFile]]) -> Shapes:
    """Return the sizes of ready-made maps from the first readable header, else as predicted.

    Parameters
    ----------
    people : sequence of mapping
        Everybody's files by role.
    """
    for files in people:
        if "map" not in files:
            continue
        try:
            return shapes_of_grids(config, {"map": header_of(files["map"], "ratio map")})
        except SubjectError:
            continue
    return shapes_of(config)


def cpu_seconds(stage: str, shapes: Shapes) -> float:
    """Estimate the CPU seconds of one part of a stage."""
    effort = SIMULATING if stage == SIMULATE else stage_named(stage).cpu
    return effort(shapes)


def writing_seconds(config: Config, shapes: Shapes, people: int, workers: int) -> float:
    """Estimate the seconds that results take to write: people's on the workers, tables here."""
    person = WRITING_MAP if config.source.ready_made else WRITING_PERSON
    return WRITING_ONCE_S + person(shapes) * people / max(1, workers)


def study_seconds(
    config: Config, to_do: Counter[str], shapes: Shapes, people: int
) -> tuple[float, float]:
    """Estimate CPU seconds and seconds by the clock of a plan.

    Parameters
    ----------
    to_do : Counter
        Parts to make, by stage; ``simulate`` counts people to be simulated.
    shapes : Shapes
        Of the images.
    people : int
        Whose results are written.
    """
    workers = workers_of(config.cluster)
    cpu = sum(cpu_seconds(stage, shapes) * n for stage, n in to_do.items())
    written = writing_seconds(config, shapes, people, 1)
    by_clock = writing_seconds(config, shapes, people, workers)
    if not to_do.total():
        return written, by_clock
    return cpu + written, START_S + cpu / max(1, workers) + by_clock


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
