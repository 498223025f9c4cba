"""Stages `pet` and `receptors`: regional receptor density, and correlations with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.atlas import centres, neuromorphometrics, regions
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings, read_scaled
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.regions.own_atlas import IMAGE, TABLE, OwnAtlasSettings, own_atlas
from rt1t2_dask.receptors.colocalisation import conclude, influence, null_batches
from rt1t2_dask.receptors.correlation import Kind
from rt1t2_dask.receptors.dominance import total_dominance
from rt1t2_dask.receptors.dominance_null import dominance_test
from rt1t2_dask.receptors.maps import gather
from rt1t2_dask.receptors.power import EFFECTS_SD, simulate_power
from rt1t2_dask.receptors.problem import BETWEEN, Comparison, Problem, Relabelings, patient_z
from rt1t2_dask.receptors.scatter import scatter
from rt1t2_dask.receptors.spatial.space import Space, of_regions
from rt1t2_dask.receptors.spatial.surrogates import Method, spatial_null
from rt1t2_dask.receptors.spatial.variogram import Fit
from rt1t2_dask.receptors.zscores import Missing

PET = "pet:"
GM_PRIOR = "gm_prior"


class PetSettings(StageSettings):
    """The receptor maps that were chosen, by name."""

    maps: tuple[str, ...]
    own_regions: OwnAtlasSettings | None = None


class ReceptorSettings(ScaleSettings):
    """Who is a patient, and how people's regions are compared with the maps."""

    patient: tuple[bool, ...]
    n_permutations: int
    seed: int
    missing: Missing
    relabelings: Relabelings
    spatial: Method | Literal["none"]
    option: Comparison
    correlation: Kind
    adjust_gm: bool
    covariates: dict[str, tuple[Any, ...]]


def make_pet(inputs: Inputs) -> Made:
    """Return the regional means of the chosen maps and the grey-matter prior."""
    told = inputs.settings_as(PetSettings)
    names = list(told.maps)
    found = {
        name.removeprefix(PET): inputs.asset(name) for name in inputs.task.assets if PET in name
    }
    for role, file in inputs.task.each_file():
        if role not in (IMAGE, TABLE):
            found[role] = density(file.read(), role)
    own = own_atlas(dict(inputs.task.each_file()), told.own_regions) if told.own_regions else None
    means = gather(names, found, own or neuromorphometrics(inputs.asset(ATLAS)))
    arrays = {"pet": means.values, "gm_prior": means.gm_prior}  # noqa: PD011 (not pandas)
    record = {"maps": list(means.names), "origin": dict(means.origin)}
    if own:
        arrays["region_mm"] = centres(own)
        record["regions"] = {str(label): own.names[label] for label in own.grey}
    dataset = xr.Dataset({name: table(name, values) for name, values in arrays.items()})
    return Made(dataset, record)


def density(content: bytes, role: str) -> Volume:
    """Read a map; an empty one is NaN throughout, so that other maps are still tested."""
    try:
        return from_bytes(content, role, kind="map")
    except SubjectError:
        # A mask skips the checks of values; other errors are raised again.
        grid = from_bytes(content, role, kind="mask")
        if role == GM_PRIOR:
            raise
        return grid.with_data(np.full(grid.data.shape, np.nan, np.float32))


def make_receptors(inputs: Inputs) -> Made:
    """Correlate each patient's regional z with the maps, and permute the groups."""
    settings = inputs.settings_as(ReceptorSettings)
    patient = np.asarray(settings.patient, dtype=bool)
    rows = (
        read_scaled(settings, i, inputs.array("row", "parcels", i)) for i in range(len(patient))
    )
    regional = np.stack(list(rows))
    problem = Problem(
        regional[patient],
        regional[~patient],
        inputs.array("pet", "pet"),
        inputs.array("pet", "gm_prior") if settings.adjust_gm else None,
        settings.missing,
        settings.correlation,
        settings.option,
        _covariates(settings.covariates, patient),
        settings.relabelings,
    )
    arrays, record = _tested(problem, settings, space_of(inputs))
    arrays["region"] = np.asarray(inputs.array("row", "region"))
    dataset = xr.Dataset({name: table(name, np.asarray(v)) for name, v in arrays.items()})
    return Made(dataset, record)


def space_of(inputs: Inputs) -> Space:
    """Return the regions' coordinates; a custom atlas is one structure."""
    pet = inputs.dataset("pet")
    if "region_mm" in pet:
        xyz = pet["region_mm"].to_numpy()
        return Space(xyz, np.zeros(len(xyz), dtype=np.intp))
    listed = regions()
    return of_regions(listed[listed["grey"]])


def _tested(
    problem: Problem, settings: ReceptorSettings, space: Space
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the observed statistic, both nulls and what the data at hand allow to find."""
    seed = settings.seed
    n = settings.n_permutations if problem.comparison in BETWEEN else 0
    result = conclude(problem, null_batches(problem, n, seed), n_permutations=n, seed=seed)
    arrays = {
        "rho": result.rho,
        "fisher_z": result.fisher_z,
        "mean_rho": result.mean_rho,
        "mean_fisher_z": result.mean_fisher_z,
        "p_permutation": result.p_permutation,
        "p_fwe": result.p_fwe,
        "ci_low": result.ci_low,
        "ci_high": result.ci_high,
        "n_regions": result.n_regions,
        "null_fisher_z": result.null,
        "influence": influence(problem),
    }
    places = scatter(problem)
    arrays |= {"change": places.change, "pet": problem.maps}
    arrays |= {"change_left": places.change_left, "map_left": places.map_left}
    arrays |= _spatial(problem, settings, space) | _dominance(problem, n, seed)
    if (
        problem.comparison == "z"
        and problem.kind == "spearman"
        and len(result.null) >= MIN_FOR_POWER
    ):
        power = simulate_power(problem, seed=seed)
        arrays |= {"power": power.power, "power_fisher_z": power.mean_fisher_z}
        arrays["effect_sd"] = np.asarray(EFFECTS_SD)
    return arrays, {"n_permutations": result.n_permutations}


def _spatial(problem: Problem, settings: ReceptorSettings, space: Space) -> dict[str, Any]:
    """Test each map against surrogates of its own spatial structure; NaN where not asked for."""
    m = len(problem.maps)
    n, rows = settings.n_permutations, patient_z(problem)
    if settings.spatial == "none" or n == 0:
        return {"p_spatial": np.full(m, np.nan), "p_each": np.full((len(rows), m), np.nan)}
    null = spatial_null(
        rows,
        problem.maps,
        problem.gm,
        space,
        n=n,
        seed=settings.seed,
        method=settings.spatial,
        kind=problem.kind,
    )
    return {"p_spatial": null.p, "p_each": null.p_each} | _variograms(null.variograms)


def _variograms(fits: Sequence[Fit | None]) -> dict[str, Any]:
    """Stack the maps' variograms; NaN for maps without one."""
    known = [fit for fit in fits if fit is not None]
    if not known:
        return {}
    none = np.full_like(known[0].own, np.nan)
    blank = Fit(none, none, none, none, none)
    rows = [blank if fit is None else fit for fit in fits]
    return {
        "variogram": np.array([[fit.own, fit.mean, fit.low, fit.high] for fit in rows]),
        "variogram_mm": np.array([fit.distance_mm for fit in rows]),
        "variogram_error": np.array([fit.error for fit in rows]),
    }


def _dominance(problem: Problem, n: int, seed: int) -> dict[str, Any]:
    """Compute total dominance of the maps, with regression; between groups also its p."""
    if problem.kind != "regression":
        return {}
    if problem.comparison in BETWEEN:
        test = dominance_test(problem, n, seed)
        return {"dominance": test.dominance, "dominance_p": test.p, "dominance_p_fwe": test.p_fwe}
    profile = patient_z(problem).mean(axis=0)
    return {"dominance": total_dominance(profile, problem.maps, problem.gm, "pearson")}


def _covariates(
    found: Mapping[str, Sequence[Any]], patient: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """Code covariates as columns, patients first: numbers unchanged, text as 0 and 1."""
    if not found:
        return None
    columns = pd.get_dummies(pd.DataFrame(found), drop_first=True, dtype=np.float64)
    values = columns.to_numpy(dtype=np.float64)
    return np.concatenate([values[patient], values[~patient]])


MIN_CONTROLS = 3
MIN_FOR_POWER = 19
