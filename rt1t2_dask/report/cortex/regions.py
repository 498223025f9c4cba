"""The section on regions of the cortex."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import Table, from_frame

ANCHOR = "cortex-regions"
LEVEL, ROWS = 0.05, 12
EFFECTS = ("name", "n", "percent", "region_t", "dof", "p_region", "q_fdr", "p_fwe_max_t", "g")
READING = Reading(
    "Regions of the cortex: q, and p FWE, largest |t|",
    "Corrected over the regions of both hemispheres, for one contrast; not for several.",
)


def regions_section(
    means: pd.DataFrame, effects: Mapping[str, pd.DataFrame], projected: bool
) -> Section:
    """Return the section.

    Parameters
    ----------
    means : DataFrame
        A row a person, ``participant_id`` and a column a region.
    effects : mapping of str to DataFrame
        By contrast, a row a region.
    projected : bool
        Whether the regions are those of a volume, projected to the mesh.
    """
    values = means.drop(columns="participant_id")
    missing = int(values.isna().to_numpy().sum())
    lacking = f"; {missing} means are missing" if missing else ""
    return Section(
        ANCHOR,
        "Regions of the cortex",
        sentences=(
            f"{values.shape[1]} regions of both hemispheres in {len(values)} people{lacking}.",
            *(_said(name, rows) for name, rows in effects.items()),
        ),
        tables=tuple(table for name, rows in effects.items() for table in _tables(name, rows)),
        methods=(_methods(projected),),
        limits=(PROJECTED,) if projected else (),
        reading=(READING,) if effects else (),
    )


PROJECTED = (
    "Regions of the cortex are those of the nearest voxels of a Desikan-Killiany volume; "
    "FreeSurfer's own annotation may differ at their borders."
)


def _said(name: str, rows: pd.DataFrame) -> str:
    found = int((rows["q_fdr"] < LEVEL).sum())
    return f"{name}: {found} of {len(rows)} regions with q < {LEVEL:g} by FDR."


def _tables(name: str, rows: pd.DataFrame) -> Iterator[Table]:
    best = rows.sort_values("p", na_position="last").head(ROWS)
    best = best.rename(columns={"t": "region_t", "p": "p_region"})
    shown = [column for column in EFFECTS if column in best and best[column].notna().any()]
    note = f"All regions, with effect sizes: group/contrast-{name}_surface_regions.tsv."
    yield from_frame(best[shown], f"{name}: means of regions of the cortex", (note,))


def _methods(projected: bool) -> str:
    which = "The Desikan-Killiany atlas" if projected else "A parcellation of our own"
    return (
        f"{which} divided the cortex into regions. The ratio between white and pial surface, not "
        "smoothed, was averaged over each by the areas of its vertices, at least half of which had "
        "to be known, and tested as the means of the volume's regions."
    )
