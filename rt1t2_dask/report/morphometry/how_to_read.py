"""How to read the p values of a page on regional tables."""

from __future__ import annotations

from collections.abc import Iterator

from rt1t2_dask.report.morphometry.content import MorphometryContent
from rt1t2_dask.report.numbers import plural, thousands
from rt1t2_dask.report.sections.section import Reading


def how_to_read(content: MorphometryContent) -> list[Reading]:
    """Return what each kind of p value of this run is corrected for, the main ones first."""
    return [*_regions(content), *_spins(content), _across(content)]


def _regions(content: MorphometryContent) -> Iterator[Reading]:
    if content.contrasts:
        most = max(int(c.regions["t"].notna().sum()) for c in content.contrasts)
        permuted = any(c.regions["p_fwe_max_t"].notna().any() for c in content.contrasts)
        n = thousands(content.settings["permute"]["n"])
        too = f" So is p FWE, by {n} permutations of the largest statistic." * permuted
        yield Reading(
            "Regions of a contrast",
            f"p is not corrected; q is, over the {most} regions of one contrast and measure.{too}",
        )
    if content.across:
        yield Reading(
            "Cohorts together",
            "p by Fisher's and Stouffer's methods are not corrected; their q are, over regions. "
            "Fisher's p is small where any cohort shows a change, whatever its direction; "
            "Stouffer's where they agree.",
        )


def _spins(content: MorphometryContent) -> Iterator[Reading]:
    if content.correlations is not None and len(content.correlations):
        yield Reading(
            "Maps compared: p, spins",
            "Against maps rotated on the sphere, which are just as smooth. Not corrected for the "
            f"{plural(len(content.correlations), 'pair')} of maps.",
        )
    if content.tested:
        yield Reading(
            "Variance explained by genes: p, spins",
            "Against rotated maps, for one map and component; not corrected for the "
            f"{plural(len(content.tested), 'map')}.",
        )
        yield Reading(
            "Genes and sets of genes",
            "p under spins is not corrected; q is, over the genes of a map, or over the sets of a "
            "collection. p FWE of genes holds for all genes of a map.",
        )


def _across(content: MorphometryContent) -> Reading:
    n = len(content.contrasts)
    several = f"the {n} contrasts of this page, or for " if n > 1 else ""
    return Reading(
        "What nothing here is corrected for",
        f"No p value is corrected for {several}other settings, measures and contrasts that were "
        "tried.",
    )
