"""Stage `meta`: random-effects or inverse-variance meta-analysis of the sites' contrasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.sites.meta import Meta, combine, leave_one_out
from rt1t2_dask.stats.clusters.smoothness import resel_counts

NORMAL_DOF = 1e6
NAMES = {
    "stat_t": "z",
    "stat_effect": "effect",
    "stat_se": "se",
    "stat_q": "q",
    "stat_i2": "i2",
    "stat_tau2": "tau2",
    "stat_sites": "sites",
}


def site_role(k: int) -> str:
    """Return the role of the contrast of one site."""
    return f"site{k:05d}"


def _make(inputs: Inputs) -> Made:
    count = sum(role.startswith("site") for role in inputs.task.parents)
    roles = [site_role(k) for k in range(count)]
    like = inputs.volume(roles[0], "stat_effect")
    effects, errors, dof = (
        np.stack([inputs.array(role, name).astype(np.float64).ravel() for role in roles])
        for name in ("stat_effect", "stat_se", "stat_dof")
    )
    method = inputs.settings["method"]
    found = combine(effects, errors, method, dof)
    left = leave_one_out(effects, errors, method, dof)
    arrays = {name: getattr(found, key) for name, key in NAMES.items()}
    arrays["stat_z"] = found.z
    arrays["stat_least"] = _least(found, left)
    arrays["stat_dof"] = np.where(np.isfinite(found.z), NORMAL_DOF, np.nan)
    arrays["stat_n"] = np.nansum([inputs.array(r, "stat_n").ravel() for r in roles], axis=0)
    maps = {name: _volume(values, like) for name, values in arrays.items()}
    space = inputs.settings["space"]
    dataset = xr.Dataset({n: to_array(n, v, space=space) for n, v in maps.items()})
    return Made(dataset, _record(inputs, roles, maps["stat_z"], found))


def _least(found: Meta, left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the leave-one-site-out z nearest to zero, or of opposite sign."""
    side = np.sign(found.z)
    with np.errstate(invalid="ignore"):
        return np.asarray(side * np.min(side * left, axis=0))


def _volume(values: NDArray[Any], like: Volume) -> Volume:
    x, y, z = like.grid.shape
    stored = np.asarray(values, np.float32).reshape(z, y, x)
    return Volume(stored.transpose(2, 1, 0), like.affine)


def _record(inputs: Inputs, roles: list[str], z: Volume, found: Meta) -> dict[str, Any]:
    records = [inputs.record(role) for role in roles]
    tested = np.isfinite(z.data)
    fwhm = np.average(
        [record["fwhm_voxels"] for record in records],
        axis=0,
        weights=[record["dof"] for record in records],
    )
    known = np.isfinite(found.z)
    return {
        "n": sum(record["n"] for record in records),
        "dof": NORMAL_DOF,
        "numerator": None,
        "fwhm_voxels": fwhm.tolist(),
        "resels": resel_counts(tested, fwhm).tolist(),
        "voxels": int(tested.sum()),
        "sites": list(inputs.settings["sites"]),
        "people": [record["n"] for record in records],
        "i2_median": float(np.median(found.i2[known])) if known.any() else None,
        "q_share": float((found.p_q[known] < 0.05).mean()) if known.any() else None,
    }


META = Stage("meta", _make, gigabytes=1.5)
