"""Tables of the report: columns, order and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from rt1t2_dask.images.quality.judge import MEASURES
from rt1t2_dask.report.content import AssetLike, ContrastResult, ReportContent
from rt1t2_dask.report.numbers import (
    NOT_AVAILABLE,
    coordinates,
    decimal,
    is_missing,
    p_phrase,
    probability,
    thousands,
)
from rt1t2_dask.report.sections.contrast_details import scale_notes
from rt1t2_dask.report.sections.receptor_marks import judged
from rt1t2_dask.report.sections.table import Heading, Table, from_frame, with_places

_CHECKSUM_LETTERS = 12
_STATISTICS = {"max_t": "highest peak", "cluster": "largest cluster", "tfce": "TFCE"}
_CLUSTER_ORDER = [
    *("cluster", "direction", "region", "volume_mm3"),
    *("extent_p_fwe_rft", "extent_p_fwe_permutation", "extent_q_fdr"),
    *("peak_t", "peak", "peak_p_fwe_rft", "peak_p_fwe_permutation"),
    "lesion_overlap",
]
_BANDS = {"extent": "Cluster extent", "peak": "Peak"}
_CLUSTER_MORE = [
    *("cluster", "voxels", "extent_p_uncorrected", "peak_zscore", "centre", "regions"),
]
_RECEPTOR_ORDER = [
    *("receptor", "mark", "group", "mean_fisher_z", "interval"),
    *("p_permutation", "q_fdr", "p_spatial", "q_conjunction"),
]
_RECEPTOR_MORE = ["receptor", "map", "group", "mean_rho", "p_fwe", "p_conjunction", "n_regions"]


def clusters(result: ContrastResult) -> Table:
    """Return the cluster table of a contrast (the paper's Table 2)."""
    frame = result.clusters.copy()
    frame["direction"] = frame["sign"].map(
        {"positive": result.positive, "negative": result.negative}
    )
    places = [f"peak_{axis}_mm" for axis in "xyz"]
    frame["peak"] = [coordinates(row) for row in frame[places].to_numpy()]
    names = [name for name in _CLUSTER_ORDER if not _not_permuted(frame, name)]
    made = from_frame(frame[names], f"Clusters, {result.title}", _cluster_notes(result))
    heads = tuple(
        replace(
            head,
            text=f"Peak {result.statistic}" if head.text == "Peak t" else head.text,
            band=_BANDS.get(name.split("_", maxsplit=1)[0], ""),
        )
        for name, head in zip(names, made.headings, strict=True)
    )
    return with_places(replace(made, headings=heads), frame, places)


def _not_permuted(frame: pd.DataFrame, name: str) -> bool:
    """Return whether a column of permutation p is empty, as by default."""
    return name == "extent_p_fwe_permutation" and bool(frame[name].isna().all())


def _cluster_notes(result: ContrastResult) -> tuple[str, ...]:
    notes = ["Coordinates in mm of the map's space. FWE: family-wise error; FDR: false discovery."]
    if result.statistic == "t":
        notes.append(
            "p and q of random fields are one-sided for each sign, as in SPM12: searching both "
            "signs doubles the false positives. p by permutation are two-sided."
        )
    if result.permutation and _not_permuted(result.clusters, "extent_p_fwe_permutation"):
        notes.append(
            f"The peak's p by permutation is of its {result.symbol}; that of extent needs "
            "permute.statistic=[max_t,cluster] with permute.forming_p as contrast.p."
        )
    return (*notes, *(scale_notes(result.details) if result.details else ()))


def cluster_extents(result: ContrastResult) -> Table:
    """Return the extent of each cluster: voxels, centre of gravity, all its regions."""
    frame = result.clusters.copy()
    places = [f"centre_{axis}_mm" for axis in "xyz"]
    frame["centre"] = [coordinates(row) for row in frame[places].to_numpy()]
    made = from_frame(frame[_CLUSTER_MORE], "Cluster extents")
    return with_places(made, frame, places)


def receptors(frame: pd.DataFrame) -> Table:
    """Return the receptor table (the paper's Table 3)."""
    shown = frame.copy()
    shown["interval"] = [
        NOT_AVAILABLE if is_missing(low) else f"{decimal(low, 3)} to {decimal(high, 3)}"
        for low, high in zip(frame["ci_low"], frame["ci_high"], strict=True)
    ]
    rule = judged(frame)
    shown["mark"] = rule.marks(frame)
    permutations = [thousands(n) for n in sorted(frame["n_permutations"].dropna().unique())]
    notes = (
        f"Permutations: {' or '.join(permutations) or NOT_AVAILABLE}.",
        f"By {rule.by}: ** q < .05, * p < .05 uncorrected.",
        "Intervals: studentised bootstrap over patients and, for z relative to them, controls.",
        "q: Benjamini-Hochberg over all maps and patient groups of this run.",
        "q, both nulls: of the larger of the two p.",
        "The smallest possible p of n permutations is 1/(n + 1).",
    )
    return from_frame(
        shown[[name for name in _RECEPTOR_ORDER if name in shown]],
        "Correlation of ratio changes with receptor maps",
        notes,
    )


def receptor_details(frame: pd.DataFrame) -> Table:
    """Return what of the receptors the main table leaves out."""
    notes = (
        "p, both nulls: the larger of the two p.",
        "p FWE over maps: statistics in units of their permutation SD.",
    )
    kept = frame[[name for name in _RECEPTOR_MORE if name in frame]]
    return from_frame(kept, "Receptor maps: names, ρ, further p", notes)


def demographics(frame: pd.DataFrame) -> Table:
    """Return the demographics by group and the tests (the paper's Table 1)."""
    rows = (
        ("n", *(thousands(n) for n in frame["n"]), ""),
        ("Age in years, mean ± SD", *_ages(frame), _age_tests(frame)),
        ("Sex, male / female", *_sexes(frame), _test(frame.iloc[0], "sex")),
    )
    heads = ("Characteristic", *map(str, frame["group"]), "Test")
    numeric = (False, *(True for _ in frame["group"]), False)
    return Table("Age and sex by group", tuple(map(Heading, heads, numeric)), rows)


def _ages(frame: pd.DataFrame) -> list[str]:
    known = frame["n_age"] if "n_age" in frame else frame["n"]
    rows = zip(frame["age_mean"], frame["age_sd"], frame["n"], known, strict=True)
    return [_age(*row) for row in rows]


def _age(mean: float, sd: float, n: float, known: float) -> str:
    """Return mean and deviation, with how many ages they are of where some are unknown."""
    if is_missing(mean):
        return NOT_AVAILABLE
    some = f" (n = {thousands(known)})" if not is_missing(known) and known != n else ""
    return f"{decimal(mean, 1)} ± {decimal(sd, 1)}{some}"


def _sexes(frame: pd.DataFrame) -> list[str]:
    counts = zip(frame["n"], frame["n_male"], frame["n_female"], strict=True)
    return [_of_either(n - male - female, male, female) for n, male, female in counts]


def _of_either(rest: float, male: float, female: float) -> str:
    """Return the number of males and females, and of others."""
    if is_missing(male) or is_missing(female):
        return NOT_AVAILABLE
    others = f" ({thousands(rest)} other or unknown)" if rest else ""
    return f"{thousands(male)} / {thousands(female)}{others}"


def _age_tests(frame: pd.DataFrame) -> str:
    tested = frame[frame["age_p"].notna()]
    message = [f"{row['group']}: {_test(row, 'age')}" for _, row in tested.iterrows()]
    return "; ".join(message) or NOT_AVAILABLE


def _test(row: pd.Series[Any], what: str) -> str:
    if is_missing(row[f"{what}_p"]):
        return NOT_AVAILABLE
    error = row.get(f"{what}_p_error")
    drawn = "" if is_missing(error) or not error else f" (standard error {error:.2g})"
    return f"{row[f'{what}_test']}, p {p_phrase(row[f'{what}_p'])}{drawn}"


def permutation(result: ContrastResult) -> Table | None:
    """Return the whole-brain permutation test, one row per statistic; None if not run."""
    found = result.permutation
    if not found:
        return None
    parts = [found.get(key) or {} for key in ("observed_maximum", "critical_05", "p")]
    units = found.get("unit") or {}
    rows = tuple(
        (
            _statistic(name, units.get(name)),
            decimal(parts[0].get(name)),
            decimal(parts[1].get(name)),
            probability(parts[2].get(name)),
        )
        for name in dict.fromkeys(name for part in parts for name in part)
    )
    heads = ("Observed maximum", "Critical value at FWE .05", "p FWE")
    method = str(found.get("method", "")).replace("_", "-").title()
    caption = f"{method} permutation, {result.title}: {result.exchanges}, seed {found.get('seed')}"
    notes = stopped_early(found)
    return Table(caption, (Heading("Statistic", False), *map(Heading, heads)), rows, notes)


def _statistic(name: str, unit: str | None) -> str:
    """Return a statistic in words, with its unit where that says more."""
    words = _STATISTICS.get(name, name)
    return words if unit in (None, words) else f"{words} ({unit})"


def stopped_early(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Describe the basis of p where the relabelings could stop early."""
    stop, made, planned = (found.get(key) for key in ("early_stop", "n", "n_planned"))
    if not stop:
        return ()
    if made == planned:
        message = f"permute.early_stop={stop} was not reached: all planned relabelings were run."
        return (message,)
    return (
        f"Stopped early: {thousands(made)} of {thousands(planned)} planned relabelings, since at "
        f"least {stop} reached every observed maximum. The p above are sequential (Besag "
        "& Clifford 1991); p of voxels and clusters, in the maps and the table, are based on "
        "these relabelings and are coarse: do not report voxelwise p of such a run.",
    )


def assets(used: Sequence[AssetLike]) -> Table:
    """Return every atlas, template and map with its licence."""
    rows = tuple(
        (
            asset.name.replace("pet:", "PET map "),
            asset.licence,
            asset.citation,
            asset.sha256[:_CHECKSUM_LETTERS] or NOT_AVAILABLE,
        )
        for asset in used
    )
    heads = tuple(Heading(h, False) for h in ("Asset", "Licence", "Citation", "SHA-256 (start)"))
    return Table("Third-party atlases, templates and maps used in this run", heads, rows)


def flat(nested: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of nested mappings with dotted keys, in their order."""
    pairs: list[tuple[str, Any]] = []
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            pairs += flat(value, f"{name}.")
        else:
            pairs.append((name, value))
    return pairs


def _flags(quality: pd.DataFrame | None) -> pd.DataFrame | None:
    if quality is None or "flag" not in quality:
        return None
    flagged = quality[quality["flag"].notna()]
    shown = flagged[[name for name in ("participant_id", "used", "flag") if name in flagged]]
    return shown.assign(flag=[_in_words(str(flag)) for flag in shown["flag"]])


def _in_words(flag: str) -> str:
    """Return the reasons of a flag with the measures as the page calls them."""
    reasons = (reason.partition(" ") for reason in flag.split("; "))
    return "; ".join(
        f"{MEASURES[name].words if name in MEASURES else name}{blank}{rest}"
        for name, blank, rest in reasons
    )


def _flagged_first(quality: pd.DataFrame | None) -> pd.DataFrame | None:
    if quality is None or "flag" not in quality:
        return quality
    ordered = quality.sort_values("flag", key=lambda flag: flag.isna(), kind="stable")
    return ordered.drop(columns="flag")


def people(content: ReportContent) -> dict[str, Table]:
    """Return the tables of exclusions, failures and quality."""
    found = {
        "excluded": (content.excluded, "Excluded by the settings"),
        "failures": (content.failures, "Failed during processing"),
        "flags": (
            _flags(content.quality),
            "People beyond a quality limit or without a gain estimate",
        ),
        "quality": (_flagged_first(content.quality), "Quality measures by person"),
    }
    return {
        key: from_frame(frame, caption)
        for key, (frame, caption) in found.items()
        if frame is not None and not frame.empty
    }
