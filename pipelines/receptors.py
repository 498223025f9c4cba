"""Stages `pet` and `receptors`: regional receptor density, and patients' maps against it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.atlas import neuromorphometrics, regions
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.pipelines.maps import row_role
from rt1t2_dask.pipelines.names import ATLAS
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import table
from rt1t2_dask.receptors.colocalisation import conclude, n_batches, null_batch
from rt1t2_dask.receptors.maps import gather
from rt1t2_dask.receptors.nulls import spatial_null
from rt1t2_dask.receptors.problem import Problem, patient_z
from rt1t2_dask.receptors.space import of_regions

PET = "pet:"
GM_PRIOR = "gm_prior"


def _make_pet(inputs: Inputs) -> Made:
    """Give the regional means of the chosen maps and the grey-matter prior."""
    names = list(inputs.settings["maps"])
    found = {
        name.removeprefix(PET): inputs.asset(name) for name in inputs.task.assets if PET in name
    }
    for role, file in inputs.task.files.items():
        found[role] = from_bytes(file.read(), role, kind="map")
    means = gather(names, found, neuromorphometrics(inputs.asset(ATLAS)))
    arrays = {"pet": means.values, "gm_prior": means.gm_prior}
    dataset = xr.Dataset({name: table(name, values) for name, values in arrays.items()})
    return Made(dataset, {"maps": list(means.names), "origin": dict(means.origin)})


def _make_receptors(inputs: Inputs) -> Made:
    """Correlate each patient's regional z with the maps, and permute the groups."""
    settings = inputs.settings
    regional = np.stack(
        [inputs.array(row_role(i), "parcels") for i in range(len(settings["patient"]))]
    )
    patient = np.asarray(settings["patient"], dtype=bool)
    if (~patient).sum() < MIN_CONTROLS:
        raise UserError(f"receptors need {MIN_CONTROLS} controls; there are {(~patient).sum()}.")
    problem = Problem(
        regional[patient],
        regional[~patient],
        inputs.array("pet", "pet"),
        inputs.array("pet", "gm_prior"),
        settings["missing"],
    )
    n, seed = settings["n_permutations"], settings["seed"]
    batches = [null_batch(problem, k, seed) for k in range(n_batches(n))]
    result = conclude(problem, batches, n_permutations=n, seed=seed)
    arrays = {
        "p_spatial": _p_spatial(inputs, problem),
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
    }
    dataset = xr.Dataset({name: table(name, np.asarray(v)) for name, v in arrays.items()})
    return Made(dataset, {"n_permutations": result.n_permutations})


def _p_spatial(inputs: Inputs, problem: Problem) -> NDArray[np.float64]:
    """Test each map against surrogates of its own spatial structure; NaN where not asked for."""
    settings = inputs.settings
    if settings["spatial"] == "none" or settings["n_permutations"] == 0:
        return np.full(len(problem.maps), np.nan)
    table_of_regions = regions()
    null = spatial_null(
        patient_z(problem),
        problem.maps,
        problem.gm,
        of_regions(table_of_regions[table_of_regions["grey"]]),
        n=settings["n_permutations"],
        seed=settings["seed"],
        method=settings["spatial"],
    )
    return null.p


MIN_CONTROLS = 3
PET_STAGE = Stage(
    "pet",
    _make_pet,
    assets=(ATLAS,),
)
RECEPTORS = Stage("receptors", _make_receptors, gigabytes=0.6)
