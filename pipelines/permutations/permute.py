"""Stage `permute`: family-wise error of a contrast, from all batches of relabelings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table, to_array, to_volume
from rt1t2_dask.pipelines.permutations.data import RelabelSettings, forget
from rt1t2_dask.stats.permutation.null import critical_value, p_fwe, p_sequential
from rt1t2_dask.stats.permutation.pareto import ParetoTail, fit_tail
from rt1t2_dask.stats.scores import z_to_t
from rt1t2_dask.storage.parts import Part

SUMMARY = "permutation.json"
ALPHA = 0.05
UNITS = {"max_t": "t", "extent": "voxels", "mass": "t x voxels", "tfce": "TFCE"}

Float = NDArray[np.float64]
Nulls = dict[str, Float]


class PermuteSettings(RelabelSettings):
    """How many relabelings were asked for, and how the tails of their nulls are fitted."""

    n: int
    tail: str


def make(inputs: Inputs) -> Made:
    """Join the nulls of the batches and correct for all voxels."""
    forget()
    settings = inputs.settings_as(PermuteSettings)
    nulls, exceedances = _gathered(inputs, _batches(inputs, settings.early_stop))
    largest = {"max_t": np.maximum(nulls["null_positive"], nulls["null_negative"])}
    largest |= {n: nulls[f"null_{n}"] for n in ("extent", "mass", "tfce") if f"null_{n}" in nulls}
    tails = {n: fit_tail(null) for n, null in largest.items()} if settings.tail == "gpd" else {}
    z = inputs.volume("observed", "stat_z")
    maps = {
        "fwe": z.with_data(
            _minus_log10(p_fwe(np.abs(z.data), largest["max_t"], tails.get("max_t")))
        ),
        "exceedances": z.with_data(exceedances),
    }
    if "tfce" in largest:
        enhanced = np.abs(inputs.volume("observed", "enhanced").data)
        p = p_fwe(enhanced, largest["tfce"], tails.get("tfce"))
        maps["fwe_tfce"] = z.with_data(_minus_log10(p))
    arrays = {n: to_array(n, v, space=settings.space) for n, v in maps.items()}
    arrays |= {name: table(name, values) for name, values in nulls.items()}
    summary = _summary(inputs, settings, largest, tails)
    files = {SUMMARY: json.dumps(summary).encode()}
    return Made(xr.Dataset(arrays), {"n": summary["n"]}, files)


def _minus_log10(p: Float) -> NDArray[np.float32]:
    return np.asarray(-np.log10(p), np.float32)


def _gathered(inputs: Inputs, batches: Sequence[Part]) -> tuple[Nulls, NDArray[np.float32]]:
    """Join the batches' nulls and sum their maps, one at a time: all fill a worker at 1 mm."""
    nulls: dict[str, list[Float]] = {}
    total = np.zeros((), np.float32)
    for part in batches:
        batch = inputs.lake.read(part)
        for name in map(str, batch):
            if name.startswith("null_"):
                nulls.setdefault(name, []).append(batch[name].to_numpy())
        total = total + to_volume(batch["exceedances"]).data
    return {name: np.concatenate(values) for name, values in nulls.items()}, total


def _batches(inputs: Inputs, stop: int | None) -> list[Part]:
    """Return the batches in their order, up to the one after which enough was reached."""
    reached = dict.fromkeys(inputs.record("observed")["observed"], 0)
    taken = []
    for part in inputs.parts("batch"):
        taken.append(part)
        record = inputs.lake.record(part)
        reached = {name: reached[name] + record["reached"][name] for name in reached}
        if stop and min(reached.values()) >= stop:
            break
    return taken


def _summary(
    inputs: Inputs,
    settings: PermuteSettings,
    nulls: Nulls,
    tails: Mapping[str, ParetoTail | None],
) -> dict[str, Any]:
    observed = inputs.record("observed")["observed"]
    dof = inputs.record("contrast")["dof"]
    critical = {name: critical_value(null, ALPHA) for name, null in nulls.items()}
    p = {name: float(p_fwe(observed[name], null, tails.get(name))) for name, null in nulls.items()}
    if stop := settings.early_stop:
        p = {n: p_sequential(observed[n], null, stop) for n, null in nulls.items()}
    critical["max_t"] = float(_shown(critical["max_t"], settings, dof))
    return {
        "n": len(nulls["max_t"]),
        "n_planned": settings.n,
        "seed": settings.seed,
        "method": settings.method,
        "variance": settings.variance,
        "exact": settings.exact,
        "exchange": settings.exchange,
        "residuals": "jackknife" if _jackknife(settings) else "given the nuisance columns",
        "exchanged_within": "blocks" if settings.design.blocks else "everybody",
        "sides": "two-sided",
        "forming_p": settings.forming_p,
        "tail": {n: tail.describe() if tail else "none" for n, tail in tails.items()} or "none",
        "early_stop": settings.early_stop,
        "unit": {name: _unit(name, settings) for name in nulls},
        "observed_maximum": observed | {"max_t": float(_shown(observed["max_t"], settings, dof))},
        "critical_05": {n: value if np.isfinite(value) else None for n, value in critical.items()},
        "p": p,
    }


def _jackknife(settings: PermuteSettings) -> bool:
    """Whether signs of jackknife residuals were flipped (`stats.jackknife`)."""
    groups = set(settings.design.group)
    return settings.variance == "welch" and settings.exchange != "order" and len(groups) > 1


def _several(settings: PermuteSettings) -> bool:
    return bool(np.shape(settings.design.contrast)[1] > 1)


def _unit(name: str, settings: PermuteSettings) -> str:
    return "z of F" if name == "max_t" and _several(settings) else UNITS[name]


def _shown(z: float, settings: PermuteSettings, dof: float) -> Float:
    """Return a normal deviate as t at full freedom; that of an F as it is."""
    return np.asarray(z if _several(settings) or not np.isfinite(z) else z_to_t(z, dof))
