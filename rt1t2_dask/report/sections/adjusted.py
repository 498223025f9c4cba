"""Sections on what of each contrast is left with more held: tissue, or age and sex."""

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
    "smaller than it is: of simulated changes of 25 % without any atrophy most was taken out. "
    "Where the groups' shares do not differ, atrophy explains nothing."
)


class Adjusted(NamedTuple):
    """A contrast with more held.

    Parameters
    ----------
    compared : DataFrame
        Clusters of the contrast itself, with both effects.
    clusters : DataFrame
        Clusters with it held.
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
            *(said(name, own, "tissue") for name, own in contrasts.items()),
        ),
        tables=tuple(
            table
            for name, own in contrasts.items()
            if (table := _table(name, own, words, "partial_volume")) is not None
        ),
        methods=(methods(words, weighted),),
        limits=(LIMIT,),
        cites=("casanova2007", *(("lee2009",) if weighted else ())),
    )


def age_and_sex_section(contrasts: Mapping[str, Adjusted], held: Mapping[str, str]) -> Section:
    """Return the section on age and sex.

    Parameters
    ----------
    contrasts : mapping of str to Adjusted
        By contrast.
    held : mapping of str to str
        What is held in each, as a phrase.
    """
    return Section(
        "age-and-sex",
        "With age and sex held",
        sentences=(
            "Groups that differ in age or sex differ in what comes with them. The contrasts of the "
            "cohort file stand as they are; here they are beside the same with both held.",
            *(said(name, own, held[name]) for name, own in contrasts.items()),
        ),
        tables=tuple(
            table
            for name, own in contrasts.items()
            if (table := _table(name, own, held[name], "age_and_sex")) is not None
        ),
        methods=("Each contrast was repeated with age and sex as covariates.",),
    )


def said(name: str, own: Adjusted, held: str) -> str:
    """Return in a sentence what is left of a contrast."""
    before, after = own.compared, own.clusters
    alike = "" if own.r is None else f"; both t maps correlate with r = {decimal(own.r)}"
    there = f"{plural(len(after), 'cluster') if len(after) else 'none'} with {held} held{alike}."
    if before.empty:
        return f"{name}: no cluster before, {there}"
    whole = before["volume_mm3"].sum()
    left = (before["volume_left_share"] * before["volume_mm3"]).sum()
    gone = int((before["volume_left_share"] == 0).sum())
    return (
        f"{name}: of {plural(len(before), 'cluster')} ({thousands(whole)} mm³) "
        f"{thousands(left)} mm³ are left with {held} held, and {gone or 'none'} "
        f"{'is' if gone == 1 else 'are'} gone; {there}"
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


def _table(name: str, own: Adjusted, held: str, file: str) -> Table | None:
    if own.compared.empty:
        return None
    shares = [str(column) for column in own.compared if str(column).startswith("share_")]
    columns = ["cluster", "region", "volume_mm3", "peak_t", "peak_t_adjusted", "effect"]
    columns += ["effect_adjusted", "volume_left_share", *shares]
    note = f"Clusters with {held} held: group/contrast-{name}_{file}_clusters.tsv."
    means = (f"share_: each group's mean {held} in the cluster. ",) if shares else ()
    caption = f"{name}: clusters without and with {held} held"
    return from_frame(own.compared[columns], caption, (*means, note))
