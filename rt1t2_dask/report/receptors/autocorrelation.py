"""The section on the spatial autocorrelation of people's regional deviations."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.report.numbers import decimal, is_missing, p_phrase, thousands
from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import from_frame


def autocorrelation_section(groups: pd.DataFrame, n_permutations: int) -> Section:
    """Return the section.

    Parameters
    ----------
    groups : DataFrame
        A row a group of patients; see `rt1t2_dask.pipelines.receptors.autocorrelation`.
    n_permutations : int
    """
    return Section(
        "autocorrelation",
        "Spatial autocorrelation by person",
        sentences=tuple(_said(row) for _, row in groups.iterrows()),
        tables=(
            from_frame(
                groups,
                "Moran's I of regional deviations",
                ("Of each person: group/receptors_moran.tsv.",),
            ),
        ),
        reading=(
            Reading(
                "Spatial autocorrelation: p",
                "By permutation of labels, not corrected.",
            ),
        ),
        methods=(
            "Moran's I of each person's regional z against all others (weights one over the "
            "distance of the regions' centres; Moran 1950) was compared between groups by "
            f"{thousands(n_permutations)} relabelings.",
        ),
        limits=(
            "Moran's I of regional deviations differs with noise, motion and protocol too; no "
            "covariate is held in its comparison.",
        ),
        cites=("moran1950",),
    )


def _said(row: pd.Series) -> str:
    """Return in a sentence how smooth the deviations of a group are."""
    sides = f"{row['group']} against {row['reference']}"
    if is_missing(row["difference"]):
        return f"{sides}: too few people to compare Moran's I."
    means = (decimal(row[name], places=3) for name in ("moran_mean", "moran_mean_reference"))
    p = row["p_permutation"]
    tested = "not tested (receptors.n_permutations=0)" if is_missing(p) else f"p {p_phrase(p)}"
    return f"{sides}: Moran's I of people's regional deviations {' and '.join(means)}, {tested}."
