"""Statistical maps of a contrast, as the output folder holds them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr

from rt1t2_dask.pipelines.analysis import GroupMap
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.permutations.permute import PermuteSettings
from rt1t2_dask.stats.glm.effect_sizes import effect_size_of
from rt1t2_dask.stats.permutation.null import p_uncorrected
from rt1t2_dask.storage.parts import Lake

STATISTICS = {
    "t": "stat_t",
    "effect": "stat_effect",
    "d": "stat_d",
    "n": "stat_n",
    "dof": "stat_dof",
}
LEAST = {"mde": "stat_mde", "mdeEffect": "stat_mde_effect", "mdeEta2": "stat_mde_eta2"}


def contrast_maps(lake: Lake, name: str, plan: ContrastPlan) -> Iterator[GroupMap]:
    """Yield the maps of a contrast, its effect size, the smallest effect it would find, and p."""
    maps, least = lake.read(plan.contrast.part), lake.read(plan.detectable.part)
    slope = effect_size_of(plan.design) == "partial_r"
    main = "t" if plan.design.q == 1 else "F"
    yield from statistics(name, maps, main, leave_out=("d",) if slope else ())
    for label, array in LEAST.items():
        if array in least:
            yield GroupMap(name, label, to_volume(least[array]))
    if "stat_explained" in maps:
        t, share = to_volume(maps["stat_t"]), to_volume(maps["stat_explained"])
        values = np.sign(t.data) * np.sqrt(share.data) if slope else share.data
        yield GroupMap(name, "r" if slope else "eta2", t.with_data(values))
    if plan.permute is not None:
        yield from _permuted(lake, name, plan.permute)


def statistics(
    name: str, maps: xr.Dataset, main: str, leave_out: tuple[str, ...] = ()
) -> Iterator[GroupMap]:
    """Yield the statistics that a part of a contrast holds; ``main`` says what its t is."""
    for stat, array in STATISTICS.items():
        if array in maps and stat not in leave_out:
            yield GroupMap(name, main if stat == "t" else stat, to_volume(maps[array]))


def _permuted(lake: Lake, name: str, permute: Task) -> Iterator[GroupMap]:
    """Yield -log10 p of each voxel: family-wise, and alone unless the run could stop early."""
    permuted = lake.read(permute.part)
    fwe = to_volume(permuted["fwe"])
    yield GroupMap(name, "t", fwe, "fwe")
    if "fwe_tfce" in permuted:
        yield GroupMap(name, "tfce", to_volume(permuted["fwe_tfce"]), "fwe")
    if not permute.settings_as(PermuteSettings).early_stop:
        exceed = to_volume(permuted["exceedances"]).data
        p = p_uncorrected(exceed, lake.record(permute.part)["n"])
        alone = np.where(np.isfinite(fwe.data), -np.log10(p), np.nan).astype(np.float32)
        yield GroupMap(name, "t", fwe.with_data(alone), "uncorrected")
