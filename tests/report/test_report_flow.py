"""The drawing of the pipeline: what was run, in an order that can be read."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from fake_report import FLOW, fake_content
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.report.figures.flow_figure import pipeline
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.flow import FlowStep, needed, rows


@st.composite
def flows(draw: st.DrawFn) -> list[FlowStep]:
    """Graphs without cycles, sources first."""
    names = [f"s{k}" for k in range(draw(st.integers(1, 12)))]
    return [
        FlowStep(name, tuple(n for n in names[:k] if draw(st.booleans())))
        for k, name in enumerate(names)
    ]


def leads(start: str, end: str, edges: set[tuple[str, str]]) -> bool:
    """Whether a path of edges leads from one step to another."""
    return start == end or any(leads(b, end, edges) for a, b in edges if a == start)


@given(flows(), st.integers(1, 3))
@settings(deadline=None)
def test_every_step_stands_once_below_all_it_reads(flow: list[FlowStep], most: int) -> None:
    laid = rows(flow, most)
    row_of = {name: k for k, row in enumerate(laid) for name in row}
    assert sorted(name for row in laid for name in row) == sorted(step.name for step in flow)
    assert max(map(len, laid)) <= most
    assert all(row_of[source] < row_of[step.name] for step in flow for source in step.reads)


@given(flows())
@settings(deadline=None)
def test_edges_that_follow_from_others_are_left_out(flow: list[FlowStep]) -> None:
    edges = {(source, step.name) for step in flow for source in step.reads}
    reduced = {(a, b) for a, b in edges if not leads(a, b, edges - {(a, b)})}
    assert {(s, name) for name, read in needed(flow).items() for s in read} == reduced


def test_templates_stand_just_above_their_first_reader() -> None:
    assert rows(FLOW, 2) == [["template", "ingest"], ["normalise"], ["ratio"], ["smooth"],
                             ["contrast"], ["clusters", "permute"]]  # fmt: skip


@pytest.fixture(scope="module")
def drawn() -> Picture:
    picture = pipeline(fake_content())
    assert picture is not None
    return picture


def test_settings_stand_in_the_boxes_of_their_stages(drawn: Picture) -> None:
    said = " ".join(text.get_text() for text in drawn.figure.findobj(mpl.text.Text))
    for words in ("fwhm_mm 10, edge normalised", "p 0.001, extent_mm3 750", "variance equal"):
        assert words in said
    assert "ratio from normalise" in drawn.alt
    assert "8 stages with their settings, 29 people" in drawn.caption


def test_text_stays_inside_its_box_and_the_svg_is_whole(drawn: Picture) -> None:
    drawn.figure.draw_without_rendering()
    canvas = drawn.figure.bbox
    for text in drawn.figure.axes[0].texts:
        box = text.get_window_extent()
        assert canvas.x0 <= box.x0
        assert box.x1 <= canvas.x1
    assert ElementTree.fromstring(drawn.svg()).tag.endswith("svg")


def test_without_a_flow_nothing_is_drawn() -> None:
    assert pipeline(replace(fake_content(), flow=())) is None
