"""The section on receptor maps over regions of the cortex."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rt1t2_dask.report.numbers import decimal
from rt1t2_dask.report.sections.receptor_marks import judged
from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import from_frame

ANCHOR = "cortex-receptors"
ROWS = 12
SHOWN = (
    "receptor", "map", "group", "mean_fisher_z", "p_permutation", "q_fdr", "p_spatial",
    "q_conjunction", "mark",
)  # fmt: skip
READING = Reading(
    "Receptors on the cortex: q",
    "Corrected over all maps and groups on the cortex; not together with those of the volume.",
)
LIMIT = (
    "Receptor maps are averages of other people's PET in MNI152, with voxels and blur as wide as "
    "the cortex: on its surface they hold white matter and CSF too."
)


def surface_receptors_section(rows: pd.DataFrame, volume: pd.DataFrame | None) -> Section:
    """Return the section.

    Parameters
    ----------
    rows : DataFrame
        As ``receptors.tsv``, of regions of the cortex.
    volume : DataFrame, optional
        The same of the volume's regions, to compare with.
    """
    rule = judged(rows)
    best = rows.assign(mark=rule.marks(rows)).sort_values(rule.p, na_position="last").head(ROWS)
    several = bool(rows.duplicated(["group", "receptor"]).any())
    shown = [n for n in SHOWN if n in best and best[n].notna().any() and (several or n != "map")]
    notes = (
        f"By {rule.by}: ** q < .05, * p < .05 uncorrected.",
        f"All {len(rows)} rows: group/receptors_surface.tsv; the values of regions: "
        "group/receptors_surface_regions.tsv.",
    )
    return Section(
        ANCHOR,
        "Receptors on the cortex",
        sentences=(*_found(rows), *_compared(rows, volume)),
        tables=(from_frame(best[shown], "Receptor maps on the cortex", notes),),
        methods=(METHODS,),
        limits=(LIMIT,),
        reading=(READING,),
    )


METHODS = (
    "Receptor maps in MNI152 were sampled at five depths of equal volume between white and pial "
    "surface of fsaverage5, fitted to the grey matter of the ICBM152 template, depths weighted by "
    "its share of grey matter to the power 8, averaged over the regions of the cortex by area, and "
    "correlated with the change of these regions as in the volume; the grey-matter prior that is "
    "held constant is the template's share on the same vertices."
)


def _found(rows: pd.DataFrame) -> list[str]:
    rule = judged(rows)
    said = []
    for group, own in rows.groupby("group", sort=False):
        found = own[rule.found(own)]
        names = f": {', '.join(found['map'])}" if len(found) else ""
        said.append(f"{group}: {len(found)} of {len(own)} maps with q < .05{names}.")
    return said


def _compared(rows: pd.DataFrame, volume: pd.DataFrame | None) -> list[str]:
    """Say how alike the correlations are to those over the volume's regions."""
    if volume is None:
        return []
    both = rows.merge(volume, on=["group", "map"], suffixes=("", "_volume"))
    pairs = both[["mean_fisher_z", "mean_fisher_z_volume"]].dropna().to_numpy()
    if len(pairs) < 3 or np.ptp(pairs, axis=0).min() == 0:
        return []
    r = float(np.corrcoef(pairs.T)[0, 1])
    return [
        f"Over {len(pairs)} maps and groups these correlations and those of the volume's regions, "
        f"which have subcortex and cerebellum too, correlate at {decimal(r)}."
    ]
