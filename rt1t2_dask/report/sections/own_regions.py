"""The section on regions of the user's own: coverage, contrasts, corrected within them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.report.sections.section import Reading, Section
from rt1t2_dask.report.sections.table import Table, from_frame

ANCHOR = "own-regions"
LEVEL, ROWS, LEAST_VOXELS = 0.05, 12, 10
SIZES = ("name", "volume_mm3", "voxels", "coverage_mean", "n_measured")
PEAKS = ("name", "voxels", "region_t", "peak", "p_fwe_set")
EFFECTS = ("name", "n", "percent", "region_t", "dof", "p_region", "q_fdr", "p_fwe_max_t")
LIMIT = (
    "A small-volume correction is valid for regions chosen before the results were seen. It "
    "covers the regions of one set; several sets are not corrected for each other."
)


class SetShown(NamedTuple):
    """What the section shows of one set of regions.

    Parameters
    ----------
    coverage : DataFrame
        A row a region; see `rt1t2_dask.pipelines.regions.coverage`.
    effects, peaks : mapping of str to DataFrame
        By contrast, a row a region; ``peaks`` is empty without permutations.
    """

    coverage: pd.DataFrame
    effects: Mapping[str, pd.DataFrame]
    peaks: Mapping[str, pd.DataFrame]


READING = Reading(
    "Own regions: q, and p FWE, voxels of the set",
    "Corrected over the regions, and for the voxels, of one set and one contrast; not for several "
    "sets.",
)


def own_regions_section(sets: Mapping[str, SetShown]) -> Section:
    """Return the section.

    Parameters
    ----------
    sets : mapping of str to SetShown
        By name, as in ``regions``.
    """
    corrected = any(own.peaks for own in sets.values())
    return Section(
        ANCHOR,
        "Own regions",
        sentences=tuple(line for name, own in sets.items() for line in _said(name, own)),
        tables=tuple(table for name, own in sets.items() for table in _tables(name, own)),
        methods=(_methods(list(sets), corrected),),
        reading=(READING,),
        limits=(LIMIT,) if corrected else (),
        cites=("worsley1996", "winkler2014") if corrected else (),
    )


def _said(name: str, own: SetShown) -> Iterator[str]:
    rows = own.coverage
    yield (
        f"{name}: {len(rows)} {'regions' if len(rows) > 1 else 'region'}, "
        f"{rows['volume_mm3'].sum():,.0f} mm\N{SUPERSCRIPT THREE}."
    )
    outside = rows.loc[rows["voxels"] == 0, "name"]
    if len(outside):
        yield f"{', '.join(outside)}: outside the maps, or smaller than their voxels; not tested."
    small = rows.loc[rows["voxels"].between(1, LEAST_VOXELS - 1), "name"]
    if len(small):
        yield (
            f"{', '.join(small)}: fewer than {LEAST_VOXELS} voxels of the maps, whose smoothing "
            "mixes them with their neighbours."
        )
    for contrast, effects in own.effects.items():
        found = int((effects["q_fdr"] < LEVEL).sum())
        parts = [f"{contrast}, {name}: {found} of {len(effects)} with q < {LEVEL:g} by FDR"]
        if contrast in own.peaks:
            within = int((own.peaks[contrast]["p_fwe_set"] < LEVEL).sum())
            parts.append(f"a peak with p < {LEVEL:g}, corrected for their voxels, in {within}")
        yield "; ".join(parts) + "."


def _tables(name: str, own: SetShown) -> Iterator[Table]:
    for contrast, peaks in own.peaks.items():
        best = _places(peaks.sort_values("p_fwe_set", na_position="last").head(ROWS))
        note = f"All regions: group/contrast-{contrast}_smallvolume-{name}.tsv."
        yield from_frame(best, f"{contrast}: peaks within {name}", (note,))
    for contrast, effects in own.effects.items():
        best = effects.sort_values("p", na_position="last").head(ROWS)
        best = best.rename(columns={"t": "region_t", "p": "p_region"})
        shown = [column for column in EFFECTS if best[column].notna().any()]
        note = f"All regions, with effect sizes: group/contrast-{contrast}_regions-{name}.tsv."
        yield from_frame(best[shown], f"{contrast}: means of {name}", (note,))
    note = f"All regions: group/regions-{name}.tsv; means: group/regions-{name}_means.tsv."
    yield from_frame(own.coverage[list(SIZES)].head(ROWS), f"{name}: size and coverage", (note,))


def _places(peaks: pd.DataFrame) -> pd.DataFrame:
    """Return the peaks with their places in one column."""
    places = pd.Series(
        [_place(mm) for mm in peaks[["x_mm", "y_mm", "z_mm"]].to_numpy()], index=peaks.index
    )
    return peaks.assign(region_t=peaks["t"], peak=places)[list(PEAKS)]


def _place(mm: NDArray[np.float64]) -> str | None:
    if np.isnan(mm).any():
        return None
    return " ".join(f"{value:.0f}" for value in mm).replace("-", "\N{MINUS SIGN}")


def _methods(names: list[str], corrected: bool) -> str:
    said = (
        f"Regions of our own ({', '.join(names)}) were brought to the grid of the maps by nearest "
        "neighbour; means need half of a region measured, and were tested as those of the atlas"
    )
    if not corrected:
        return said + "."
    return (
        said + ". Within each set of regions, family-wise p of voxels came from the largest |t| of "
        "each relabeling over these voxels alone (small-volume correction; Worsley et al. 1996; "
        "Winkler et al. 2014)."
    )
