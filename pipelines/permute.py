"""Stage `permute`: family-wise error of a contrast by permutation."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.contrast import design_of
from rt1t2_dask.pipelines.maps import load_matrix, scattered
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import table, to_array
from rt1t2_dask.stats.lattice import lattice
from rt1t2_dask.stats.null import critical_value, p_fwe
from rt1t2_dask.stats.scores import z_to_t
from rt1t2_dask.stats.tails import merge_batches

SUMMARY = "permutation.json"
ALPHA = 0.05
WIDE: dict[str, tuple[Literal["extent", "mass", "tfce"], ...]] = {
    "cluster": ("extent", "mass"),
    "tfce": ("tfce",),
}
UNITS = {"max_t": "t", "extent": "voxels", "mass": "t x voxels", "tfce": "TFCE"}
CLUSTER_NEIGHBOURS: Final = 18
TFCE_NEIGHBOURS: Final = 26

Array = NDArray[Any]


def _make(inputs: Inputs) -> Made:
    from rt1t2_dask.stats import exchange, permutation

    settings, design = inputs.settings, design_of(inputs.settings)
    observed_t = inputs.volume("contrast", "stat_t")
    inside = np.isfinite(observed_t.data)
    plan = exchange.plan(design, settings["n"], settings["seed"], method=settings["method"])
    block = permutation.prepare(
        load_matrix(inputs, inside),
        design,
        plan,
        min_group_n=settings["min_group_n"],
        min_group_share=settings["min_group_share"],
    )
    batches = [permutation.run_batch(block, plan, k) for k in range(plan.n_batches)]
    tails = merge_batches([batch.tails for batch in batches])
    maps = {
        "fwe": -np.log10(p_fwe(np.abs(block.z), tails.both)),
        "exceedances": np.sum([batch.exceed for batch in batches], axis=0),
    }
    nulls: dict[str, Array] = {"null_positive": tails.positive, "null_negative": tails.negative}
    observed = float(np.nanmax(np.abs(block.z)))
    largest = {"max_t": (float(z_to_t(observed, design.dof)), z_to_t(tails.both, design.dof))}
    more, spatial_maps = _spatial(block, plan, inside, settings)
    for name, (top, null) in more.items():
        nulls[f"null_{name}"] = null
        largest[name] = (top, null)
    grid, space = observed_t.grid, settings["space"]
    arrays = {
        name: to_array(name, scattered(values, inside, grid), space=space)
        for name, values in (maps | spatial_maps).items()
    }
    arrays |= {name: table(name, values) for name, values in nulls.items()}
    summary = _summary(settings, plan, largest)
    return Made(xr.Dataset(arrays), {"n": plan.n}, {SUMMARY: json.dumps(summary).encode()})


def _spatial(
    block: Any, plan: Any, inside: NDArray[np.bool_], settings: Any
) -> tuple[dict[str, tuple[float, Array]], dict[str, Array]]:
    """Run cluster extent, mass and TFCE, as asked for: observed maximum and null, and maps."""
    from rt1t2_dask.stats import spatial
    from rt1t2_dask.stats.tfce import tfce

    wanted = [name for asked in settings["statistic"] for name in WIDE.get(asked, ())]
    if not wanted:
        return {}, {}
    near, wide = lattice(inside, CLUSTER_NEIGHBOURS), lattice(inside, TFCE_NEIGHBOURS)
    rule: Any = {"forming_p": settings["forming_p"], "statistics": wanted}
    batches = [
        spatial.spatial_batch(block, plan, k, near, wide, **rule) for k in range(plan.n_batches)
    ]
    seen = spatial.observed_spatial(block, near, wide, **rule)
    nulls = {name: merge_batches([batch[name] for batch in batches]).both for name in wanted}
    found: dict[str, tuple[float, Array]] = {
        name: (float(seen[name].both[0]), nulls[name]) for name in wanted
    }
    if "tfce" not in wanted:
        return found, {}
    enhanced = np.abs(tfce(spatial.observed_statistic(block), wide))
    return found, {"fwe_tfce": -np.log10(p_fwe(enhanced, nulls["tfce"]))}


def _summary(settings: Any, plan: Any, largest: dict[str, tuple[float, Array]]) -> dict[str, Any]:
    critical = {name: critical_value(null, ALPHA) for name, (_, null) in largest.items()}
    return {
        "n": plan.n,
        "seed": settings["seed"],
        "method": settings["method"],
        "exact": plan.exact,
        "sides": "two-sided",
        "forming_p": settings["forming_p"],
        "unit": {name: UNITS[name] for name in largest},
        "observed_maximum": {name: top for name, (top, _) in largest.items()},
        "critical_05": {n: value if np.isfinite(value) else None for n, value in critical.items()},
        "p": {name: float(p_fwe(top, null)) for name, (top, null) in largest.items()},
    }


PERMUTE = Stage("permute", _make, gigabytes=1.0)
