"""The section on scores: whether patients with more of a symptom resemble a receptor map more."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.report.numbers import decimal, p_phrase, thousands
from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import from_frame

ALPHA, ROWS = 0.05, 12


def scores_section(rows: pd.DataFrame, n_permutations: int) -> Section:
    """Return the section.

    Parameters
    ----------
    rows : DataFrame
        A row a group, score and map; see `rt1t2_dask.pipelines.receptors.scores`.
    n_permutations : int
    """
    ordered = rows.sort_values("p", kind="stable").head(ROWS)
    return Section(
        "receptor-scores",
        "Receptors and scores",
        sentences=tuple(
            said(str(group), str(score), own)
            for (group, score), own in rows.groupby(["group", "score"], sort=False)
        ),
        tables=(
            from_frame(
                ordered,
                f"The {len(ordered)} correlations with the least p",
                ("All: group/receptors_scores.tsv. q over all maps, groups and scores.",),
            ),
        ),
        reading=(
            Reading(
                "Receptors and scores",
                "p is not corrected; q is, over all maps, groups and scores, and p FWE over the "
                "maps.",
            ),
        ),
        methods=(
            "Each patient's Fisher z with every receptor map was correlated with scores over "
            f"patients (Spearman; p by {thousands(n_permutations)} permutations of the score, "
            "corrected for all maps by the largest correlation, and by FDR).",
        ),
        limits=(
            "A correlation of a score with colocalisation is one over patients: few of them leave "
            "it wide, and what goes with the score, such as age or severity, goes with it.",
        ),
    )


def said(group: str, score: str, rows: pd.DataFrame) -> str:
    """Return in a sentence how a score goes with the maps."""
    n = int(rows["n"].iloc[0])
    if rows["p"].isna().all():
        return f"{score} in {group}: {n} patients with a value, too few to correlate."
    strong = rows[rows["q"] < ALPHA]
    best = rows.sort_values("p", kind="stable").iloc[0]
    return (
        f"{score} in {group} (n = {n}): {len(strong) or 'none'} of {len(rows)} maps at q < .05; "
        f"the smallest p is that of {best['receptor']}, rho = {decimal(best['rho'])}, "
        f"p {p_phrase(best['p'])}, corrected for all maps {p_phrase(best['p_fwe'])}."
    )
