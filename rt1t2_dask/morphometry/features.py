"""Regional features of people: missing values and outliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError

Float = NDArray[np.float64]
FREESURFER = (
    "volume", "area", "thickness", "meancurv", "gauscurv", "foldind", "curvind",
)  # fmt: skip
"""Features of FreeSurfer's regional tables, by its names."""
UNITS = {"volume": "mm3", "area": "mm2", "thickness": "mm", "meancurv": "1/mm", "gauscurv": "1/mm2"}
LEAST_REGIONS = 5
MAD_TO_SD = 1.4826
LEAST_PEOPLE = 10


@dataclass(frozen=True)
class Features:
    """Features of regions of people.

    Parameters
    ----------
    values : ndarray, shape (person, region, feature)
        NaN where not measured.
    regions, features : tuple of str
    """

    values: Float
    regions: tuple[str, ...]
    features: tuple[str, ...]


def gather(
    rows: pd.DataFrame, people: Sequence[str], features: Sequence[str], also: Sequence[str] = ()
) -> Features:
    """Convert a long table to an array.

    Parameters
    ----------
    rows : DataFrame
        participant_id, region, feature, value.
    people : sequence of str
        Order of the first axis; NaN for people who are not in the table.
    features : sequence of str
        Of the networks.
    also : sequence of str
        Analysed alone; these define the regions only without `features`.

    Returns
    -------
    Features
        Regions with all `features` in the tables.

    Raises
    ------
    UserError
        A feature missing from the tables, or a duplicate value.
    """
    there = set(rows["feature"])
    both = list(dict.fromkeys((*features, *also)))
    missing = [name for name in both if name not in there]
    if missing:
        raise UserError(
            f"similarity.features or similarity.also names {', '.join(missing)}, which the "
            f"tables lack; they have {', '.join(sorted(there))}."
        )
    doubled = rows.duplicated(["participant_id", "region", "feature"])
    if doubled.any():
        first = rows[doubled].iloc[0]
        raise UserError(
            f"{int(doubled.sum())} values are duplicates, the first is {first['feature']} of "
            f"{first['region']}; keep one value per person, region and feature."
        )
    names = _common_regions(rows, features or also)
    wide = rows.set_index(["participant_id", "feature", "region"])["value"].unstack([1, 2])  # noqa: PD010
    columns = pd.MultiIndex.from_product([both, names], names=["feature", "region"])
    laid = wide.reindex(index=list(people), columns=columns).to_numpy(np.float64)
    values = laid.reshape(len(people), len(both), len(names)).swapaxes(1, 2)
    return Features(np.ascontiguousarray(values), tuple(names), tuple(both))


def _common_regions(rows: pd.DataFrame, features: Sequence[str]) -> list[str]:
    """Return the regions with every feature, in table order."""
    held = [set(rows.loc[rows["feature"] == name, "region"]) for name in features]
    names = [r for r in dict.fromkeys(rows["region"]) if all(r in own for own in held)]
    if len(names) < LEAST_REGIONS:
        raise UserError(
            f"the tables have all of {', '.join(features)} for {len(names)} regions; a study "
            f"needs {LEAST_REGIONS}. Are all tables from the same parcellation?"
        )
    return names


def measured_share(values: Float) -> Float:
    """Return the fraction of regions with all features, shape (person,)."""
    return np.asarray(np.isfinite(values).all(axis=2).mean(axis=1))


def missing_table(data: Features) -> pd.DataFrame:
    """List missing values: person (row), region, feature."""
    person, region, feature = np.nonzero(~np.isfinite(data.values))
    return pd.DataFrame(
        {
            "person": person,
            "region": np.array(data.regions, dtype=object)[region],
            "feature": np.array(data.features, dtype=object)[feature],
        }
    )


def outlier_table(data: Features, limit: float) -> pd.DataFrame:
    """List outliers within a region and feature.

    Parameters
    ----------
    data : Features
    limit : float
        In robust standard deviations (1.4826 times the median absolute deviation).

    Returns
    -------
    DataFrame
        person (row), region, feature, value, robust_z; empty for fewer than ten people.
    """
    values = data.values  # noqa: PD011 (not pandas)
    z = robust_z(values)
    person, region, feature = np.nonzero(np.abs(np.nan_to_num(z)) > limit)
    return pd.DataFrame(
        {
            "person": person,
            "region": np.array(data.regions, dtype=object)[region],
            "feature": np.array(data.features, dtype=object)[feature],
            "value": values[person, region, feature],
            "robust_z": z[person, region, feature],
        }
    )


def robust_z(values: Float) -> Float:
    """Return each value's distance from the median over people in robust SD."""
    if len(values) < LEAST_PEOPLE:
        return np.zeros_like(values)
    known = np.isfinite(values).any(axis=0)
    filled = np.where(known, values, 0.0)
    off = filled - np.nanmedian(filled, axis=0)
    spread = MAD_TO_SD * np.nanmedian(np.abs(off), axis=0)
    z = np.divide(off, spread, out=np.zeros_like(off), where=spread > 0)
    return np.asarray(np.where(np.isfinite(values), z, np.nan))
