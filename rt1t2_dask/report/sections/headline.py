"""The headline results, in sentences."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.report.content import ContrastResult, ReportContent
from rt1t2_dask.report.numbers import (
    coordinates,
    decimal,
    is_missing,
    level,
    p_phrase,
    plural,
    thousands,
)
from rt1t2_dask.report.sections.receptor_marks import judged

ALPHA = 0.05


def sentences(content: ReportContent) -> list[str]:
    """Return the headline: sentences on each contrast and on receptors, or why there are none."""
    found = [contrast(result, content) for result in content.contrasts]
    if not found:
        found = [_no_contrast(content)]
    if content.receptors is not None and not content.receptors.empty:
        found.append(receptors(content.receptors))
        found += power(content)
    return [*found, *(words for section in content.sections for words in section.headline)]


def contrast(result: ContrastResult, content: ReportContent) -> str:
    """Summarise one contrast at its threshold and after correction."""
    compared = people(result, content)
    limits = (
        f"at p < {level(result.threshold.p)} uncorrected ({_height(result)}) and at least "
        f"{thousands(result.threshold.extent_mm3)} mm³"
    )
    if result.clusters.empty:
        either = " in either direction" if result.statistic == "t" else ""
        return f"{compared}: no cluster{either} {limits}.{_corrected(result)}"
    return f"{compared}: {_counted(result)}, {limits}.{_largest(result)}{_corrected(result)}"


def _height(result: ContrastResult) -> str:
    sided = ", one-sided for each sign" if result.statistic == "t" else ""
    return f"{result.height}{sided}"


def people(result: ContrastResult, content: ReportContent) -> str:
    """Describe a comparison with its sample sizes and covariates."""
    if not result.second:
        return f"{result.title} (n = {thousands(result.n)})"
    rest = result.title.removeprefix(f"{result.first} versus {result.second}")
    if result.paired:
        return f"{result.first} against {result.second} (n = {thousands(result.n)} pairs){rest}"
    counts = result.counts or content.groups
    n = {name: counts.get(name) for name in (result.first, result.second)}
    return " against ".join(f"{name} (n = {thousands(count)})" for name, count in n.items()) + rest


def _counted(result: ContrastResult) -> str:
    signs = result.clusters["sign"].value_counts()
    lower, higher = (int(signs.get(sign, 0)) for sign in ("negative", "positive"))
    if result.statistic == "F":
        return _number(higher)
    if not result.second:
        return f"{_with_verb(lower, result.negative)}, {_with_verb(higher, result.positive)}"
    words = [("lower", lower), ("higher", higher)]
    (one, count), (other, rest) = words if lower else words[::-1]
    return (
        f"the T1w/T2w ratio of {result.first} is {one} in {_number(count)} and {other} in "
        f"{plural(rest, 'cluster') if rest else 'none'}"
    )


def receptors(table: pd.DataFrame) -> str:
    """Summarise the correlations with receptor maps, and the test used."""
    rule = judged(table)
    total = int(table[rule.p].notna().sum())
    if not total:
        return f"Receptors: {plural(len(table), 'correlation')} with receptor maps, none tested."
    strong = table[rule.found(table)]
    nominal = int(rule.nominal(table).sum())
    listed = ", ".join(
        f"{row['receptor']} in {row['group']} (z = {decimal(row['mean_fisher_z'], 3)}, "
        f"q {p_phrase(row[rule.q])})"
        for _, row in strong.iterrows()
    )
    return (
        f"Receptors: {len(strong) or 'none'} of {plural(total, 'correlation')} with receptor maps "
        f"at q < .05, {nominal or 'none'} at p < .05 uncorrected, by {rule.by}"
        f"{': ' + listed if listed else ''}."
    )


def power(content: ReportContent) -> list[str]:
    """Summarise the power of the receptor correlation."""
    table = content.receptor_details.get("power")
    if table is None:
        return []
    text = []
    for group, rows in table.groupby("group", sort=False):
        reached = rows[rows["power"] >= 0.8].groupby("map")["mean_fisher_z"].min()
        if len(reached):
            text.append(
                f"Receptors, power: with {content.groups.get(str(group))} in {group}, a mean "
                f"Fisher z of {decimal(reached.median(), 2)} is detected in 80 % of simulated "
                f"studies "
                "(median over maps, p < .05 uncorrected)."
            )
    return text


def _with_verb(count: int, words: str) -> str:
    """Count clusters with a verb: 2 clusters rise with a score, or from a to b; 1 rises."""
    verb, rest = words.partition(" ")[::2]
    if count > 1 and rest.startswith(("with ", "from ")):
        verb = verb.removesuffix("s")
    return f"{_number(count)} {verb} {rest}".rstrip()


def _number(count: int) -> str:
    return plural(count, "cluster") if count else "no cluster"


def _largest(result: ContrastResult) -> str:
    row = result.clusters.sort_values("volume_mm3", kind="stable").iloc[-1]
    place = coordinates(row[[f"peak_{axis}_mm" for axis in "xyz"]])
    return (
        f" The largest has {thousands(row['volume_mm3'])} mm³ with its peak {result.statistic} = "
        f"{decimal(row['peak_t'])} at {place} mm, {row['region']}."
    )


def _corrected(result: ContrastResult) -> str:
    text = ""
    passed = [
        f"the {what} of {int((p < ALPHA).sum()) or 'none'}"
        for what in ("peak", "extent")
        if len(p := result.clusters[f"{what}_p_fwe_permutation"].dropna())
    ]
    if passed:
        text += (
            f" Corrected for the whole brain (FWE p < .05, permutation): {', '.join(passed)} of "
            f"{plural(len(result.clusters), 'cluster')}."
        )
    whole = (result.permutation or {}).get("p", {}).get("max_t")
    if not is_missing(whole):
        text += f" Highest peak ({result.symbol}): FWE p {p_phrase(whole)} by permutation."
    return text or " No whole-brain correction was computed."


def _no_contrast(content: ReportContent) -> str:
    reasons = [note for note in content.notes if "contrast" in note.lower()]
    people = plural(sum(content.groups.values()), "person", "people")
    return f"No group contrast was made; {people} processed. {' '.join(reasons)}".strip()
