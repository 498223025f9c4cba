"""The section on partial volume: what of each contrast is left with tissue held."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from rt1t2_dask.report.numbers import decimal, plural, thousands
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.table import Table, from_frame

WORDS = {"grey": "share of grey matter", "tissue": "share of grey and white matter"}
LIMIT = (
    "The share of tissue in a voxel comes from the T1w image itself. A change of tissue that also "
    "changes which class a voxel falls into is held together with it, and its effect then looks "
    "smaller than it is."
)


class Adjusted(NamedTuple):
    """A contrast with tissue held.

    Parameters
    ----------
    compared : DataFrame
        Clusters of the contrast itself, with both effects.
    clusters : DataFrame
        Clusters with tissue held.
    r : float or None
        Correlation of both t maps over voxels.
    """

    compared: pd.DataFrame
    clusters: pd.DataFrame
    r: float | None


def partial_volume_section(
    contrasts: Mapping[str, Adjusted], covariate: str, weighted: bool
) -> Section:
    """Return the section.

    Parameters
    ----------
    contrasts : mapping of str to Adjusted
        By contrast.
    covariate : {"grey", "tissue"}
        What is held.
    weighted : bool
        Whether smoothing weighted each voxel by its share of tissue.
    """
    words = WORDS[covariate]
    return Section(
        "partial-volume",
        "Partial volume and atrophy",
        sentences=(
            "Where tissue shrinks, voxels at its border hold more CSF, whose ratio is low: atrophy "
            f"can look like a change of tissue. Here each voxel's own {words} is held, beside the "
            "contrast itself.",
            *(said(name, own) for name, own in contrasts.items()),
        ),
        tables=tuple(
            table
            for name, own in contrasts.items()
            if (table := _table(name, own, words)) is not None
        ),
        methods=(methods(words, weighted),),
        limits=(LIMIT,),
        cites=("casanova2007", *(("lee2009",) if weighted else ())),
    )


def said(name: str, own: Adjusted) -> str:
    """Return in a sentence what is left of a contrast."""
    before, after = own.compared, own.clusters
    alike = "" if own.r is None else f"; both t maps correlate with r = {decimal(own.r)}"
    if before.empty:
        return (
            f"{name}: no cluster before, {plural(len(after), 'cluster')} with tissue held{alike}."
        )
    whole = before["volume_mm3"].sum()
    left = (before["volume_left_share"] * before["volume_mm3"]).sum()
    gone = int((before["volume_left_share"] == 0).sum())
    return (
        f"{name}: of {plural(len(before), 'cluster')} ({thousands(whole)} mm³) "
        f"{thousands(left)} mm³ are left with tissue held, and "
        f"{gone or 'none'} {'is' if gone == 1 else 'are'} gone; {plural(len(after), 'cluster')} "
        f"with tissue held{alike}."
    )


def methods(words: str, weighted: bool) -> str:
    """Return the paragraph of the methods text."""
    text = (
        "To tell a change of tissue from atrophy, each contrast was repeated with each voxel's "
        f"own {words}, smoothed as the ratio was, as a covariate (Casanova et al. 2007)."
    )
    if weighted:
        text += (
            " Smoothing weighted each voxel by its share of grey and white matter, so that CSF "
            "neither entered nor diluted the mean (Lee et al. 2009)."
        )
    return text


def _table(name: str, own: Adjusted, words: str) -> Table | None:
    if own.compared.empty:
        return None
    shares = [str(column) for column in own.compared if str(column).startswith("share_")]
    columns = ["cluster", "region", "volume_mm3", "peak_t", "peak_t_adjusted", "effect"]
    columns += ["effect_adjusted", "volume_left_share", *shares]
    return from_frame(
        own.compared[columns],
        f"{name}: clusters without and with tissue held",
        (
            f"share_: each group's mean {words} in the cluster. Clusters with tissue held: "
            f"group/contrast-{name}_partial_volume_clusters.tsv.",
        ),
    )
