"""A section that an analysis adds to the report: text, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rt1t2_dask.report.cortex.mesh_parts import MeshView
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.sections.table import Table


class Reading(NamedTuple):
    """How to read one kind of p value.

    Parameters
    ----------
    name : str
        As the page calls it.
    text : str
        What it is corrected for, in plain words.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Section:
    """A section of the page, after the receptors and before quality.

    Parameters
    ----------
    anchor : str
        Letters, digits and hyphens; unique on the page.
    title : str
    headline : tuple of str
        Sentences with numbers for the top of the page.
    sentences : tuple of str
        Text above the tables.
    tables : tuple of Table
        Made with `from_frame`; the first two are shown, those of more than 10 rows folded.
    pictures : mapping of str to Picture
        By file stem, which begins with the anchor; saved in ``figures/`` too.
    methods, limits : tuple of str
        Paragraphs for the methods text and for the limits.
    cites : tuple of str
        Keys of ``references.json`` cited in these paragraphs.
    reading : tuple of Reading
        What the p values of the section are corrected for, for the top of the page.
    mesh : MeshView or None
        Maps on a surface to turn, below the figures.
    """

    anchor: str
    title: str
    headline: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    methods: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()
    reading: tuple[Reading, ...] = ()
    mesh: MeshView | None = None

    def __post_init__(self) -> None:
        strange = [stem for stem in self.pictures if not stem.startswith(self.anchor)]
        if strange:
            raise ValueError(
                f"figures of section {self.anchor} must begin with its anchor; got "
                f"{', '.join(strange)}"
            )
