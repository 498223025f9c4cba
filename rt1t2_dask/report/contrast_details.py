"""What stands under the cluster table of a contrast: search volume, power, effects, regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from rt1t2_dask.report.details import Details
from rt1t2_dask.report.numbers import coordinates, decimal, plural, probability, thousands
from rt1t2_dask.report.tables import Table, from_frame

ALPHA = 0.05
SHOWN_REGIONS = 20
SELECTED = (
    "Means over each cluster. The clusters were chosen by the same test, so that these effects "
    "are overestimated; 95 % intervals from the noncentral t."
)


def sentences(details: Details, extent_mm3: float) -> list[str]:
    """Say what was searched, what chance alone would give, and what could have been found."""
    found = [_searched(details.volume), _by_chance(details.volume, extent_mm3)]
    if details.detectable is not None and details.detectable["percent_median"] is not None:
        found.append(_power(details.detectable))
    return [*found, _regions(details.parcels)]


def tables(details: Details) -> list[Table]:
    """Give the maxima, the effects of clusters and the regions of smallest p."""
    made = []
    if len(details.peaks):
        peaks = details.peaks.copy()
        peaks["place"] = [coordinates(row) for row in peaks[["x_mm", "y_mm", "z_mm"]].to_numpy()]
        order = ["cluster", "peak", "t", "zscore", "place", "p_uncorrected", "p_fwe_rft", "q_fdr"]
        note = "At most three maxima a cluster, more than 8 mm apart; p of each peak's height."
        made.append(_shown(peaks[[*order, "region"]], "Local maxima", [note]))
    if len(details.effects):
        made.append(_shown(details.effects, "Effects of the clusters", [SELECTED]))
    if len(details.parcels):
        first = details.parcels.sort_values("p", kind="stable").head(SHOWN_REGIONS)
        note = "Two-sided p; q over all regions; the whole table is in the folder group."
        made.append(_shown(first.drop(columns="region"), "Regions of smallest p", [note]))
    return made


def _shown(rows: pd.DataFrame, caption: str, notes: Sequence[str]) -> Table:
    words = {"name": "region", "place": "peak (mm)", "percent": "% of reference"}
    return from_frame(rows.rename(columns=words), caption, notes)


def _searched(volume: Mapping[str, Any]) -> str:
    fwhm = " × ".join(decimal(value, 1) for value in volume["fwhm_mm"])
    sets = ", ".join(
        f"{sign}: {plural(one['clusters'], 'cluster')}, p {_p(one['p'])}"
        for sign, one in volume["set"].items()
    )
    return (
        f"Searched: {thousands(volume['voxels'])} voxels, smoothness {fwhm} mm FWHM, "
        f"{decimal(volume['resels'][3], 1)} resels; critical value for a peak at FWE p = .05 "
        f"(random field, one sign) {decimal(volume['critical_fwe'])}. Set level ({sets})."
    )


def _by_chance(volume: Mapping[str, Any], extent_mm3: float) -> str:
    return (
        "A fixed extent controls nothing by itself: how large clusters of noise grow depends on "
        "the smoothness and the volume searched, which differ between studies (Eklund et al. "
        f"2016). Here random-field theory expects {volume['expected']:.2g} clusters of at least "
        f"{thousands(extent_mm3)} mm³ in noise, for each sign; read the columns corrected for "
        "family-wise error."
    )


def _power(found: Mapping[str, Any]) -> str:
    low, middle, high = (decimal(found[f"percent_{k}"], 1) for k in ("5", "median", "95"))
    return (
        f"Minimum detectable effect: with these people, at two-sided FWE p < .05 "
        f"({found['critical_from']}, |t| > {decimal(found['critical_t'])}), a single voxel would "
        f"be found with {100 * found['power']:.0f} % probability if the true effect is {middle} % "
        f"of the reference mean at the median voxel ({low} to {high} % in nine tenths of them); "
        "smaller effects are likely to be missed."
    )


def _regions(parcels: pd.DataFrame) -> str:
    passed = int((parcels["q_fdr"] < ALPHA).sum())
    said = f"Regional means: {passed} of {len(parcels)} regions at q < .05"
    corrected = parcels["p_fwe_max_t"].dropna()
    if len(corrected):
        said += f", {int((corrected < ALPHA).sum())} at FWE p < .05 by permutation (largest |t|)"
    return said + "."


def _p(value: float) -> str:
    words = probability(value)
    return words if words.startswith(("<", ">")) else f"= {words}"
