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

FIRST = "registration_ncc"
"""The measure that is shown before another is chosen."""
Cell = tuple[str, float, bool]


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
    measures = list(dict.fromkeys(name for one in rows for name in one.numbers))
    return (
        environment()
        .get_template("quality.html")
        .render(
            cohort=cohort,
            counts=counts(rows),
            measures=[(name, words_of(name)) for name in measures],
            first=FIRST,
            rows=rows,
            data={"key": key, "cohort": cohort, "people": [_data(one, limits) for one in rows]},
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


def _data(entry: Entry, limits: Mapping[str, Limit]) -> dict[str, Any]:
    return {
        "label": entry.label,
        "numbers": {
            name: _cell(value, limits.get(name, (None, None)))
            for name, value in entry.numbers.items()
        },
        "shown": [
            [one.title, list(one.names), [quote(path) for path in one.paths]] for one in entry.shown
        ],
    }


def _cell(value: float, limit: Limit) -> Cell:
    """Return text and value of a measure, and whether it is beyond its limit."""
    return anything(value), value, is_beyond(value, limit)
