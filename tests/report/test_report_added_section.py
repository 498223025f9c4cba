"""A section that a further analysis adds stands in every part of the page it belongs to."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from fake_report import fake_content
from page_reader import PageReader

from rt1t2_dask.report.figures.catalogue import draw_all
from rt1t2_dask.report.figures.picture import Picture, house_style, new_figure
from rt1t2_dask.report.methods import describe
from rt1t2_dask.report.page import render
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.table import from_frame


def a_picture() -> Picture:
    with house_style():
        figure = new_figure(4.0, 2.0, simulated=True)
        figure.add_subplot().plot([0, 1], [0, 1])
    return Picture(figure, "A rising line.", "A line over sites.")


def a_section() -> Section:
    frame = pd.DataFrame({"site": ["one", "two"], "n": [14, 15], "p_fwe": [0.0004, 0.2]})
    return Section(
        anchor="sites",
        title="Sites",
        headline=("Sites: the effect is alike at 2 sites.",),
        sentences=("Effects were pooled over sites.",),
        tables=(from_frame(frame, "Effects by site"),),
        pictures={"sites_forest": a_picture()},
        methods=("Sites were pooled by random effects.",),
        limits=("Two sites say little about the spread between sites.",),
        cites=("benjamini1995",),
    )


@pytest.mark.heavy
def test_words_tables_figures_methods_and_references_all_arrive() -> None:
    content = replace(fake_content(), contrasts=(), receptors=None, sections=(a_section(),))
    drawn = draw_all(content)
    assert "sites_forest" in drawn
    reader = PageReader(render(content, drawn))
    assert (reader.unbalanced, reader.still_open) == ([], [])
    assert {"href": "#sites"} in reader.named("a")
    assert reader.table("Effects by site")[1] == ["one", "14", "< .001"]
    assert "A rising line." in [image["alt"] for image in reader.named("img")]
    for words in ("the effect is alike at 2 sites", "pooled over sites", "by random effects"):
        assert words in reader.words
    assert "Two sites say little" in " ".join(describe(content).limits)
    assert "benjamini1995" in {reference.key for reference in describe(content).references}


def test_figures_of_a_section_carry_its_name() -> None:
    with pytest.raises(ValueError, match="begin with its anchor; got forest"):
        replace(a_section(), pictures={"forest": a_picture()})
