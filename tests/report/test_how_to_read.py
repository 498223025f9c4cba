"""The section on p values says what this run computed, first on the page."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from fake_report import fake_content

from rt1t2_dask.report.how_to_read import how_to_read
from rt1t2_dask.report.page import render
from rt1t2_dask.report.sections.section import Reading, Section


def names(content) -> list[str]:
    return [one.name for one in how_to_read(content)]


def text(content) -> str:
    return " ".join(one.text for one in how_to_read(content))


def test_it_is_the_first_section_and_in_the_navigation():
    page = render(fake_content(), {})
    main = page[page.index("<main>") :]
    assert main.index('<section id="how-to-read"') == main.index("<section")
    navigation = page[page.index("<nav") : page.index("</nav>")]
    assert navigation.index("#how-to-read") < navigation.index("#people")


def test_only_what_was_computed_is_explained():
    whole = fake_content()
    assert names(whole)[0] == "The threshold of the maps, p < .001"
    assert "p FWE, permutation" in names(whole)
    without = replace(whole, contrasts=(), receptors=None)
    assert how_to_read(without) == []
    contrast = replace(whole.contrasts[0], permutation=None)
    said = text(replace(whole, contrasts=(contrast,), receptors=None))
    assert "Not computed in this run" in said and "Rely on this one" not in said


def test_receptors_are_judged_by_the_null_that_was_run():
    content = fake_content()
    rows = content.receptors.assign(p_spatial=float("nan"), q_conjunction=float("nan"))
    one = replace(content, receptors=rows)
    assert "Receptors: p, spatial null" not in names(one)
    assert "by label permutation" in text(one)
    both = rows.assign(p_spatial=0.2, p_conjunction=0.2, q_conjunction=0.3)
    told = replace(content, receptors=both)
    assert "Receptors: p, spatial null" in names(told)
    assert f"Corrected over the {len(rows)} correlations" in text(told)
    assert "of the two p the larger counts" in text(told)


def test_several_contrasts_are_not_corrected_for_each_other():
    content = fake_content()
    two = (content.contrasts[0], replace(content.contrasts[0], name="again"))
    assert "the 2 contrasts of this page" in text(replace(content, contrasts=two))


def test_sections_of_analyses_add_their_own():
    own = Section("more", "More", reading=(Reading("More p", "Corrected for more."),))
    assert "More p" in names(replace(fake_content(), sections=(own,)))


def test_an_f_is_not_said_to_have_signs():
    content = fake_content()
    clusters = content.contrasts[0].clusters.assign(peak_p_fwe_rft=0.01)
    one = replace(content.contrasts[0], clusters=pd.DataFrame(clusters))
    assert "One-sided for each sign" in text(replace(content, contrasts=(one,)))
    f = replace(one, statistic="F")
    assert "One-sided for each sign" not in text(replace(content, contrasts=(f,)))
