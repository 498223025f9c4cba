"""What the page says of files and their warnings."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.pipelines.outputs.people_section import MOST_WARNINGS, input_section

FIELD = "the field of view is 90 mm top-bottom, 72% of a brain"


def section(warnings, flags=(None, None)):
    files = pd.DataFrame({"image": ["t1w", "t1w", "t2w"][: len(warnings)], "warnings": warnings})
    quality = pd.DataFrame({"flag": list(flags)})
    return input_section(["files of 3 people: 3 T1w"], files, quality)


def test_each_warning_is_a_sentence_with_the_number_of_files():
    found = section([FIELD, FIELD, "the qform and sform differ"]).sentences
    assert found[0] == "Files of 3 people: 3 T1w."
    assert found[1] == f"Warning on 2 files (T1w): {FIELD}."
    assert found[2] == "Warning on 1 file (T2w): the qform and sform differ."
    assert found[3] == "Which file has which warning: group/inputs.tsv."


def test_no_warning_and_nobody_beyond_a_limit_are_said():
    found = section([None, None, None]).sentences
    assert found[1:] == (
        "No image has a warning on its header or its field of view.",
        "Nobody is beyond a quality limit.",
    )


def test_people_beyond_a_limit_are_counted():
    said = section([None], flags=("brain_ml 612 is under 900", None)).sentences[-1]
    assert said == "Beyond a quality limit: 1 of 2 people; see Quality for the values."


def test_many_warnings_are_cut_with_their_number():
    files = pd.DataFrame({"image": "t1w", "warnings": [f"w{k}" for k in range(MOST_WARNINGS + 3)]})
    found = input_section([], files, pd.DataFrame({"flag": []})).sentences
    assert "3 further warnings, less frequent." in found


def test_the_page_shows_it_unfolded(finished_maps):
    page = (finished_maps / "out" / "report.html").read_text()
    own = page[page.index('<section id="input"') :]
    own = own[: own.index("</section>")]
    assert "Files of 13 people: 13 ratio maps" in own and "<details" not in own
    limits = page[page.index('<section id="limits"') :]
    assert "<details" not in limits[: limits.index("</section>")]
    read = page[page.index('<section id="participants"') :]
    assert read.index("<table") < read.index("</section>")
