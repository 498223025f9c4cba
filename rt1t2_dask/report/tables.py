"""Tables of the report: numbers as text, headings with units, footnotes; no HTML here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any

import pandas as pd

from rt1t2_dask.report.content import AssetLike, ContrastResult, ReportContent
from rt1t2_dask.report.numbers import (
    NOT_AVAILABLE,
    coordinates,
    decimal,
    is_missing,
    percent,
    probability,
    thousands,
)

Show = Callable[[Any], str]

_NA_NOTE = "n/a: not computed or not known; the notes say why where a method was not run."
_CHECKSUM_LETTERS = 12
_LARGE = 1000


@dataclass(frozen=True)
class Heading:
    """Head of a column; numbers align to the right."""

    text: str
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A table ready to print: every cell is text, the first of each row names the row."""

    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, ...], ...]
    footnotes: tuple[str, ...] = ()


def text(value: Any) -> str:
    """Give a cell as it is, or n/a."""
    return NOT_AVAILABLE if is_missing(value) else str(value)


def anything(value: Any) -> str:
    """Give a cell of unknown kind; numbers that are not whole get four significant digits."""
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
    "peak_t": ("Peak t", decimal),
    "peak_zscore": ("Peak Z", decimal),
    "peak": ("Peak x y z (mm)", text),
    "centre": ("Centre x y z (mm)", text),
    "p_uncorrected": ("p cluster, uncorrected", probability),
    "p_fwe_rft": ("p FWE, random field", probability),
    "q_fdr": ("q (FDR)", probability),
    "p_fwe_permutation": ("p FWE, permutation", probability),
    "p_peak": ("p peak, uncorrected", probability),
    "p_fwe_max_t": ("p FWE, largest |t|", probability),
    "p_region": ("p", probability),
    "statistic": ("t or F", decimal),
    "dof": ("df", anything),
    "hedges_g": ("Hedges' g", decimal),
    "g_interval": ("95 % interval of the effect", text),
    "estimate": ("Estimate", anything),
    "percent": ("% of the mean", decimal),
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
    "mean_rho": ("Mean ρ", partial(decimal, places=3)),
    "interval": ("95 % interval of Fisher z", text),
    "p_permutation": ("p, label permutation", probability),
    "p_spatial": ("p, spatial null", probability),
    "p_fwe": ("p FWE over maps", probability),
    "p_conjunction": ("p, both nulls", probability),
    "n_regions": ("Regions", thousands),
    "participant_id": ("Participant", text),
    "stage": ("Stage", text),
    "reason": ("Reason", text),
    "flag": ("Reasons", text),
    "used": ("Used in group results", text),
}
_WORDS = {
    "cluster",
    "direction",
    "region",
    "regions",
    "group",
    "receptor",
    "map",
    "stage",
    "reason",
    "flag",
    "used",
}
_CLUSTER_ORDER = [
    *("cluster", "direction", "region", "volume_mm3", "voxels", "peak_t", "peak_zscore", "peak"),
    *("centre", "p_uncorrected", "p_fwe_rft", "q_fdr", "p_fwe_permutation", "lesion_overlap"),
    "regions",
]
_RECEPTOR_ORDER = [
    *("receptor", "map", "group", "mean_fisher_z", "interval", "mean_rho", "p_permutation"),
    *("q_fdr", "p_fwe", "p_spatial", "p_conjunction", "n_regions"),
]


def clusters(result: ContrastResult) -> Table:
    """Give the cluster table of a contrast (the paper's Table 2)."""
    frame = result.clusters.copy()
    frame["direction"] = frame["sign"].map(
        {"positive": result.positive, "negative": result.negative}
    )
    for name in ("peak", "centre"):
        frame[name] = [
            coordinates(row) for row in frame[[f"{name}_{a}_mm" for a in "xyz"]].to_numpy()
        ]
    notes = ("Coordinates in mm of the map's space. FWE: family-wise error; FDR: false discovery.",)
    return from_frame(frame[_CLUSTER_ORDER], f"Clusters, {result.title}", notes)


def receptors(frame: pd.DataFrame) -> Table:
    """Give the receptor table (the paper's Table 3)."""
    shown = frame.copy()
    shown["interval"] = [
        NOT_AVAILABLE if is_missing(low) else f"{decimal(low, 3)} to {decimal(high, 3)}"
        for low, high in zip(frame["ci_low"], frame["ci_high"], strict=True)
    ]
    permutations = [thousands(n) for n in sorted(frame["n_permutations"].dropna().unique())]
    notes = (
        f"Permutations: {' or '.join(permutations) or NOT_AVAILABLE}.",
        "Intervals: studentised bootstrap over patients.",
        "q: Benjamini-Hochberg over all maps and patient groups of this run.",
        "p, both nulls: the larger of the two p.",
        "The smallest p that n permutations can give is 1/(n + 1).",
    )
    return from_frame(
        shown[[name for name in _RECEPTOR_ORDER if name in shown]],
        "Correlation of ratio changes with receptor maps",
        notes,
    )


def demographics(frame: pd.DataFrame) -> Table:
    """Give the people by group (the paper's Table 1); further columns hold the tests."""
    shown = frame.replace("", NOT_AVAILABLE)
    if {"age_mean", "age_sd"} <= set(shown):
        age = [
            NOT_AVAILABLE if is_missing(mean) else f"{decimal(mean, 1)} ± {decimal(sd, 1)}"
            for mean, sd in zip(shown.pop("age_mean"), shown.pop("age_sd"), strict=True)
        ]
        shown.insert(2, "age", age)
    return from_frame(shown, "Age and sex by group")


def permutation(result: ContrastResult) -> Table | None:
    """Give the whole-brain permutation test, one row a statistic; None where not run."""
    found = result.permutation
    if not found:
        return None
    parts = [found.get(key) or {} for key in ("observed_maximum", "critical_05", "p")]
    units = found.get("unit") or {}
    rows = tuple(
        (
            f"{name} ({units[name]})" if name in units else name,
            decimal(parts[0].get(name)),
            decimal(parts[1].get(name)),
            probability(parts[2].get(name)),
        )
        for name in dict.fromkeys(name for part in parts for name in part)
    )
    heads = ("Observed maximum", "Critical value at FWE .05", "p FWE")
    method = str(found.get("method", "")).replace("_", "-").title()
    caption = (
        f"{method} permutation, {result.title}: {thousands(found.get('n'))} permutations, "
        f"seed {found.get('seed')}"
    )
    return Table(caption, (Heading("Statistic", False), *map(Heading, heads)), rows)


def assets(used: Sequence[AssetLike]) -> Table:
    """Give every atlas, template and map with its terms."""
    rows = tuple(
        (
            asset.name,
            asset.licence,
            asset.citation,
            asset.sha256[:_CHECKSUM_LETTERS] or NOT_AVAILABLE,
        )
        for asset in used
    )
    heads = tuple(Heading(h, False) for h in ("Asset", "Licence", "Citation", "SHA-256 (start)"))
    return Table("Atlases, templates and maps of others that this run used", heads, rows)


def settings(nested: Mapping[str, Any], caption: str) -> Table:
    """Give nested settings as one dotted key a row."""
    rows = tuple((key, "null" if value is None else str(value)) for key, value in flat(nested))
    return Table(caption, (Heading("Key", False), Heading("Value", False)), rows)


def flat(nested: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Give the leaves of nested mappings with dotted keys, in their order."""
    pairs: list[tuple[str, Any]] = []
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            pairs += flat(value, f"{name}.")
        else:
            pairs.append((name, value))
    return pairs


def from_frame(frame: pd.DataFrame, caption: str, footnotes: Sequence[str] = ()) -> Table:
    """Turn a frame into a table: known columns by their units, p and q columns as such.

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


def _known(name: str) -> tuple[str, Show]:
    if name in _COLUMNS:
        return _COLUMNS[name]
    words = name.replace("_", " ")
    letters = set(name.lower().split("_"))
    return words[:1].upper() + words[1:], probability if letters & {"p", "q"} else anything


def _is_numeric(column: pd.Series, name: str) -> bool:
    return name not in _WORDS and (
        pd.api.types.is_numeric_dtype(column) or name in ("peak", "centre", "age", "interval")
    )


def _flags(quality: pd.DataFrame | None) -> pd.DataFrame | None:
    if quality is None or "flag" not in quality:
        return None
    flagged = quality[quality["flag"].notna()]
    return flagged[[name for name in ("participant_id", "used", "flag") if name in flagged]]


def _flagged_first(quality: pd.DataFrame | None) -> pd.DataFrame | None:
    if quality is None or "flag" not in quality:
        return quality
    ordered = quality.sort_values("flag", key=lambda flag: flag.isna(), kind="stable")
    return ordered.drop(columns="flag")


def people(content: ReportContent) -> dict[str, Table]:
    """Give the tables on who was left out, who failed and how good the rest is."""
    found = {
        "excluded": (content.excluded, "Left out by the study's settings"),
        "failures": (content.failures, "Failed during processing"),
        "flags": (_flags(content.quality), "People beyond a limit of quality"),
        "quality": (_flagged_first(content.quality), "Quality, one row a person"),
        "sensitivity": (
            content.calibration_sensitivity,
            "The contrasts under every calibration: means over the clusters of this analysis",
        ),
    }
    return {
        key: from_frame(frame, caption)
        for key, (frame, caption) in found.items()
        if frame is not None and not frame.empty
    }
