"""Scatters of regions on the page, and the figure of variograms."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_report import fake_content
from page_reader import PageReader

from rt1t2_dask.atlas import grey_labels, regions
from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.figures.receptor_figures import receptor_heat
from rt1t2_dask.report.figures.receptor_scatter import BOTTOM, LEFT, RIGHT, TOP, scatters
from rt1t2_dask.report.figures.variogram_figure import variograms
from rt1t2_dask.report.page import render

MAPS = {"DAT_a": "DAT", "DAT_b": "DAT", "NAT_c": "NAT"}


def tables() -> dict[str, pd.DataFrame]:
    rng, labels = np.random.default_rng(0), list(grey_labels())
    rows = pd.MultiIndex.from_product([["PSP"], labels, MAPS], names=["group", "region", "map"])
    places = rows.to_frame(index=False)
    places["name"] = places["region"].map(regions()["name"])
    places["receptor"] = places["map"].map(MAPS)
    for name in ("map_value", "map_residual", "change_residual", "mean_change"):
        places[name] = rng.normal(size=len(places))
    influence = places[["group", "region", "receptor", "map"]].copy()
    influence["change_of_mean_fisher_z"] = np.where(influence["region"] == labels[4], 0.2, 0.01)
    return {"regions": places, "influence": influence}


def fake_variograms() -> pd.DataFrame:
    x = np.linspace(10, 40, 25)
    parts = []
    for k, name in enumerate(MAPS):
        own = (k + 1) * (1 - np.exp(-x / 30))
        curves = {"own": own, "surrogates_mean": own, "surrogates_low": 0.8 * own}
        rows = pd.DataFrame({"distance_mm": x, **curves, "surrogates_high": 1.2 * own})
        parts.append(rows.assign(group="PSP", receptor=MAPS[name], map=name, error=0.07))
    return pd.concat(parts)


@pytest.fixture(scope="module")
def content() -> ReportContent:
    return replace(fake_content(simulated=True), receptor_details=tables())


def test_every_region_is_a_mark_that_says_its_name(content: ReportContent) -> None:
    (group,) = scatters(content)
    assert [panel.title for panel in group.panels] == ["DAT (DAT_a)", "DAT (DAT_b)", "NAT"]
    names = set(regions().loc[list(grey_labels()), "name"])
    for panel in group.panels:
        assert {mark.title.split(":")[0] for mark in panel.marks} == names
        assert all(LEFT <= m.x <= RIGHT and TOP <= m.y <= BOTTOM for m in panel.marks)
        assert regions().loc[grey_labels()[4], "name"] in panel.words
    assert group.what == "ranks given grey matter"


def test_the_words_and_the_line_follow_the_correlation(content: ReportContent) -> None:
    (group,) = scatters(content)
    rows = content.receptor_details["regions"]
    for panel, name in zip(group.panels, MAPS, strict=True):
        one = rows[rows["map"] == name]
        r = np.corrcoef(one["map_residual"], one["change_residual"])[0, 1]
        assert f"{abs(r):.2f}" in panel.words.replace("−", "")
        x1, y1, x2, y2 = panel.line
        assert x2 > x1
        assert np.sign(y1 - y2) == np.sign(r)


def test_the_page_holds_the_scatters_and_marks_them_simulated(content: ReportContent) -> None:
    page = render(content, {})
    PageReader(page)
    assert page.count("<circle") == 3 * 119
    assert page.count('class="small">SIMULATED DATA') == 3
    assert "receptors_regions.tsv" in page
    assert "<circle" not in render(replace(content, receptor_details={}), {})


def test_settings_say_what_the_axes_are(content: ReportContent) -> None:
    rules = {"receptors": {"correlation": "regression", "adjust_gm": True}}
    (group,) = scatters(replace(content, settings=rules))
    assert group.what == "values given the other maps and grey matter"


def test_variograms_are_drawn_with_their_error() -> None:
    table = fake_variograms()
    picture = variograms(table, simulated=True)
    assert picture is not None
    assert "7.0 %" in picture.caption
    titles = [axes.get_title() for axes in picture.figure.axes if axes.get_visible()]
    assert "DAT, error 7.0 %" in titles
    assert variograms(table.assign(own=np.nan), simulated=True) is None


def heat_map(n: dict[str, int], maps: tuple[str, ...]):
    rows = [(g, f"sub-{g}{k:02d}", m) for g, count in n.items() for k in range(count) for m in maps]
    people = pd.DataFrame(rows, columns=["group", "participant_id", "map"])
    picture = receptor_heat(people.assign(fisher_z=np.linspace(-1, 1, len(rows))), simulated=False)
    assert picture is not None
    return picture.figure, picture.figure.axes[0]


def test_the_heat_map_names_patients_groups_and_receptors() -> None:
    figure, axes = heat_map({"psp": 3, "ms": 2}, ("5HT1a_WAY_HC36", "SERT_a", "SERT_b"))
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["psp00", "psp01", "psp02", "ms00", "ms01"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5HT1a", "SERT a", "SERT b"]
    assert {text.get_text() for text in axes.texts} == {"psp", "ms"}
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        assert label.get_fontsize() >= 8
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))


def test_of_very_many_patients_some_are_named() -> None:
    figure, axes = heat_map({"psp": 200}, ("DAT_a", "NAT_c"))
    assert 60 <= len(axes.get_yticklabels()) <= 80
    assert figure.get_size_inches()[1] < 20
