"""The section on single patients: who deviates from the controls, and how often controls do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rt1t2_dask.report.numbers import decimal, level, percent, plural, thousands
from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import Table, from_frame

ANCHOR = "deviation"
LEVEL = 0.05
RESEARCH = "Research, not a diagnosis."
LIMITS = (
    "A deviation says how unlike these controls one person is, not why: movement, anatomy that the "
    "registration fits badly, lesions and scan quality deviate too. It is no diagnosis, and the "
    "absence of one does not show that tissue is healthy. Many patients tested at p < .05 each "
    "give false positives among them. Clusters are not corrected for the search over the brain: "
    "compare how many controls have one.",
)
SHOWN = {
    "participant_id": "participant_id",
    "group": "group",
    "largest_t": "largest_t",
    "region": "region",
    "percent": "percent_expected",
    "p_fwe": "p_fwe_brain",
    "clusters": "clusters",
    "volume_mm3": "volume_mm3",
    "share_higher": "share_higher",
    "share_lower": "share_lower",
}


@dataclass(frozen=True)
class Compared:
    """All patients compared with the controls.

    Parameters
    ----------
    patients : DataFrame
        Columns of ``deviation.tsv``, a row a patient.
    controls : DataFrame
        Columns of ``deviation_controls.tsv``, a row a control left out against the others.
    groups : mapping of str to str
        Of everybody, by label.
    columns : sequence of str
        Of the controls' model, the mean first.
    p, extent_mm3 : float
        Height, one-sided for each sign, and extent of clusters.
    """

    patients: pd.DataFrame
    controls: pd.DataFrame
    groups: Mapping[str, str]
    columns: Sequence[str]
    p: float
    extent_mm3: float

    @property
    def ranked(self) -> bool:
        """Whether the family-wise p of any patient is by rank among the controls."""
        return bool((self.patients["method"] == "rank").any())

    @property
    def fields(self) -> bool:
        """Whether that of any is by random-field theory."""
        return bool((self.patients["method"] != "rank").any())


READING = Reading(
    "Single patients: p FWE, brain",
    "Corrected for the voxels of the brain within one patient, not for the number of patients; q "
    "of a patient's regions is over those of this patient.",
)


def deviation_section(own: Compared) -> Section:
    """Return the section."""
    return Section(
        ANCHOR,
        "Single patients against the controls",
        sentences=(
            f"{RESEARCH} Each patient alone is compared with {len(own.controls)} controls, voxel "
            "by voxel.",
            said(own),
            left_out(own),
        ),
        tables=(_patients(own), _controls(own)),
        methods=(methods(own),),
        reading=(READING,),
        limits=(*LIMITS, few(own)),
        cites=("crawford1998", *(("worsley1996",) if own.fields else ())),
    )


def said(own: Compared) -> str:
    """Return in a sentence how many patients deviate."""
    rows, n = own.patients, len(own.patients)
    anywhere = int((rows["p_fwe"] <= LEVEL).sum())
    clusters = int(((rows["clusters_higher"] + rows["clusters_lower"]) > 0).sum())
    verb = "deviates" if anywhere == 1 else "deviate"
    return (
        f"{anywhere} of {plural(n, 'patient')} {verb} somewhere in the brain at a family-wise "
        f"p of {level(LEVEL)} or less ({corrected(own)}), and "
        f"{clusters} {'has' if clusters == 1 else 'have'} a cluster of "
        f"{thousands(own.extent_mm3)} mm³ or more at p < {level(own.p)}, uncorrected."
    )


def left_out(own: Compared) -> str:
    """Return in a sentence what the controls show, each left out against the others."""
    rows = own.controls[own.controls["largest_t"].notna()]
    if rows.empty:
        return "The controls are too few to leave one of them out."
    clusters = int((rows["clusters"] > 0).sum())
    field = int((rows["p_fwe_rft"] <= LEVEL).sum())
    share = float((rows["share_higher"] + rows["share_lower"]).mean())
    return (
        f"For comparison, each control is left out against the others: {clusters} of {len(rows)} "
        f"have such a cluster, {field} a random-field p of {level(LEVEL)} or less, and "
        f"{percent(share)} of their voxels are beyond p < {level(own.p)} of either sign, where "
        f"{decimal(200 * own.p)} % are expected. By rank, at most 1 in "
        f"{round(1 / LEVEL)} controls is flagged by construction."
    )


def corrected(own: Compared) -> str:
    """Return how family-wise p were computed."""
    if own.ranked and own.fields:
        return "by rank among the controls left out in turn, or random-field theory"
    return (
        "by rank among the controls left out in turn"
        if own.ranked
        else "random-field theory: fewer than 19 controls give no rank of .05"
    )


def few(own: Compared) -> str:
    """Return what the number of controls limits."""
    n = len(own.controls)
    return (
        f"Single patients were compared with {n} controls: a family-wise p by rank is at least "
        f"1/{n + 1}, and the normal range of any voxel is known from {n} people only."
    )


def methods(own: Compared) -> str:
    """Return the paragraph of the methods text."""
    held = [name for name in own.columns[1:]]
    words = f", with {', '.join(held)} held by the controls' least-squares fit" if held else ""
    by_rank = (
        " Family-wise p are the patient's rank: the patient and every control were left out in "
        "turn against all others, the patient among them, and the largest |z| over the brain was "
        "ranked; for one more control this is exact whatever the distribution, and close to it "
        "with covariates."
        if own.ranked
        else ""
    )
    by_field = (
        " Family-wise p are two-sided, by random-field theory (Worsley et al. 1996), with the "
        "smoothness of the controls' residuals."
        if own.fields
        else ""
    )
    return (
        f"Each patient was compared with {len(own.controls)} controls by the modified t of "
        f"Crawford and Howell (1998){words}; values from the controls have an uncertainty of their "
        f"own, which this t counts.{by_rank}{by_field}"
    )


def _patients(own: Compared) -> Table:
    rows = own.patients.copy()
    rows["group"] = [own.groups.get(label, "") for label in rows["participant_id"]]
    rows["clusters"] = rows["clusters_higher"] + rows["clusters_lower"]
    rows = rows.sort_values(["p_fwe", "participant_id"], na_position="last")
    return from_frame(
        rows[list(SHOWN)].rename(columns=SHOWN),
        "Patients, least family-wise p first",
        (
            f"{RESEARCH} Largest t: of the largest deviation, positive above the controls. Voxels "
            f"above and below: share beyond p < {level(own.p)} of that side. All columns: "
            "group/deviation.tsv; clusters and regions of each: group/deviation_clusters.tsv, "
            "group/deviation_regions.tsv; a page for each: sub-X_deviation.html.",
        ),
    )


def _controls(own: Compared) -> Table:
    return from_frame(
        own.controls,
        "Controls, each left out against the others",
        ("Numbered, not named: group/deviation_controls.tsv.",),
    )
