"""Stage `meta`: random-effects or inverse-variance meta-analysis of the sites' contrasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.sites.meta import Meta, Method, combine, leave_one_out
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


class MetaSettings(StageSettings):
    """How the effects of sites are combined, and which sites they are."""

    method: Method
    sites: tuple[str, ...]
    space: str


def make(inputs: Inputs) -> Made:
    """Combine the sites' effects at every voxel."""
    settings, sites = inputs.settings_as(MetaSettings), range(len(inputs.parts("contrast")))
    like = inputs.volume("contrast", "stat_effect")
    effects, errors, dof = (
        np.stack([inputs.array("contrast", name, k).astype(np.float64).ravel() for k in sites])
        for name in ("stat_effect", "stat_se", "stat_dof")
    )
    found = combine(effects, errors, settings.method, dof)
    left = leave_one_out(effects, errors, settings.method, dof)
    arrays = {name: getattr(found, key) for name, key in NAMES.items()}
    arrays["stat_z"] = found.z
    arrays["stat_least"] = _least(found, left)
    arrays["stat_dof"] = np.where(np.isfinite(found.z), NORMAL_DOF, np.nan)
    people = [inputs.array("contrast", "stat_n", k).ravel() for k in sites]
    arrays["stat_n"] = np.nansum(people, axis=0)
    maps = {name: _volume(values, like) for name, values in arrays.items()}
    dataset = xr.Dataset({n: to_array(n, v, space=settings.space) for n, v in maps.items()})
    records = [inputs.lake.record(part) for part in inputs.parts("contrast")]
    return Made(dataset, _record(settings.sites, records, maps["stat_z"], found))


def _least(found: Meta, left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the leave-one-site-out z nearest to zero, or of opposite sign."""
    side = np.sign(found.z)
    with np.errstate(invalid="ignore"):
        return np.asarray(side * np.min(side * left, axis=0))


def _volume(values: NDArray[Any], like: Volume) -> Volume:
    x, y, z = like.grid.shape
    stored = np.asarray(values, np.float32).reshape(z, y, x)
    return Volume(stored.transpose(2, 1, 0), like.affine)


def _record(
    sites: Sequence[str], records: Sequence[Mapping[str, Any]], z: Volume, found: Meta
) -> dict[str, Any]:
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
        "sites": list(sites),
        "people": [record["n"] for record in records],
        "i2_median": float(np.median(found.i2[known])) if known.any() else None,
        "q_share": float((found.p_q[known] < 0.05).mean()) if known.any() else None,
    }
