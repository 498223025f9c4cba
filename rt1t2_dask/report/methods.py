"""The methods text, generated from the settings and stages of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rt1t2_dask import __version__
from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.numbers import decimal, level, thousands
from rt1t2_dask.report.receptors.sources import papers_of
from rt1t2_dask.report.references import SOFTWARE, Citations, Reference
from rt1t2_dask.report.sections.headline import people
from rt1t2_dask.report.sections.receptor_marks import judged
from rt1t2_dask.report.sections.tables import flat
from rt1t2_dask.report.templating import environment


@dataclass(frozen=True)
class Methods:
    """Methods text, limitations, and their references."""

    paragraphs: tuple[str, ...]
    limits: tuple[str, ...]
    references: tuple[Reference, ...]

    @property
    def bibtex(self) -> str:
        """Format all references as one BibTeX file."""
        return "\n\n".join(reference.bibtex for reference in self.references) + "\n"

    @property
    def markdown(self) -> str:
        """Format methods and limitations as one Markdown file."""
        limits = "\n".join(f"- {limit}" for limit in self.limits)
        return "\n\n".join(["# Methods", *self.paragraphs, "# Limits", limits]) + "\n"


def describe(content: ReportContent, pandoc: bool = False) -> Methods:
    """Write the methods and the limitations of one run.

    Parameters
    ----------
    content : ReportContent
        `stages` selects the sentences, `settings` their numbers; sentences without their setting
        are omitted.
    pandoc : bool
        Cite by BibTeX keys.

    Returns
    -------
    described : Methods
    """
    cite = Citations(pandoc)
    cite(SOFTWARE)
    paragraphs = _blocks("methods.txt", content, cite)
    limits = _blocks("limits.txt", content, cite)
    for section in content.sections:
        paragraphs += tuple(cite.written(text, *section.cites) for text in section.methods)
        limits += tuple(cite.written(text, *section.cites) for text in section.limits)
    return Methods(paragraphs, limits, tuple(cite.listed()))


def _blocks(template: str, content: ReportContent, cite: Citations) -> tuple[str, ...]:
    given = {key: value for key, value in flat(content.settings) if value is not None}

    def setting(key: str, default: Any = None) -> Any:
        return given.get(key, default)

    written = (
        environment()
        .get_template(template)
        .render(
            content=content,
            ran=set(content.stages),
            setting=setting,
            cite=cite,
            version=__version__,
            thousands=thousands,
            decimal=decimal,
            level=level,
            judged=judged,
            compared=people,
            papers_of=papers_of,
            by_key=cite.by_key,
        )
    )
    blocks = (" ".join(block.split()) for block in written.split("\n\n"))
    return tuple(block for block in blocks if block)
