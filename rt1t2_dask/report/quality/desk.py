"""The page on which everybody's images are rated by eye, from the keyboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from rt1t2_dask import __version__
from rt1t2_dask.images.quality.judge import Limit
from rt1t2_dask.report.numbers import plural
from rt1t2_dask.report.quality.entry import Entry, in_order, is_beyond, words_of
from rt1t2_dask.report.sections.table import anything
from rt1t2_dask.report.templating import environment

COLUMNS = {
    "brain_ml": "Brain, ml",
    "registration_ncc": "Fit to template",
    "mutual_information": "T2w to T1w",
    "snr_t1w": "SNR, T1w",
    "cjv_t1w": "CJV, T1w",
    "ratio_white": "Ratio, white",
    "ratio_grey": "Ratio, grey",
}
"""Measures in the table, the first of a kind; all are on the person's page."""


def render_desk(
    entries: Sequence[Entry],
    limits: Mapping[str, Limit],
    *,
    cohort: str,
    key: str,
    simulated: bool,
    report: bool,
) -> str:
    """Write ``quality.html``.

    Parameters
    ----------
    entries : sequence of Entry
        Everybody, in the order of the participants table.
    limits : mapping of str to (low, high)
    cohort : str
    key : str
        Of the images: the browser keeps ratings under it.
    simulated : bool
    report : bool
        Whether there is a report to link to.

    Returns
    -------
    str
        HTML with inline script and style; pictures by relative links.
    """
    rows = in_order(entries)
    measures = [name for name in COLUMNS if any(name in one.numbers for one in rows)]
    return (
        environment()
        .get_template("quality.html")
        .render(
            cohort=cohort,
            counts=counts(rows),
            headings=[(COLUMNS[name], words_of(name)) for name in measures],
            rows=[(one, _cells(one, measures, limits)) for one in rows],
            data={"key": key, "cohort": cohort, "people": [_data(one) for one in rows]},
            simulated=simulated,
            report=report,
            version=__version__,
        )
    )


def counts(entries: Sequence[Entry]) -> str:
    """Return how many people there are, and in which states."""
    states = [one.state for one in entries]
    parts = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    return f"{plural(len(entries), 'scan', 'scans')}: {', '.join(parts)}"


def _cells(
    entry: Entry, measures: Sequence[str], limits: Mapping[str, Limit]
) -> list[tuple[str, float | None, bool]]:
    """Return text, value and whether it is beyond its limit, of each measure."""
    found = [(entry.numbers.get(name), limits.get(name, (None, None))) for name in measures]
    return [
        ("", None, False) if value is None else (anything(value), value, is_beyond(value, limit))
        for value, limit in found
    ]


def _data(entry: Entry) -> dict[str, Any]:
    return {
        "label": entry.label,
        "shown": [
            [one.title, list(one.names), [quote(path) for path in one.paths]] for one in entry.shown
        ],
    }
