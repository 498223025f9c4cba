"""Stages `surface_contrast` and `surface_permute`: a contrast on vertices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.calibration.group_scale import read_scaled
from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, from_settings
from rt1t2_dask.pipelines.contrasts.stat_maps import maps_of
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.permutations.data import WIDE
from rt1t2_dask.pipelines.surface.sample import SMOOTHED
from rt1t2_dask.pipelines.surface.searched import SEARCH, searched
from rt1t2_dask.pipelines.surface.template import search_mesh
from rt1t2_dask.stats.api import variance_ratio
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import GlmResult, fit
from rt1t2_dask.stats.permutation import exchange
from rt1t2_dask.stats.permutation.null import critical_value
from rt1t2_dask.stats.permutation_api import permutation_test
from rt1t2_dask.stats.scores import z_to_t

F32 = NDArray[np.float32]
SUMMARY = "surface_permutation.json"


class SurfaceContrastSettings(ContrastSettings):
    """A contrast, and the common mesh."""

    mesh: str = "fsaverage5"


class PermuteSettings(SurfaceContrastSettings):
    """What is permuted on the mesh, and how often."""

    seed: int
    method: exchange.Method
    n: int
    statistic: tuple[str, ...]
    forming_p: float
    tail: str
    early_stop: int | None = None


def make(inputs: Inputs) -> Made:
    """Fit the design at every vertex."""
    settings = inputs.settings_as(SurfaceContrastSettings)
    design, data = from_settings(settings.design), _data(inputs, settings)
    spread = variance_ratio(data, design, settings.variance)
    found = _fitted(settings, design, data, spread)
    arrays = {
        f"surface_{name}": table(f"surface_{name}", np.asarray(getattr(found, name), np.float32))
        for name in maps_of(design)
    }
    numerator = design.q if design.q > 1 else None
    record = {"n": design.n, "dof": float(np.nanmax(found.dof)), "numerator": numerator}
    tested = np.isfinite(found.t)
    return Made(xr.Dataset(arrays), record | searched(data, design, spread, tested, settings.mesh))


def make_permute(inputs: Inputs) -> Made:
    """Correct the contrast for all vertices of both hemispheres, by relabeling."""
    settings = inputs.settings_as(PermuteSettings)
    design = from_settings(settings.design)
    wanted = [name for asked in settings.statistic for name in WIDE.get(asked, ())]
    found = permutation_test(
        _data(inputs, settings),
        design,
        settings.n,
        seed=settings.seed,
        statistics=wanted,
        forming_p=settings.forming_p,
        variance=settings.variance,
        method=settings.method,
        pareto_tail=settings.tail == "gpd",
        min_group_n=settings.min_group_n,
        min_group_share=settings.min_group_share,
        mesh=search_mesh(settings.mesh),
        early_stop=settings.early_stop,
    )
    p = {name: own for name, own in _arrays(found).items() if name.startswith("p_fwe")}
    nulls = {name: own for name, own in _arrays(found).items() if name.startswith("null_")}
    kept = {name: (-np.log10(own)).astype(np.float32) for name, own in p.items()} | nulls
    arrays = {f"surface_{name}": table(f"surface_{name}", own) for name, own in kept.items()}
    said = _summary(inputs, settings, p, nulls) | _stopped(settings, found)
    return Made(xr.Dataset(arrays), {"n": said["n"]}, {SUMMARY: json.dumps(said).encode()})


def _data(inputs: Inputs, settings: ContrastSettings) -> F32:
    """Return the smoothed maps of the rows, pairs subtracted, shape (row, vertex)."""
    rows = [_row(inputs, settings, "row", k) for k in range(len(inputs.parts("row")))]
    pairs = range(len(inputs.parts("partner")))
    for k in pairs:
        rows[k] = rows[k] - _row(inputs, settings, "partner", k)
    return np.stack(rows)


def _row(inputs: Inputs, settings: ContrastSettings, role: str, k: int) -> F32:
    values = inputs.array(role, SMOOTHED, k).astype(np.float32)
    return np.asarray(read_scaled(settings, k, values, partner=role == "partner"), np.float32)


def _fitted(
    settings: ContrastSettings, design: Design, data: F32, spread: dict[str, float] | None
) -> GlmResult:
    return fit(
        data,
        design,
        settings.variance,
        group_variance=spread,
        min_group_n=settings.min_group_n,
        min_group_share=settings.min_group_share,
    )


def _arrays(found: xr.Dataset) -> dict[str, NDArray[Any]]:
    return {str(name): found[name].to_numpy() for name in found}


def _summary(
    inputs: Inputs,
    settings: PermuteSettings,
    p: Mapping[str, NDArray[Any]],
    nulls: Mapping[str, NDArray[Any]],
) -> dict[str, Any]:
    dof, several = inputs.record("contrast")["dof"], np.shape(settings.design.contrast)[1] > 1
    critical = {name.removeprefix("null_"): critical_value(own) for name, own in nulls.items()}
    if np.isfinite(critical["max_t"]) and not several:
        critical["max_t"] = float(z_to_t(critical["max_t"], dof))
    record = inputs.record("contrast")
    least = {
        name.removeprefix("p_fwe").lstrip("_") or "max_t": float(np.nanmin(own, initial=1.0))
        for name, own in p.items()
    }
    return {
        "seed": settings.seed,
        "method": settings.method,
        "forming_p": settings.forming_p,
        "critical_05": {n: own if np.isfinite(own) else None for n, own in critical.items()},
        "p": least,
        "searched": {name: record[name] for name in SEARCH},
    }


def _stopped(settings: PermuteSettings, found: xr.Dataset) -> dict[str, Any]:
    """Say how many relabelings were run; where they could stop early p is that of such a test."""
    said = {"n": int(found.attrs["n"]), "n_planned": settings.n, "early_stop": settings.early_stop}
    prefix = "p_sequential_"
    p = {n.removeprefix(prefix): v for n, v in found.attrs.items() if n.startswith(prefix)}
    return {**said, "p": p} if p else said
