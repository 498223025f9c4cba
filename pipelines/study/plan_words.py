"""What a study will do, as a person would say it."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from rt1t2_dask.cluster.executors import workers_of
from rt1t2_dask.config.contrasts import Form
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.contrasts.group_design import build, words
from rt1t2_dask.pipelines.study.effort import in_words, study_seconds
from rt1t2_dask.receptors.maps import select

REGISTRATION = {
    "greedy": "greedy",
    "ants_syn": "ANTs SyN",
    "derivatives": "the transforms of the derivatives",
}


def who(config: Config, people: pd.DataFrame) -> str:
    """Say who takes part."""
    counts = Counter(people["group"])
    groups = ", ".join(f"{counts[group]} {group}" for group in config.cohort.groups)
    mark = " (SIMULATED)" if config.simulated else ""
    return f"{config.cohort.name}{mark}: {len(people)} people: {groups}"


def steps(config: Config, people: pd.DataFrame) -> list[str]:
    """Say what is done, one line a step."""
    lines = [*_images(config), _smooth(config)]
    for name, form in config.every_contrast().items():
        lines.append(f"contrast {name}: {_contrast(form, people, config.cohort.reference)}")
    if config.cohort.contrasts:
        lines.append(_table_rule(config))
    return [*lines, _receptors(config), f"results into {config.output_dir}"]


def _images(config: Config) -> list[str]:
    if config.source.ready_made:
        return [f"each person: the ready-made map, in {config.space}"]
    grid = "its own grid" if config.t1w_voxel_mm is None else f"{config.t1w_voxel_mm:g} mm"
    by = REGISTRATION[config.normalise.kind]
    return [
        f"each person: T1w and T2w checked, T1w to {grid}, T2w to T1w, bias corrected, brain "
        f"and tissues found, calibrated ({config.calibration.kind})",
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


def _receptors(config: Config) -> str:
    maps = config.receptors.maps
    n = len(select(maps if isinstance(maps, str) else list(maps)))
    return (
        f"receptors: {n} maps, {config.receptors.correlation}, "
        f"{config.receptors.n_permutations:,} permutations, spatial null "
        f"{config.receptors.spatial}"
    )


def how_long(config: Config, to_do: Counter[str], people: int) -> str:
    """Say how long the parts to compute take."""
    if not to_do.total():
        return "nothing is to be made; the results are written again where they changed"
    cpu, clock = study_seconds(config, to_do, people)
    workers = workers_of(config.cluster)
    on = f"{workers} worker{'s' if workers > 1 else ''}"
    return (
        f"{to_do.total()} parts to compute: {in_words(clock)} on {on} "
        f"({cpu / 60:.0f} CPU min, as measured on one machine; yours may differ by half)"
    )
