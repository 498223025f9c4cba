"""The page speaks in words: no names of stages, columns or values of the code in its prose."""

from __future__ import annotations

import html
import re

from fake_report import fake_content

from rt1t2_dask.report.page import render

# Where names are meant: settings with what to change, files, receptor maps, doi, lists of settings.
MEANT = (
    r"\S+=\S+",
    r"\S*(?:group/|figures/|sub-)\S*",
    r"\S+\.(?:tsv|json|md|html|bib|py)\b",
    r"doi:\S+|10\.\d{4}/\S+",
    r"rt1t2_dask",
    r"(?:checks|quality|receptors|permute|report|contrast|calibration|source|cohort)\.\w+",
)
NAME = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")


def prose(page: str) -> str:
    """Return the text of a page without settings, BibTeX, licences and receptor maps."""
    page = page[: page.index('<section id="licences"')]
    for pattern in (r"<style.*?</style>", r"<script.*?</script>", r"<pre>.*?</pre>",
                    r'<ol class="steps">.*?</ol>', r'<section id="receptors".*?</section>',
                    r"<[^>]+>"):  # fmt: skip
        page = re.sub(pattern, " ", page, flags=re.DOTALL)
    text = html.unescape(page)
    for pattern in MEANT:
        text = re.sub(pattern, " ", text)
    return text


def test_a_whole_report_has_no_names_of_the_code():
    assert sorted(set(NAME.findall(prose(render(fake_content(), {}))))) == []


def test_a_study_of_maps_has_no_names_of_the_code(finished_maps):
    page = (finished_maps / "out" / "report.html").read_text()
    assert sorted(set(NAME.findall(prose(page)))) == []


def test_the_steps_are_named_in_words():
    page = render(fake_content(), {})
    steps = page[page.index('<ol class="steps">') :]
    assert "<strong>read and check the images</strong>" in steps
    assert "<strong>ingest</strong>" not in steps


def test_flags_name_measures_as_the_page_does():
    page = render(fake_content(), {})
    assert "brain mask (ml) 612 is under 900" in page
