"""The page of one patient: slices, clusters and regions against the controls, in one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rt1t2_dask import __version__
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.content import ContrastResult, Place, Threshold
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.figures.slice_figures import cluster_slices, place_slices
from rt1t2_dask.report.numbers import coordinates, decimal, is_missing, level, p_phrase, thousands
from rt1t2_dask.report.page import Figure, data_uri
from rt1t2_dask.report.sections.deviation import LIMITS, RESEARCH, Compared, few
from rt1t2_dask.report.sections.table import Table, from_frame
from rt1t2_dask.report.templating import environment
from rt1t2_dask.stats.clusters.random_field import height

REGIONS, SLICED, DPI = 20, 3, 100
CLUSTERS = {
    "cluster": "cluster",
    "sign": "sign",
    "region": "region",
    "volume_mm3": "volume_mm3",
    "extent_p_fwe_rft": "extent_p_fwe_rft",
    "peak_t": "peak_t",
    "peak_p_fwe": "peak_p_fwe",
    "percent": "percent_expected",
    "peak": "peak",
    "lesion_overlap": "lesion_overlap",
}


SHOWN = {"name": "region", "t": "region_t", "p": "p_region", "percent": "percent_expected"}


@dataclass(frozen=True)
class Patient:
    """One patient against the controls.

    Parameters
    ----------
    label : str
    record : mapping
        Row of ``deviation.tsv``.
    t_map : Volume
        NaN where not compared.
    clusters, regions : DataFrame
        Rows of ``deviation_clusters.tsv`` and ``deviation_regions.tsv``.
    """

    label: str
    record: Mapping[str, Any]
    t_map: Volume
    clusters: pd.DataFrame
    regions: pd.DataFrame


def render_patient(
    patient: Patient, among: Compared, brain: Volume, simulated: bool, figures: bool = True
) -> str:
    """Write the page.

    Parameters
    ----------
    patient : Patient
    among : Compared
        All patients and the controls.
    brain : Volume
        T1 in the same space, on any grid.
    simulated : bool
    figures : bool
        Whether slices are drawn.

    Returns
    -------
    str
        Self-contained HTML.
    """
    drawn = _slices(patient, among, brain, simulated) if figures else None
    return (
        environment()
        .get_template("deviation.html")
        .render(
            label=patient.label,
            group=among.groups.get(patient.label, ""),
            simulated=simulated,
            version=__version__,
            research=RESEARCH,
            sentences=sentences(patient, among),
            figures=[Figure(data_uri(drawn.png(DPI)), drawn.alt, drawn.caption)] if drawn else [],
            tables=[table for table in (_clusters(patient), _regions(patient)) if table],
            limits=(*LIMITS, few(among)),
        )
    )


def sentences(patient: Patient, among: Compared) -> list[str]:
    """Return what the patient's map shows, in sentences."""
    known = patient.record
    if is_missing(known.get("largest_t")):
        return ["No voxel of this map could be compared with the controls."]
    place = coordinates([known[f"{axis}_mm"] for axis in "xyz"])
    change = known["percent"]
    size = "" if is_missing(change) else f", {decimal(change)} % from what the controls predict"
    found = [
        f"Compared with {known['n_controls']} controls ({known['dof']} degrees of freedom). "
        f"Largest deviation: t = {decimal(known['largest_t'])} in {known['region']} at {place} "
        f"mm{size}; family-wise p {p_phrase(known['p_fwe'])} over the brain ({known['method']}).",
        f"{decimal(100 * known['share_higher'])} % of the voxels are above, and "
        f"{decimal(100 * known['share_lower'])} % below the controls at p < {level(among.p)} "
        f"(uncorrected; {decimal(100 * among.p)} % of each are expected by chance).",
    ]
    if patient.clusters.empty:
        limit = thousands(among.extent_mm3)
        found.append(f"No cluster of {limit} mm³ or more at p < {level(among.p)}.")
    rows = among.controls[among.controls["largest_t"].notna()]
    if len(rows):
        found.append(
            f"Of {len(rows)} controls, each left out against the others, "
            f"{int((rows['clusters'] > 0).sum())} have such a cluster: clusters are not corrected, "
            "and one alone is no finding."
        )
    return found


def _slices(patient: Patient, among: Compared, brain: Volume, simulated: bool) -> Picture | None:
    known = patient.record
    if is_missing(known.get("largest_t")):
        return None
    result = ContrastResult(
        name=patient.label,
        first=patient.label,
        second="controls",
        t_map=patient.t_map,
        clusters=patient.clusters,
        threshold=Threshold(among.p, height(among.p, known["dof"]), among.extent_mm3, known["dof"]),
        heading=f"{patient.label} against the controls",
        higher="above the controls",
        lower="below the controls",
    )
    found = cluster_slices(result, brain, simulated, SLICED)
    x, y, z = (float(known[f"{axis}_mm"]) for axis in "xyz")
    return found or place_slices(result, brain, [Place("largest deviation", (x, y, z))], simulated)


def _clusters(patient: Patient) -> Table | None:
    if patient.clusters.empty:
        return None
    rows = patient.clusters.copy()
    places = rows[["peak_x_mm", "peak_y_mm", "peak_z_mm"]].to_numpy(float)
    rows["peak"] = [coordinates(place) for place in places]
    kept = rows[list(CLUSTERS)].dropna(axis="columns", how="all").rename(columns=CLUSTERS)
    return from_frame(
        kept, "Clusters", (f"Peak p FWE over the brain: {patient.record['method']}.",)
    )


def _regions(patient: Patient) -> Table:
    columns = ["name", "t", "p", "q_fdr", "percent", "percent_below", "share_higher", "share_lower"]
    rows = patient.regions.sort_values("p", na_position="last", kind="stable")[columns]
    kept = rows.head(REGIONS).dropna(axis="columns", how="all")
    return from_frame(
        kept.rename(columns=SHOWN),
        f"The {len(kept)} regions with the least p",
        (
            "% of controls below: percentage of the population of controls expected to have a "
            "lower mean. All regions: group/deviation_regions.tsv.",
        ),
    )
