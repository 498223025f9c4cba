"""Stage `permute`: family-wise error of a contrast by permutation."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.contrast import design_of
from rt1t2_dask.pipelines.maps import common_grid, load_matrix, scattered
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import table, to_array

SUMMARY = "permutation.json"
BUILT = ("max_t",)
ALPHA = 0.05


def _make(inputs: Inputs) -> Made:
    from rt1t2_dask.stats import exchange, null, permutation
    from rt1t2_dask.stats.scores import z_to_t

    settings, design = inputs.settings, design_of(inputs.settings)
    grid = common_grid(inputs)
    inside = np.isfinite(inputs.volume("contrast", "stat_t").data)
    plan = exchange.plan(design, settings["n"], settings["seed"], method=settings["method"])
    block = permutation.prepare(
        load_matrix(inputs, inside),
        design,
        plan,
        min_group_n=settings["min_group_n"],
        min_group_share=settings["min_group_share"],
    )
    batches = [permutation.run_batch(block, plan, k) for k in range(plan.n_batches)]
    tails = permutation.merge_batches([batch.tails for batch in batches])
    p_fwe = null.p_fwe(np.abs(block.z), tails.both)
    exceed = np.sum([batch.exceed for batch in batches], axis=0)
    observed = float(np.nanmax(np.abs(block.z)))
    summary: dict[str, Any] = {
        "n": plan.n,
        "seed": settings["seed"],
        "method": settings["method"],
        "exact": plan.exact,
        "sides": "two-sided, largest |t|",
        "observed_maximum": {"max_t": float(z_to_t(observed, design.dof))},
        "critical_05": {"max_t": _finite_t(null.critical_value(tails.both, ALPHA), design.dof)},
        "p": {"max_t": float(null.p_fwe(observed, tails.both))},
    }
    space = settings["space"]
    dataset = xr.Dataset(
        {
            "fwe": to_array("fwe", scattered(-np.log10(p_fwe), inside, grid), space=space),
            "exceedances": to_array("exceedances", scattered(exceed, inside, grid), space=space),
            "null_positive": table("null_positive", tails.positive),
            "null_negative": table("null_negative", tails.negative),
        }
    )
    return Made(dataset, {"n": plan.n}, {SUMMARY: json.dumps(summary).encode()})


def _finite_t(z: float, dof: float) -> float | None:
    from rt1t2_dask.stats.scores import z_to_t

    return float(z_to_t(z, dof)) if np.isfinite(z) else None


def require_built(statistics: tuple[str, ...]) -> None:
    """Refuse a statistic that is not built rather than leave it out in silence."""
    unknown = [name for name in statistics if name not in BUILT]
    if unknown:
        raise UserError(
            f"permute.statistic={list(statistics)}: {', '.join(unknown)} is not built yet; "
            f"choose from {', '.join(BUILT)}."
        )


PERMUTE = Stage(
    "permute",
    _make,
    gigabytes=1.0,
)
