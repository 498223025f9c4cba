"""The report page: one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from rt1t2_dask import __version__
from rt1t2_dask.report.content import ContrastResult, ReportContent
from rt1t2_dask.report.figures.catalogue import draw_all
from rt1t2_dask.report.figures.picture import PRINT_DPI, Picture
from rt1t2_dask.report.figures.receptor_scatter import scatters
from rt1t2_dask.report.how_to_read import how_to_read
from rt1t2_dask.report.methods import describe
from rt1t2_dask.report.numbers import level, plural, thousands
from rt1t2_dask.report.sections import contrast_details, tables
from rt1t2_dask.report.sections.contrast_overview import overview
from rt1t2_dask.report.sections.headline import sentences
from rt1t2_dask.report.sections.sensitivity_tables import sensitivity
from rt1t2_dask.report.sections.table import Table
from rt1t2_dask.report.steps import steps
from rt1t2_dask.report.summary import summary
from rt1t2_dask.report.templating import environment
from rt1t2_dask.report.viewer import Anatomy, Viewer, anatomy, viewer

DRAWINGS = ("pipeline",)
"""Figures embedded as SVG."""

FLAT = 0.5
"""Height over width below which a figure takes the whole width of the page."""

COLUMN_IN = 5.5
"""Width in inches of figures that fill a column of the page; smaller ones stay smaller."""


@dataclass(frozen=True)
class Figure:
    """A picture on the page; `source` is a data URI, `percent` its share of a column's width."""

    source: str
    alt: str
    caption: str
    wide: bool = False
    percent: int = 100


@dataclass(frozen=True)
class ContrastSection:
    """One contrast on the page."""

    anchor: str
    title: str
    none_found: str
    clusters: Table | None
    permutation: Table | None
    details: tuple[str, ...]
    more: tuple[Table, ...]
    figures: tuple[Figure, ...]
    further: tuple[Figure, ...]
    viewer: Viewer | None


def render(
    content: ReportContent,
    pictures: Mapping[str, Picture] | None = None,
    print_dpi: int = PRINT_DPI,
) -> str:
    """Write the report.

    Parameters
    ----------
    content : ReportContent
    pictures : mapping of str to Picture or None
        From `draw_all`, by file stem; None draws them here.
    print_dpi : int
        Resolution of the figures for print, from which those of the page are derived.

    Returns
    -------
    str
        Self-contained HTML: inline styles, pictures as data URIs.
    """
    drawn = draw_all(content) if pictures is None else pictures
    seen = content.template is not None and bool(content.contrasts)
    brain = anatomy(content.template, content.mean_ratio) if content.template and seen else None
    figures = {
        name: figure_of(picture, name in DRAWINGS, print_dpi) for name, picture in drawn.items()
    }
    return (
        environment()
        .get_template("report.html")
        .render(
            content=content,
            simulated=content.simulated,
            version=__version__,
            headline=sentences(content),
            reading=how_to_read(content),
            strip=_strip(content),
            demographics=None
            if content.demographics.empty
            else tables.demographics(content.demographics),
            anatomy=brain,
            contrasts=[_contrast(result, figures, content, brain) for result in content.contrasts],
            compared=overview(content.contrasts),
            receptors=_receptors(content, tables.receptors),
            receptor_details=_receptors(content, tables.receptor_details),
            scatters=scatters(content),
            parcels=_parcels(content),
            sections=content.sections,
            sensitivity=sensitivity(content),
            people=tables.people(content),
            figures=figures,
            chosen=lambda *stems: [figures[stem] for stem in stems if stem in figures],
            steps=steps(content),
            methods=describe(content),
            assets=tables.assets(content.assets),
            plural=plural,
            summary=summary(content.changed, content.provenance),
        )
    )


def data_uri(image: bytes, kind: str = "png") -> str:
    """Return a PNG, or an SVG (``kind="svg+xml"``), as a ``data:`` address."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode('ascii')}"


def figure_of(picture: Picture, drawing: bool = False, dpi: int = PRINT_DPI) -> Figure:
    """Return a picture as it stands on the page, a drawing as SVG."""
    image = data_uri(picture.svg(dpi), "svg+xml") if drawing else data_uri(picture.paged(dpi))
    width, height = picture.figure.get_size_inches()
    percent = min(round(100 * width / COLUMN_IN), 100)
    return Figure(image, picture.alt, picture.caption, bool(height < FLAT * width), percent)


def _strip(content: ReportContent) -> dict[str, str]:
    people = ", ".join(f"{name} {thousands(n)}" for name, n in content.groups.items())
    seed = "" if content.seed is None else f", seed {content.seed}"
    data = f"simulated{seed}" if content.simulated else "measured"
    facts = {"Cohort": content.cohort, "People": people, "Method": content.method, "Data": data}
    if content.reference:
        facts["Reference group"] = content.reference
    if not content.failures.empty:
        facts["Failed"] = plural(content.failures["participant_id"].nunique(), "person", "people")
    return {**facts, "Software": f"rt1t2_dask {__version__}"}


def _contrast(
    result: ContrastResult,
    figures: Mapping[str, Figure],
    content: ReportContent,
    brain: Anatomy | None,
) -> ContrastSection:
    limits, known = result.threshold, result.details
    signs = result.statistic == "t"
    none_found = (
        f"No cluster of {thousands(limits.extent_mm3)} mm³ or more has {result.height} "
        f"(p < {level(limits.p)}, {'one-sided for each sign, ' * signs}uncorrected)"
        f"{' in either direction' * signs}."
    )
    stem = f"contrast-{result.name}"
    shown, below = (
        tuple(figures[f"{stem}_{part}"] for part in parts if f"{stem}_{part}" in figures)
        for parts in (("glass", "clusters", "overview"), ("places", "design"))
    )
    return ContrastSection(
        anchor=stem,
        title=result.title,
        none_found=none_found if result.clusters.empty else "",
        clusters=None if result.clusters.empty else tables.clusters(result),
        permutation=tables.permutation(result),
        details=tuple(contrast_details.sentences(known, limits.extent_mm3)) if known else (),
        more=_more(result),
        figures=shown,
        further=below,
        viewer=None if brain is None else viewer(result, brain, content.simulated),
    )


def _more(result: ContrastResult) -> tuple[Table, ...]:
    reach = [] if result.clusters.empty else [tables.cluster_extents(result)]
    return (*reach, *(contrast_details.tables(result.details) if result.details else ()))


def _receptors(content: ReportContent, tabled: Callable[[pd.DataFrame], Table]) -> Table | None:
    if content.receptors is None or content.receptors.empty:
        return None
    return tabled(content.receptors)


def _parcels(content: ReportContent) -> str:
    if content.parcels is None or content.parcels.empty:
        return ""
    people, columns = content.parcels.shape
    return (
        f"Means of {plural(columns - 1, 'region')} for {plural(people, 'person', 'people')} are in "
        "group/parcels.tsv."
    )
