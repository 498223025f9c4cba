"""Receptor results read back from the lake: the table, and what lies beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from rt1t2_dask.atlas import regions
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.receptors.colocalisation import Colocalisation
from rt1t2_dask.receptors.maps import receptor_of
from rt1t2_dask.receptors.table import table
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.storage.parts import Lake, Part

ARRAYS = (
    *("rho", "fisher_z", "mean_rho", "mean_fisher_z", "p_permutation", "p_fwe"),
    *("ci_low", "ci_high", "n_regions"),
)


@dataclass(frozen=True)
class ReceptorParts:
    """The parts of the receptor analyses of a study.

    Parameters
    ----------
    pet : Task
        Regional means of the receptor maps.
    groups : mapping of str to Task
        The correlations, by group of patients.
    """

    pet: Task
    groups: Mapping[str, Task]


def map_names(lake: Lake, parts: ReceptorParts) -> list[str]:
    """Return the names of the receptor maps, in the order of the arrays."""
    return [str(name) for name in lake.record(parts.pet.part)["maps"]]


def receptor_rows(lake: Lake, parts: ReceptorParts) -> pd.DataFrame:
    """Return the receptor table of all patient groups, corrected together."""
    results = {group: _colocalisation(lake, task.part) for group, task in parts.groups.items()}
    spatial = {
        group: lake.read(task.part)["p_spatial"].to_numpy() for group, task in parts.groups.items()
    }
    return table(results, map_names(lake, parts), spatial)


def _colocalisation(lake: Lake, part: Part) -> Colocalisation:
    arrays = lake.read(part).load()
    values = {name: arrays[name].to_numpy() for name in ARRAYS}
    return Colocalisation(**values, null=arrays["null_fisher_z"].to_numpy())


def fisher_z_rows(
    lake: Lake, parts: ReceptorParts, patients: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Return every patient's Fisher z with every map, one row each."""
    names = map_names(lake, parts)
    rows = []
    for group, task in parts.groups.items():
        values = lake.read(task.part)["fisher_z"].to_numpy()
        people = patients[group] if len(values) == len(patients[group]) else [group] * len(values)
        for label, row in zip(people, values, strict=True):
            rows += [(group, label, name, float(z)) for name, z in zip(names, row, strict=True)]
    return pd.DataFrame(rows, columns=["group", "participant_id", "map", "fisher_z"])


def receptor_details(
    lake: Lake, parts: ReceptorParts, patients: Mapping[str, Sequence[str]]
) -> dict[str, pd.DataFrame]:
    """Return the tables ``group/receptors_<name>.tsv`` of this run, by name.

    Parameters
    ----------
    patients : mapping of str to sequence of str
        Labels of each group's people, in the order of the arrays.
    """
    names = map_names(lake, parts)
    own = lake.record(parts.pet.part).get("regions")
    called = {int(k): n for k, n in own.items()} if own else regions()["name"].to_dict()
    found: dict[str, list[pd.DataFrame]] = {}
    for group, task in parts.groups.items():
        arrays = lake.read(task.part).load()
        for name, rows in _tables(arrays, names, patients[group]).items():
            if name == "regions":
                rows["name"] = rows["region"].map(called)
            rows.insert(0, "group", group)
            found.setdefault(name, []).append(rows)
    return {name: pd.concat(tables, ignore_index=True) for name, tables in found.items()}


def region_values(lake: Lake, parts: ReceptorParts) -> pd.DataFrame:
    """Return the table of the regions' places in the scatter plots, of all groups.

    Parameters
    ----------
    parts : ReceptorParts
        Of regions whose names the maps' part holds.
    """
    names = map_names(lake, parts)
    called = {int(k): n for k, n in lake.record(parts.pet.part)["regions"].items()}
    found = []
    for group, task in parts.groups.items():
        rows = _regions(lake.read(task.part).load(), names)
        rows["name"] = rows["region"].map(called)
        rows.insert(0, "group", group)
        found.append(rows)
    return pd.concat(found, ignore_index=True)


def _tables(
    arrays: xr.Dataset, names: Sequence[str], people: Sequence[str]
) -> dict[str, pd.DataFrame]:
    tables = {"influence": _influence(arrays, names), "regions": _regions(arrays, names)}
    if "variogram" in arrays:
        tables["variogram"] = _variogram(arrays, names)
    if arrays.sizes["person"] == len(people):
        values = {"rho": "rho", "fisher_z": "fisher_z", "p_spatial": "p_each"}
        rows = {"participant_id": list(people)}
        tables["people"] = _long(arrays, values, rows, names)
    if "power" in arrays:
        steps = {"effect_sd": arrays["effect_sd"].to_numpy().tolist()}
        values = {"mean_fisher_z": "power_fisher_z", "power": "power"}
        tables["power"] = _long(arrays, values, steps, names)
    if "dominance" in arrays:
        tables["dominance"] = _dominance(arrays, names)
    return tables


def _dominance(arrays: xr.Dataset, names: Sequence[str]) -> pd.DataFrame:
    """Tabulate each map's part of the explained variance, and its p where there is one."""
    share = arrays["dominance"].to_numpy()
    rows = {"map": list(names), "dominance": share, "share": share / np.nansum(share)}
    if "dominance_p" in arrays:
        p = arrays["dominance_p"].to_numpy()
        rows |= {"p_permutation": p, "q_fdr": benjamini_hochberg(p)}
        rows |= {"p_fwe": arrays["dominance_p_fwe"].to_numpy()}
    return pd.DataFrame(rows)


def _regions(arrays: xr.Dataset, names: Sequence[str]) -> pd.DataFrame:
    """Tabulate the coordinates of each region in the scatter plot of each map."""
    values = {"map_value": "pet", "map_residual": "map_left", "change_residual": "change_left"}
    turned = xr.Dataset({name: arrays[name].T for name in values.values()})
    labels = {"region": arrays["region"].to_numpy().tolist()}
    rows = _long(turned, values, labels, names)
    rows["mean_change"] = np.repeat(arrays["change"].to_numpy(), len(names))
    return rows


def _variogram(arrays: xr.Dataset, names: Sequence[str]) -> pd.DataFrame:
    """Tabulate the variograms of each map and its surrogates."""
    curves = arrays["variogram"].to_numpy()
    bins = curves.shape[2]
    columns = ("own", "surrogates_mean", "surrogates_low", "surrogates_high")
    found = {
        "receptor": np.repeat([receptor_of(name) for name in names], bins),
        "map": np.repeat(list(names), bins),
        "distance_mm": arrays["variogram_mm"].to_numpy().ravel(),
        **{name: curves[:, k].ravel() for k, name in enumerate(columns)},
        "error": np.repeat(arrays["variogram_error"].to_numpy(), bins),
    }
    return pd.DataFrame(found)


def _influence(arrays: xr.Dataset, names: Sequence[str]) -> pd.DataFrame:
    labels = {"region": arrays["region"].to_numpy().tolist()}
    return _long(arrays, {"change_of_mean_fisher_z": "influence"}, labels, names)


def _long(
    arrays: xr.Dataset,
    columns: Mapping[str, str],
    rows: Mapping[str, Sequence[object]],
    names: Sequence[str],
) -> pd.DataFrame:
    """Convert arrays of (row, map) to long format."""
    (row_name, labels), m = next(iter(rows.items())), len(names)
    found = {
        row_name: np.repeat(np.asarray(labels, dtype=object), m),
        "receptor": [receptor_of(name) for name in names] * len(labels),
        "map": list(names) * len(labels),
    }
    return pd.DataFrame(found | {c: arrays[a].to_numpy().ravel() for c, a in columns.items()})
