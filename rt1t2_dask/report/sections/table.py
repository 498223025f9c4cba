"""One table of a page: formatted numbers, headings with units, footnotes; no HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from numbers import Real
from typing import Any

import pandas as pd

from rt1t2_dask.report.numbers import (
    NOT_AVAILABLE,
    decimal,
    is_missing,
    percent,
    probability,
    thousands,
)

Show = Callable[[Any], str]

_NA_NOTE = "n/a: not computed or unknown; the notes give the reason where a method was not run."
_LARGE = 1000
SHORT = 20
SIZES = {most: f"columns-{most}" for most in (3, 4, 6, 9, 12, 20)}
STATISTICS = ("t", "f", "estimate", "percent", "effect", "mean", "sd", "share", "n", "g")


@dataclass(frozen=True)
class Heading:
    """Column heading; numbers are right-aligned; ``band`` spans neighbouring columns."""

    text: str
    numeric: bool = True
    band: str = ""


@dataclass(frozen=True)
class Table:
    """A formatted table: every cell is text, the first of each row names the row.

    Parameters
    ----------
    caption : str
    headings : tuple of Heading
    rows : tuple of tuple of str
    footnotes : tuple of str
    places : tuple of (x, y, z)
        Coordinates of each row, in mm of the maps' space; empty for other rows.
    """

    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, ...], ...]
    footnotes: tuple[str, ...] = ()
    places: tuple[tuple[float, float, float], ...] = ()

    @property
    def short(self) -> bool:
        """Whether it is open in print where it is folded on the screen."""
        return len(self.rows) <= SHORT

    @property
    def size(self) -> str:
        """Name of its size in the style sheet, which shows rows as cards where columns are cut."""
        fits = (name for most, name in SIZES.items() if len(self.headings) <= most)
        return next(fits, "columns-more")

    @property
    def bands(self) -> tuple[tuple[str, int], ...]:
        """Headings over several columns and their spans; empty where there are none."""
        runs = [(band, len(list(own))) for band, own in groupby(h.band for h in self.headings)]
        return tuple(runs) if any(band for band, _ in runs) else ()


def text(value: Any) -> str:
    """Return a cell as text, or n/a."""
    return NOT_AVAILABLE if is_missing(value) else str(value)


def anything(value: Any) -> str:
    """Format a cell of unknown kind; non-integers have four significant digits."""
    if isinstance(value, bool | str) or is_missing(value) or not isinstance(value, Real):
        return text(value)
    number = float(value)
    if number.is_integer() or abs(number) >= _LARGE:
        return thousands(number)
    return f"{number:#.4g}".replace("-", "\N{MINUS SIGN}")


_COLUMNS: dict[str, tuple[str, Show]] = {
    "cluster": ("No.", text),
    "direction": ("Direction", text),
    "region": ("Region at peak", text),
    "volume_mm3": ("Volume (mm³)", thousands),
    "voxels": ("Voxels", thousands),
    "same_sign_share": ("Voxels of the same sign", percent),
    "effect_percent": ("% of the mean", decimal),
    "peak_t": ("Peak t", decimal),
    "peak_t_adjusted": ("Peak t, held", decimal),
    "effect_adjusted": ("Effect, held", anything),
    "volume_left_share": ("Volume left", percent),
    "peak_zscore": ("Peak Z", decimal),
    "peak": ("Peak x y z (mm)", text),
    "centre": ("Centre x y z (mm)", text),
    "extent_p_uncorrected": ("Extent p, uncorrected", probability),
    "extent_p_fwe_rft": ("Extent p FWE, random field", probability),
    "extent_q_fdr": ("Extent q (FDR)", probability),
    "extent_p_fwe_permutation": ("Extent p FWE, permutation", probability),
    "peak_p_fwe_rft": ("Peak p FWE, random field", probability),
    "peak_p_fwe_permutation": ("Peak p FWE, permutation", probability),
    "p_fwe_rft": ("p FWE, random field", probability),
    "q_fdr": ("q (FDR)", probability),
    "p_peak": ("p peak, uncorrected", probability),
    "p_fwe_max_t": ("p FWE, largest |t|", probability),
    "p_fwe_tfce": ("p FWE, TFCE", probability),
    "p_fwe_extent": ("p FWE, extent", probability),
    "p_all_neighbours": ("p, all neighbours", probability),
    "q_all_neighbours": ("q (FDR), all neighbours", probability),
    "p_fwe_all_neighbours": ("p FWE, all neighbours", probability),
    "rho": ("ρ", partial(decimal, places=3)),
    "p_region": ("p", probability),
    "statistic": ("t or F", decimal),
    "dof": ("df", anything),
    "hedges_g": ("Hedges' g", decimal),
    "g_interval": ("95 % interval of g", text),
    "d_z": ("d_z", decimal),
    "d_z_interval": ("95 % interval of d_z", text),
    "partial_r": ("Partial r", decimal),
    "partial_r_interval": ("95 % interval of partial r", text),
    "partial_eta2": ("Partial η²", decimal),
    "partial_eta2_interval": ("95 % interval of partial η²", text),
    "estimate": ("Estimate", anything),
    "estimate_interval": ("95 % interval of the estimate", text),
    "percent": ("% of the mean", decimal),
    "percent_ci90_low": ("90 % interval from", decimal),
    "percent_ci90_high": ("to", decimal),
    "p_equivalence_percent": ("p, within % bounds", probability),
    "g": ("Hedges' g", decimal),
    "p_equivalence_g": ("p, within SD bounds", probability),
    "bf10": ("Bayes factor", anything),
    "largest_t": ("Largest t", decimal),
    "region_t": ("t", decimal),
    "p_fwe_set": ("p FWE, voxels of the set", probability),
    "coverage_mean": ("Measured, mean", percent),
    "n_measured": ("People measured", thousands),
    "p_fwe_brain": ("p FWE, brain", probability),
    "peak_p_fwe": ("Peak p FWE", probability),
    "percent_expected": ("% from expected", decimal),
    "percent_below": ("% of controls below", decimal),
    "share_higher": ("Voxels above", percent),
    "share_lower": ("Voxels below", percent),
    "clusters": ("Clusters", thousands),
    "clusters_lower": ("Clusters lower", thousands),
    "clusters_higher": ("higher", thousands),
    "lesion_overlap": ("In any lesion", percent),
    "regions": ("All regions", text),
    "group": ("Group", text),
    "n": ("n", thousands),
    "age": ("Age, mean ± SD (years)", text),
    "n_male": ("Male", thousands),
    "n_female": ("Female", thousands),
    "receptor": ("Receptor", text),
    "map": ("Map", text),
    "mean_fisher_z": ("Mean Fisher z", partial(decimal, places=3)),
    "icc": ("ICC(3,1)", decimal),
    "icc_ci95_low": ("95 % interval, low", decimal),
    "icc_ci95_high": ("95 % interval, high", decimal),
    "within_sd": ("Within-person SD", anything),
    "within_sd_percent": ("Within-person SD, %", decimal),
    "repeatability": ("Repeatability", anything),
    "repeatability_percent": ("Repeatability, %", decimal),
    "change_percent": ("Change, %", decimal),
    "change_p": ("p of the change", probability),
    "mean_rho": ("Mean ρ", partial(decimal, places=3)),
    "interval": ("95 % interval of Fisher z", text),
    "p_permutation": ("p, label permutation", probability),
    "p_spatial": ("p, spatial null", probability),
    "p_fwe": ("p FWE over maps", probability),
    "p_conjunction": ("p, both nulls", probability),
    "q_conjunction": ("q (FDR), both nulls", probability),
    "reference": ("Against", text),
    "n_reference": ("n, reference", thousands),
    "moran_mean": ("Moran's I, mean", partial(decimal, places=3)),
    "moran_sd": ("SD", partial(decimal, places=3)),
    "moran_mean_reference": ("Reference, mean", partial(decimal, places=3)),
    "moran_sd_reference": ("SD", partial(decimal, places=3)),
    "difference": ("Difference", partial(decimal, places=3)),
    "mark": ("Found", str),
    "n_regions": ("Regions", thousands),
    "participant_id": ("Participant", text),
    "stage": ("Stage", text),
    "reason": ("Reason", text),
    "flag": ("Reasons", text),
    "used": ("Used in group results", text),
    "read_as": ("Read as", text),
    "known": ("People with a value", text),
    "values": ("Values", text),
    "column": ("Column", text),
    "n_first": ("n of the first", thousands),
    "n_second": ("n of the second", thousands),
    "mean_first": ("Mean of the first", decimal),
    "mean_second": ("Mean of the second", decimal),
}
_WORDS = {
    "cluster",
    "direction",
    "region",
    "regions",
    "group",
    "receptor",
    "mark",
    "map",
    "stage",
    "reason",
    "flag",
    "used",
}


def from_frame(frame: pd.DataFrame, caption: str, footnotes: Sequence[str] = ()) -> Table:
    """Format a DataFrame as a table: known columns by their units, p and q columns as such.

    Parameters
    ----------
    frame : DataFrame
        The first column names the rows.
    caption : str
    footnotes : sequence of str
        A note on n/a is added where a cell is n/a.
    """
    known = [_known(str(name)) for name in frame.columns]
    rows = tuple(
        tuple(show(value) for (_, show), value in zip(known, row, strict=True))
        for row in frame.itertuples(index=False, name=None)
    )
    headings = tuple(
        Heading(words, _is_numeric(frame[name], str(name)))
        for name, (words, _) in zip(frame.columns, known, strict=True)
    )
    empty = any(NOT_AVAILABLE in row for row in rows)
    return Table(caption, headings, rows, (*footnotes, *([_NA_NOTE] if empty else [])))


def with_places(table: Table, frame: pd.DataFrame, columns: Sequence[str]) -> Table:
    """Add coordinates to rows: columns with x, y and z in mm, rows in table order."""
    points = frame[list(columns)].to_numpy(dtype=float).tolist()
    return replace(table, places=tuple((x, y, z) for x, y, z in points))


def _known(name: str) -> tuple[str, Show]:
    if name in _COLUMNS:
        return _COLUMNS[name]
    words = name.replace("_", " ")
    first, *rest = name.lower().split("_")
    # A group may be called p or q: what is of a group begins with the statistic.
    sought = first not in STATISTICS and {first, *rest} & {"p", "q"}
    return words[:1].upper() + words[1:], probability if sought else anything


def _is_numeric(column: pd.Series, name: str) -> bool:
    return name not in _WORDS and (
        pd.api.types.is_numeric_dtype(column) or name in ("peak", "centre", "age", "interval")
    )
