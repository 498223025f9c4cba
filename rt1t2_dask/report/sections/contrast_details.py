"""Details below the cluster table of a contrast: search volume, power, effects, regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rt1t2_dask.report.numbers import (
    NOT_AVAILABLE,
    coordinates,
    decimal,
    is_missing,
    p_phrase,
    plural,
    thousands,
)
from rt1t2_dask.report.sections.details import Details
from rt1t2_dask.report.sections.effect_words import INTERVALS, size_of
from rt1t2_dask.report.sections.table import Table, anything, from_frame, with_places
from rt1t2_dask.stats.glm.power import cohens_f
from rt1t2_dask.stats.scale import Scale

ALPHA = 0.05
SHOWN_REGIONS = 20
SELECTED = (
    "Means over each cluster. The clusters were selected by the same test, so that these effects "
    "are overestimated."
)
ON_LOG = "The contrast is on the natural logarithm of the ratio."
OLD_NAMES = ["ci_low", "ci_high", "g", "partial_eta2"]

_PERCENT = {
    Scale.RATIO: "Percentages are relative to the {baseline}.",
    Scale.LOG: "Percentages are 100 (exp b - 1), with b a difference of the log ratio.",
    Scale.SIGNED: (
        "No percentages: values of these maps have both signs, so that differences are not "
        "fractions of a mean."
    ),
}


def sentences(details: Details, extent_mm3: float) -> list[str]:
    """Describe the search volume, the clusters expected by chance, and the detectable effect."""
    found = [_searched(details.volume), _by_chance(details.volume, extent_mm3)]
    if details.detectable is not None and details.detectable["median"] is not None:
        found.append(_power(details.detectable, details.baseline))
    return [*found, _regions(details.parcels)]


def tables(details: Details) -> list[Table]:
    """Return the maxima, the cluster effect sizes and the regions of smallest p."""
    made = []
    share = [
        *scale_notes(details),
        _PERCENT[Scale(details.scale)].format(baseline=details.baseline),
    ]
    if len(details.peaks):
        made.append(_peaks(details))
    if len(details.effects):
        rows = _effects(details.effects).drop(columns="region", errors="ignore")
        notes = [SELECTED, _intervals(details.effects), *share]
        made.append(from_frame(rows, "Effects of the clusters", notes))
    if len(details.parcels):
        first = details.parcels.sort_values("p", kind="stable").head(SHOWN_REGIONS)
        rows = _effects(first.drop(columns="region")).rename(columns={"name": "region"})
        note = "Two-sided p for t; q over all regions; the full table is in the folder group."
        notes = [note, _intervals(details.parcels), *share]
        made.append(from_frame(rows, "Regions of smallest p", notes))
    return made


def scale_notes(details: Details) -> list[str]:
    """Note where a contrast is on the log of the ratio."""
    return [ON_LOG] if details.scale == Scale.LOG else []


def _peaks(details: Details) -> Table:
    rows = details.peaks
    places = [coordinates(row) for row in rows[["x_mm", "y_mm", "z_mm"]].to_numpy()]
    shown = rows.drop(columns=["peak", "sign", "x_mm", "y_mm", "z_mm"])
    shown.insert(1, "peak", places)
    names = {"t": "statistic", "zscore": "peak_zscore", "p_uncorrected": "p_peak"}
    note = "At most three maxima per cluster, more than 8 mm apart; p of peak height."
    made = from_frame(shown.rename(columns=names), "Local maxima", [note, *scale_notes(details)])
    return with_places(made, rows, ["x_mm", "y_mm", "z_mm"])


def _intervals(rows: pd.DataFrame) -> str:
    return f"95 % intervals: of the estimate, from its t; {INTERVALS[size_of(rows)]}."


def _effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the estimate and the effect size of the test, each with its interval."""
    size = size_of(rows)
    shown = rows.drop(columns=[name for name in OLD_NAMES if name in rows and name != size])
    for name in ("estimate", size):
        low, high = shown.pop(f"{name}_ci_low"), shown.pop(f"{name}_ci_high")
        text = [
            NOT_AVAILABLE if is_missing(a) else f"{_shown(name, a)} to {_shown(name, b)}"
            for a, b in zip(low, high, strict=True)
        ]
        shown.insert(shown.columns.tolist().index(name) + 1, f"{name}_interval", text)
    empty = [n for n in ("estimate", "percent") if shown[n].isna().all()]
    shown = shown.drop(columns=[*empty, *(["estimate_interval"] if "estimate" in empty else [])])
    return shown.rename(columns={"t": "statistic", "g": "hedges_g", "p": "p_region"})


def _shown(name: str, value: float) -> str:
    return anything(value) if name == "estimate" else decimal(value)


def _searched(volume: Mapping[str, Any]) -> str:
    fwhm = " × ".join(decimal(value, 1) for value in volume["fwhm_mm"])
    sets = ", ".join(
        f"{sign}: {plural(one['clusters'], 'cluster')}, p {p_phrase(one['p'])}"
        for sign, one in volume["set"].items()
    )
    return (
        f"Search volume: {thousands(volume['voxels'])} voxels, smoothness {fwhm} mm FWHM, "
        f"{decimal(volume['resels'][3], 1)} resels; critical value for a peak at FWE p = .05 "
        f"(random field, one-sided) {decimal(volume['critical_fwe'])}. Set level ({sets})."
    )


def _by_chance(volume: Mapping[str, Any], extent_mm3: float) -> str:
    each = ", for each sign" if len(volume["set"]) > 1 else ""
    return (
        "A fixed extent threshold does not control the error rate: the size of noise clusters "
        "depends on smoothness and search volume (Eklund et al. 2016). Here random-field theory "
        f"expects {volume['expected']:.2g} clusters of at least {thousands(extent_mm3)} mm³ by "
        f"chance{each}; use the columns corrected for family-wise error."
    )


def _power(found: Mapping[str, Any], baseline: str) -> str:
    height, size = decimal(found["critical"]), _size(found, baseline)
    test = f"two-sided FWE p < .05 ({found['critical_from']}, |t| > {height})"
    if found["numerator"] is not None:
        test = f"FWE p < .05 ({found['critical_from']}, F > {height})"
    return (
        f"Minimum detectable effect: with this sample, at {test}, a voxel is detected with "
        f"{100 * found['power']:.0f} % power if the true effect is {size} in 90 % of voxels); "
        f"smaller effects are likely to be missed."
    )


def _size(found: Mapping[str, Any], baseline: str) -> str:
    """Describe the detectable effect at the median voxel, and its range with an open bracket."""
    digits = 1 if found["numerator"] is None else 2
    low, middle, high = (decimal(found[key], digits) for key in ("low_5", "median", "high_95"))
    if found["numerator"] is None and found["scale"] == Scale.SIGNED:
        low, middle, high = (decimal(found[key], 3) for key in ("low_5", "median", "high_95"))
        return f"{middle} in the unit of the maps at the median voxel ({low} to {high}"
    if found["numerator"] is None:
        share = f" of the {baseline}" if found["scale"] == Scale.RATIO else ""
        return f"{middle} %{share} at the median voxel ({low} to {high} %"
    cohen = decimal(cohens_f(found["median"]))
    return f"a partial η² of {middle} (Cohen's f {cohen}) at the median voxel ({low} to {high}"


def _regions(parcels: pd.DataFrame) -> str:
    passed = int((parcels["q_fdr"] < ALPHA).sum())
    text = f"Regional means: {passed} of {len(parcels)} regions at q < .05"
    corrected = parcels["p_fwe_max_t"].dropna()
    if len(corrected):
        text += f", {int((corrected < ALPHA).sum())} at FWE p < .05 by permutation (largest |t|)"
    return text + "."
