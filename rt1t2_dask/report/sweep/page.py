"""The comparison page of a sweep: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rt1t2_dask import __version__
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.page import Figure, data_uri
from rt1t2_dask.report.sections.table import Table, from_frame
from rt1t2_dask.report.sweep.table import CONTRAST, RECEPTORS
from rt1t2_dask.report.templating import environment


def render_sweep(
    cohort: str,
    rows: pd.DataFrame,
    pictures: Mapping[str, Picture],
    simulated: bool,
    links: Sequence[tuple[str, str]],
) -> str:
    """Write the page.

    Parameters
    ----------
    cohort : str
    rows : DataFrame
        As `rt1t2_dask.report.sweep.table.comparison` gives.
    pictures : mapping of str to Picture
        Small multiples by contrast.
    simulated : bool
    links : sequence of (str, str)
        Name and relative address of each job's own report.
    """
    captions = {CONTRAST: "Clusters under each setting", RECEPTORS: "Receptors under each setting"}
    figures = [Figure(data_uri(p.png()), p.alt, p.caption) for p in pictures.values()]
    return (
        environment()
        .get_template("sweep.html")
        .render(
            cohort=cohort,
            simulated=simulated,
            version=__version__,
            tables=[
                found
                for kind, caption in captions.items()
                if (found := _table(rows, kind, caption))
            ],
            figures=figures,
            links=links,
        )
    )


def _table(rows: pd.DataFrame, kind: str, caption: str) -> Table | None:
    own = rows[rows["result"] == kind].drop(columns=["result", "p_fwe_permutation"])
    kept = own.dropna(axis="columns", how="all")
    return None if kept.empty else from_frame(kept, caption)
