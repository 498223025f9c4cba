"""The page of one person: pictures, measures with limits, files, failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from rt1t2_dask import __version__
from rt1t2_dask.images.quality.judge import MEASURES, Limit
from rt1t2_dask.report.quality.entry import Entry, is_beyond, words_of
from rt1t2_dask.report.sections.table import Heading, Table, anything, from_frame
from rt1t2_dask.report.templating import environment


@dataclass(frozen=True)
class Links:
    """Pages round the page of a person; empty where there is none."""

    before: str = ""
    after: str = ""
    report: str = ""
    deviation: str = ""


def render_person(
    entry: Entry,
    limits: Mapping[str, Limit],
    files: pd.DataFrame,
    links: Links,
    simulated: bool,
) -> str:
    """Write the page of a person.

    Parameters
    ----------
    entry : Entry
    limits : mapping of str to (low, high)
    files : DataFrame
        The files read: rows of ``inputs.tsv``.
    links : Links
    simulated : bool

    Returns
    -------
    str
        HTML with inline script and style; pictures by relative links.
    """
    return (
        environment()
        .get_template("person.html")
        .render(
            entry=entry,
            measures=_measures(entry, limits) if entry.numbers else None,
            files=None if files.empty else from_frame(files, "Files read"),
            links=links,
            simulated=simulated,
            version=__version__,
        )
    )


def _measures(entry: Entry, limits: Mapping[str, Limit]) -> Table:
    """Return the table of measures, those beyond a limit first."""
    known = [(name, entry.numbers[name], limits.get(name, (None, None))) for name in entry.numbers]
    known.sort(key=lambda one: not is_beyond(one[1], one[2]))
    headings = (
        Heading("Measure", numeric=False),
        Heading("Value"),
        Heading("Limits"),
        Heading("Beyond a limit", numeric=False),
    )
    return Table("Quality measures", headings, tuple(_row(*one) for one in known))


def _row(name: str, value: float, limit: Limit) -> tuple[str, ...]:
    low, high = ("" if end is None else anything(end) for end in limit)
    between = f"{low} to {high}" if low and high else f"from {low}" if low else f"to {high}"
    return (
        words_of(name),
        anything(value),
        between if low or high else "",
        _said(name, value, limit),
    )


def _said(name: str, value: float, limit: Limit) -> str:
    if not is_beyond(value, limit):
        return ""
    measure = MEASURES[name]
    too_low = limit[0] is not None and value < limit[0]
    return f"{'below' if too_low else 'above'}: {measure.low if too_low else measure.high}"
