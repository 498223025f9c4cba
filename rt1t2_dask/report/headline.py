"""What was found, in sentences with numbers."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.report.content import ContrastResult, ReportContent
from rt1t2_dask.report.numbers import (
    coordinates,
    decimal,
    is_missing,
    plural,
    probability,
    thousands,
)

ALPHA = 0.05


def sentences(content: ReportContent) -> list[str]:
    """Give the headline: one sentence or two a contrast, one on receptors, or why there is none."""
    found = [contrast(result, content) for result in content.contrasts]
    if not found:
        found = [_no_contrast(content)]
    if content.receptors is not None and not content.receptors.empty:
        found.append(receptors(content.receptors))
        found += power(content)
    return [*found, *(words for section in content.sections for words in section.headline)]


def contrast(result: ContrastResult, content: ReportContent) -> str:
    """Say what one contrast shows at its threshold and after correction."""
    who = _who(result, content)
    height = (
        f"{result.height}, one-sided for each sign" if result.statistic == "t" else result.height
    )
    limits = (
        f"at p < {result.threshold.p:g} uncorrected ({height}) and "
        f"{thousands(result.threshold.extent_mm3)} mm³"
    )
    if result.clusters.empty:
        either = " in either direction" if result.statistic == "t" else ""
        return f"{who}: no cluster{either} {limits}.{_corrected(result)}"
    return f"{who}: {_counted(result)} {limits}.{_largest(result)}{_corrected(result)}"


def _who(result: ContrastResult, content: ReportContent) -> str:
    if not result.second:
        return f"{result.title} (n = {thousands(result.n)})"
    n = {name: content.groups.get(name) for name in (result.first, result.second)}
    who = " against ".join(f"{name} (n = {thousands(count)})" for name, count in n.items())
    return who + result.title.removeprefix(f"{result.first} versus {result.second}")


def _counted(result: ContrastResult) -> str:
    signs = result.clusters["sign"].value_counts()
    found = {sign: _number(int(signs.get(sign, 0))) for sign in ("negative", "positive")}
    if result.statistic == "F":
        return found["positive"]
    if not result.second:
        return f"{found['negative']} {result.negative}, {found['positive']} {result.positive}"
    words = {"negative": "lower", "positive": "higher"}
    counts = ", ".join(f"{n} of {words[sign]} T1w/T2w ratio" for sign, n in found.items())
    return f"{counts} in {result.first}"


def receptors(table: pd.DataFrame) -> str:
    """Say how many receptor maps go with the changes."""
    total = len(table)
    strong = table[table["q_fdr"] < ALPHA]
    nominal = int((table["p_permutation"] < ALPHA).sum())
    listed = ", ".join(
        f"{row.receptor} in {row.group} (z = {decimal(row.mean_fisher_z, 3)}, "
        f"q = {probability(row.q_fdr)})"
        for row in strong.itertuples()
    ).replace("= <", "< ")
    return (
        f"Receptors: {len(strong)} of {total} correlations at q < .05, {nominal} at p < .05 "
        f"uncorrected{': ' + listed if listed else ''}."
    )


def power(content: ReportContent) -> list[str]:
    """Say which correlation such small groups would have found."""
    table = content.receptor_details.get("power")
    if table is None:
        return []
    said = []
    for group, rows in table.groupby("group", sort=False):
        reached = rows[rows["power"] >= 0.8].groupby("map")["mean_fisher_z"].min()
        if len(reached):
            said.append(
                f"Receptors, power: with {content.groups.get(str(group))} in {group}, a mean "
                f"Fisher z of {decimal(reached.median(), 2)} is found in 80 % of simulated studies "
                "(median over maps, p < .05 uncorrected)."
            )
    return said


def _number(count: int) -> str:
    return plural(count, "cluster") if count else "no cluster"


def _largest(result: ContrastResult) -> str:
    row = result.clusters.sort_values("volume_mm3", kind="stable").iloc[-1]
    place = coordinates(row[[f"peak_{axis}_mm" for axis in "xyz"]])
    return (
        f" The largest has {thousands(row['volume_mm3'])} mm³ with its peak t = "
        f"{decimal(row['peak_t'])} at {place} mm, {row['region']}."
    )


def _corrected(result: ContrastResult) -> str:
    said = ""
    p = result.clusters["p_fwe_permutation"].dropna()
    if len(p):
        passed, total = int((p < ALPHA).sum()), plural(len(result.clusters), "cluster")
        said += f" {passed} of {total} at FWE p < .05 by permutation."
    whole = (result.permutation or {}).get("p", {}).get("max_t")
    if not is_missing(whole):
        sign = "" if probability(whole).startswith(("<", ">")) else "= "
        said += f" Whole brain, largest |t|: FWE p {sign}{probability(whole)} by permutation."
    return said or " No correction for the whole brain was computed."


def _no_contrast(content: ReportContent) -> str:
    reasons = [note for note in content.notes if "contrast" in note.lower()]
    people = plural(sum(content.groups.values()), "person", "people")
    return f"No group contrast was made; {people} processed. {' '.join(reasons)}".strip()
