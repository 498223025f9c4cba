"""The quality desk of an output folder: ``quality.html`` and a page for each person."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rt1t2_dask.pipelines.outputs.inputs_table import input_table
from rt1t2_dask.pipelines.outputs.states import DESK, DEVIATION_PAGE, REPORT
from rt1t2_dask.pipelines.quality.drawn import Looked
from rt1t2_dask.pipelines.quality.entries import People
from rt1t2_dask.report.quality.desk import render_desk
from rt1t2_dask.report.quality.entry import Entry, in_order
from rt1t2_dask.report.quality.person import Links, render_person
from rt1t2_dask.storage.stores import Store


def write_desk(store: Store, looked: Looked, people: pd.DataFrame, key: str) -> None:
    """Write the page of each person looked at, and the desk of everybody in the folder.

    Parameters
    ----------
    store : Store
        The output folder, with its tables of quality and of failures.
    looked : Looked
    people : DataFrame
        Everybody's rows, whoever failed included.
    key : str
        Of what is rated: the browser keeps ratings under it.
    """
    config = looked.config
    entries = People(store, config, people).entries()
    _write_pages(store, looked, entries)
    desk = render_desk(
        entries,
        config.quality.pairs(),
        cohort=config.cohort.name,
        key=key,
        simulated=config.simulated,
        report=config.level == "study",
    )
    store.write(DESK, desk.encode())


def _write_pages(store: Store, looked: Looked, entries: Sequence[Entry]) -> None:
    config, tops = looked.config, set(store.children(""))
    files = input_table(looked.lake, [*looked.plans, *looked.failed])
    own = {plan.person.label for plan in looked.plans} | {one.label for one in looked.failures}
    pages = [one for one in in_order(entries) if one.page]
    around = ["", *(one.page for one in pages), ""]
    for k, one in enumerate(pages):
        if one.label not in own and one.state != "excluded":
            continue
        deviation = one.page.removesuffix(".html") + DEVIATION_PAGE
        links = Links(
            before=around[k],
            after=around[k + 2],
            report=REPORT if config.level == "study" else "",
            deviation=deviation if deviation in tops else "",
        )
        rows = files[files["participant_id"] == one.label].drop(columns="participant_id")
        page = render_person(one, config.quality.pairs(), rows, links, config.simulated)
        store.write(one.page, page.encode())
