"""How to read the p values of a page: which of those computed are corrected, and for what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from rt1t2_dask.report.content import ContrastResult, ReportContent
from rt1t2_dask.report.numbers import level, plural, thousands
from rt1t2_dask.report.sections.receptor_marks import judged
from rt1t2_dask.report.sections.section import Reading

PERMUTED = {
    "peak_p_fwe_permutation": "peak",
    "extent_p_fwe_permutation": "extent",
}
LARGER = ": of the two p the larger counts"
FIELDS = ("peak_p_fwe_rft", "extent_p_fwe_rft")


def how_to_read(content: ReportContent) -> list[Reading]:
    """Return what each kind of p value of this run is corrected for, the main ones first."""
    found = [*_contrasts(content.contrasts), *_receptors(content.receptors)]
    for section in content.sections:
        found += section.reading
    return [*found, *_across(len(content.contrasts))] if found else []


def _contrasts(results: Iterable[ContrastResult]) -> Iterator[Reading]:
    results = list(results)
    if not results:
        return
    limits = results[0].threshold
    yield Reading(
        f"The threshold of the maps, p < {level(limits.p)}",
        "Not corrected. It only draws clusters: among thousands of voxels some pass it by chance, "
        "so that a cluster in the table, or a colour on a map, is no finding by itself.",
    )
    yield from _permutation(results)
    if any(_known(result.clusters, FIELDS) for result in results):
        signed = any(result.statistic == "t" for result in results)
        sided = " One-sided for each sign: twice as much where both were searched." * signed
        yield Reading(
            "p FWE, random field",
            f"Corrected for all voxels of the brain, by a theory of smooth noise.{sided}",
        )
    if any(_known(result.clusters, ("extent_q_fdr", "peak_q_fdr")) for result in results):
        yield Reading(
            "q of clusters and peaks", "Corrected over the clusters, or peaks, of one sign."
        )
    yield from _regions(results)


def _permutation(results: list[ContrastResult]) -> Iterator[Reading]:
    """Return what is corrected by permutation, or that nothing is."""
    permuted = [result for result in results if result.permutation]
    if not permuted:
        yield Reading(
            "p FWE, permutation",
            "Not computed in this run: no p here holds for the whole brain without the assumptions "
            "of random-field theory.",
        )
        return
    counts = sorted({int(dict(result.permutation or {})["n"]) for result in permuted})
    what = [
        word
        for column, word in PERMUTED.items()
        if any(_known(result.clusters, [column]) for result in permuted)
    ]
    yield Reading(
        "p FWE, permutation",
        f"Corrected for all voxels of the brain and for both signs: how often so extreme a "
        f"{' or '.join(what or ['statistic'])} comes up anywhere in the brain by chance, from "
        f"{' or '.join(map(thousands, counts))} permutations. Rely on this one.",
    )


def _regions(results: list[ContrastResult]) -> Iterator[Reading]:
    parcels = [r.details.parcels for r in results if r.details is not None]
    parcels = [rows for rows in parcels if len(rows)]
    if not parcels:
        return
    n = max(len(rows) for rows in parcels)
    permuted = any(_known(rows, ["p_fwe_max_t"]) for rows in parcels)
    too = " So is p FWE, by permutation of the largest statistic." * permuted
    yield Reading(
        "Regional means",
        f"p is not corrected; q is, over the {n} regions of one contrast.{too}",
    )


def _receptors(rows: pd.DataFrame | None) -> Iterator[Reading]:
    if rows is None or rows.empty:
        return
    rule = judged(rows)
    if rows["p_permutation"].notna().any():
        yield Reading(
            "Receptors: p, label permutation",
            "Asks whether patients differ from controls in the way the map goes. Not corrected for "
            "the number of maps; p FWE over maps is, within a group of patients.",
        )
    if rows["p_spatial"].notna().any():
        yield Reading(
            "Receptors: p, spatial null",
            "Asks another question: whether this map fits better than other maps just as smooth. "
            "Not corrected for the number of maps.",
        )
    n = int(rows[rule.p].notna().sum())
    if n:
        yield Reading(
            "Receptors: q",
            f"Corrected over the {plural(n, 'correlation')} of this run. Two stars and the "
            f"headline use it, by {rule.by}{LARGER * (rule.p == 'p_conjunction')}. One star is not "
            "corrected.",
        )


def _across(contrasts: int) -> Iterator[Reading]:
    several = (
        f"the {contrasts} contrasts of this page, for several sections of it, or for"
        if contrasts > 1
        else "several sections of this page, or for"
    )
    yield Reading(
        "What nothing here is corrected for",
        f"No p value is corrected for {several} other settings and contrasts that were tried.",
    )


def _known(rows: pd.DataFrame, names: Iterable[str]) -> bool:
    return any(name in rows and bool(rows[name].notna().any()) for name in names)
