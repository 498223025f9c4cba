"""The section on the correction for the transmit field."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from rt1t2_dask.report.numbers import decimal
from rt1t2_dask.report.sections.section import Section

LARGEST_LOG, LIMITS = 100.0, (0.0, 2.0)


class Slope(NamedTuple):
    """The slope of the correction; its error and the asymmetry where it was fitted."""

    slope: float | None
    se: float | None
    asymmetry_before: float | None
    asymmetry_after: float | None


def transmit_section(people: pd.DataFrame, slope: Slope) -> Section:
    """Return the section.

    Parameters
    ----------
    people : DataFrame
        A row a person: median of the transmit map in the brain, and share of the brain it covers.
    slope : Slope
    """
    return Section(
        "transmit",
        "Transmit field (B1+)",
        sentences=(_said(slope), _spread(people)),
        methods=(_methods(slope),),
        limits=(
            "Bias correction takes out a part of what the transmit field does to either image, so "
            "that the slope is one of what it leaves. Anchors of the gain come from ratios before "
            "the correction.",
        ),
        cites=("glasser2022",),
    )


def _said(slope: Slope) -> str:
    value = decimal(slope.slope)
    if slope.asymmetry_before is None or slope.asymmetry_after is None:
        return f"Ratios were divided by transmit x slope + 1 - slope, slope {value} as given."
    error = "" if slope.se is None else f" (SE {decimal(slope.se)})"
    if slope.slope in LIMITS:
        error = ", the limit of what is fitted: do not take it for a measured slope"
    before, after = (
        decimal(LARGEST_LOG * own) for own in (slope.asymmetry_before, slope.asymmetry_after)
    )
    return (
        "Ratios were divided by transmit x slope + 1 - slope. The slope after which people are "
        f"most alike in how left and right differ is {value}{error}; the root mean square of what "
        f"differs between people there, of the log ratio x 100, fell from {before} to {after}."
    )


def _spread(people: pd.DataFrame) -> str:
    low, high = people["transmit_median"].min(), people["transmit_median"].max()
    return (
        f"The median of the transmit map in the brain is {decimal(low)} to {decimal(high)} of the "
        "nominal flip angle (each person's: group/transmit.tsv)."
    )


def _methods(slope: Slope) -> str:
    given = slope.asymmetry_before is None
    how = (
        "was given"
        if given
        else "was fitted to how people differ in the asymmetry of ratio and field"
    )
    return (
        "The T1w/T2w ratio was corrected for each person's transmit map: divided by transmit x "
        f"slope + 1 - slope (Glasser et al. 2022), whose slope of {decimal(slope.slope)} {how}."
    )
