"""Description of a study before it runs."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from rt1t2_dask.cluster.executors import workers_of
from rt1t2_dask.config.contrasts import Form
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.analyses import registry_of
from rt1t2_dask.pipelines.contrasts.group_design import build, words
from rt1t2_dask.pipelines.engine.resources import Shapes
from rt1t2_dask.pipelines.people.kinds import persons_of
from rt1t2_dask.pipelines.study.effort import in_words, study_seconds

REGISTRATION = {
    "lncc": "local cross-correlation",
    "greedy": "greedy",
    "ants_syn": "ANTs SyN",
    "derivatives": "the transforms of the derivatives",
}


def participants_line(config: Config, people: pd.DataFrame) -> str:
    """Describe the participants."""
    counts = Counter(people["group"])
    groups = ", ".join(f"{counts[group]} {group}" for group in config.cohort.groups)
    mark = " (SIMULATED)" if config.simulated else ""
    n = persons_of(people).nunique()
    many = f"{n} people" if n == len(people) else f"{len(people)} sessions of {n} people"
    return f"{config.cohort.name}{mark}: {many}: {groups}"


def steps(config: Config, people: pd.DataFrame) -> list[str]:
    """Describe the steps, one line each."""
    lines = [*_images(config), _smooth(config)]
    for name, form in config.every_contrast().items():
        lines.append(f"contrast {name}: {_contrast(form, people, config.cohort.reference)}")
    if config.cohort.contrasts:
        lines.append(_table_rule(config))
    lines += filter(None, (analysis.in_words(config) for analysis in registry_of(config)))
    return [*lines, f"results into {config.output_dir}"]


def _images(config: Config) -> list[str]:
    if config.source.ready_made:
        return [f"each person: the ready-made map, in {config.space}"]
    grid = "its own grid" if config.t1w_voxel_mm is None else f"{config.t1w_voxel_mm:g} mm"
    by = REGISTRATION[config.normalise.kind]
    return [
        f"each person: check T1w and T2w, T1w to {grid}, T2w to T1w, bias correction, brain and "
        f"tissue segmentation, calibration ({config.calibration.kind})",
        f"each person: ratio in T1w space, and in {config.space} at "
        f"{config.output_voxel_mm:g} mm (by {by})",
    ]


def _smooth(config: Config) -> str:
    if not config.smooth.fwhm_mm:
        return "each person: no smoothing; means of 119 regions"
    return (
        f"each person: smoothed by {config.smooth.fwhm_mm:g} mm FWHM ({config.smooth.edge} "
        "edges); means of 119 regions"
    )


def _contrast(form: Form, people: pd.DataFrame, reference: str) -> str:
    try:
        design = build(form, people, reference)
    except UserError as error:
        return f"cannot be estimated: {error}"
    statistic = "t" if design.q == 1 else f"F of {design.q}"
    return f"{words(form).title}; {statistic}, {design.n} observations, {design.dof} df"


def _table_rule(config: Config) -> str:
    tests = (
        f"{config.permute.n:,} permutations ({', '.join(config.permute.statistic)})"
        if config.permute.n and config.permute.statistic
        else "no permutations"
    )
    return (
        f"clusters at p < {config.contrast.p:g} and {config.contrast.extent_mm3:g} mm3, "
        f"{config.contrast.variance} variances; {tests}"
    )


def how_long(config: Config, to_do: Counter[str], shapes: Shapes, people: int) -> str:
    """Describe the computing time."""
    if not to_do.total():
        return "nothing to compute; results are rewritten where they changed"
    cpu, clock = study_seconds(config, to_do, shapes, people)
    workers = workers_of(config.cluster)
    on = f"{workers} worker{'s' if workers > 1 else ''}"
    return (
        f"{to_do.total()} parts to compute: {in_words(clock)} on {on} "
        f"({cpu / 60:.0f} CPU min, measured on one machine; yours may differ by 50 %)"
    )
