"""What stands under a contrast's clusters, and the words of an F contrast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_report import fake_contrast, fake_t_map

from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.figures.design_figure import design_matrix
from rt1t2_dask.report.sections import contrast_details, headline, tables
from rt1t2_dask.report.sections.details import Details

PEAKS = pd.DataFrame(
    {
        "cluster": [1], "peak": [1], "sign": ["negative"], "t": [-6.5], "zscore": [-5.2],
        "x_mm": [4.0], "y_mm": [-26.0], "z_mm": [36.0], "p_uncorrected": [1e-7],
        "p_fwe_rft": [0.003], "q_fdr": [0.01], "region": ["Left Thalamus Proper"],
    }
)  # fmt: skip
EFFECTS = {
    "estimate": [-0.2], "estimate_ci_low": [-0.267], "estimate_ci_high": [-0.133],
    "percent": [-13.0], "t": [-6.1], "dof": [27.0],
    "g": [-2.2], "g_ci_low": [-3.2], "g_ci_high": [-1.3], "n": [29],
    "partial_eta2": [np.nan], "ci_low": [-3.2], "ci_high": [-1.3],
}  # fmt: skip


@pytest.fixture
def details() -> Details:
    p = {"p": [0.0001], "q_fdr": [0.012], "p_fwe_max_t": [0.2]}
    return Details(
        baseline="mean of hc",
        matrix=pd.DataFrame({"psp": [1.0, 1, 0, 0], "hc": [0.0, 0, 1, 1], "age": [-1, 0, 0.5, 2]}),
        weights=pd.DataFrame({"psp": [1.0], "hc": [-1.0], "age": [0.0]}),
        volume={
            "voxels": 235000, "fwhm_mm": [10.2, 11.0, 9.8], "resels": [1, 30, 300, 1213.4],
            "critical_fwe": 5.67, "expected": 0.53,
            "set": {"positive": {"clusters": 0, "p": 1.0}, "negative": {"clusters": 3, "p": 0.01}},
        },
        peaks=PEAKS,
        effects=pd.DataFrame({"cluster": [1]} | EFFECTS),
        parcels=pd.DataFrame({"region": [60], "name": ["Left Thalamus Proper"]} | EFFECTS | p),
        detectable={
            "numerator": None, "critical": 5.9, "critical_from": "random field", "power": 0.8,
            "scale": "ratio",
            "median": 11.24, "low_5": 7.0, "high_95": 20.0,
        },
    )  # fmt: skip


@pytest.mark.parametrize("scale", ["log", "ratio"])
def test_every_table_says_where_the_contrast_is_on_the_log(details, scale):
    told = replace(details, scale=scale)
    result = replace(fake_contrast(fake_t_map()), details=told)
    made = [*contrast_details.tables(told), tables.clusters(result)]
    assert len(made) == 4
    for table in made:
        assert (contrast_details.ON_LOG in table.footnotes) is (scale == "log")


def test_sentences_hold_the_numbers(details):
    said = " ".join(contrast_details.sentences(details, 750.0))
    for words in (
        "10.2 × 11.0 × 9.8 mm FWHM",
        "1,213.4 resels",
        "negative: 3 clusters, p = .010",
        "expects 0.53 clusters of at least 750 mm³ by chance, for each sign",
        "80 % power if the true effect is 11.2 % of the mean of hc",
        "1 of 1 regions at q < .05, 0 at FWE",
    ):
        assert words in said, words


def test_f_contrasts_have_sizes_of_their_own(details):
    nothing = dict.fromkeys(("estimate", "estimate_ci_low", "estimate_ci_high", "percent"), np.nan)
    f = nothing | {"g": np.nan, "partial_eta2": 0.41}
    found = details.detectable | {"numerator": 2, "median": 0.5, "low_5": 0.4, "high_95": 0.6}
    rows = details.parcels.drop(columns=["g_ci_low", "g_ci_high"]).assign(**f)
    rows = rows.assign(partial_eta2_ci_low=0.12, partial_eta2_ci_high=0.55)
    changed = replace(details, detectable=found, parcels=rows)
    said = " ".join(contrast_details.sentences(changed, 750.0))
    assert "at FWE p < .05 (random field, F > 5.90)" in said
    assert "a partial η² of 0.50 (Cohen's f 1.00) at the median voxel (0.40 to 0.60 in" in said
    regions = contrast_details.tables(changed)[-1]
    headings = [heading.text for heading in regions.headings]
    assert "Partial η²" in headings
    assert "Hedges' g" not in headings
    assert "0.12 to 0.55" in regions.rows[0]


@pytest.mark.parametrize(
    ("made", "words"), [(256, "256 of 1,500 planned"), (1500, "was not reached")]
)
def test_a_run_that_may_stop_early_says_what_its_p_rest_on(made, words):
    summary = {"n": made, "n_planned": 1500, "early_stop": 20, "seed": 0, "p": {"max_t": 0.1}}
    result = replace(fake_contrast(fake_t_map()), permutation=summary)
    (note,) = tables.permutation(result).footnotes
    assert words in note


def test_tables_name_what_they_hold(details):
    peaks, effects, regions = contrast_details.tables(details)
    headings = [[heading.text for heading in one.headings] for one in (peaks, effects, regions)]
    assert "p peak, uncorrected" in headings[0]
    assert "p cluster, uncorrected" not in headings[0]
    assert "4 −26 36" in peaks.rows[0]
    assert headings[1] == [
        "No.", "Estimate", "95 % interval of the estimate", "% of the mean", "t or F", "df",
        "Hedges' g", "95 % interval of g", "n",
    ]  # fmt: skip
    shown = dict(zip(headings[1], effects.rows[0], strict=True))
    assert shown["95 % interval of the estimate"] == "−0.2670 to −0.1330"
    assert shown["95 % interval of g"] == "−3.20 to −1.30"
    assert "p FWE, largest |t|" in headings[2]
    assert "Left Thalamus Proper" in regions.rows[0]


def test_slopes_and_pairs_have_sizes_of_their_own(details):
    for name, heading in (("partial_r", "Partial r"), ("d_z", "d_z")):
        names = {"g": name, "g_ci_low": f"{name}_ci_low", "g_ci_high": f"{name}_ci_high"}
        regions = contrast_details.tables(
            replace(details, parcels=details.parcels.rename(columns=names))
        )[-1]
        headings = [one.text for one in regions.headings]
        assert heading in headings
        assert f"95 % interval of {name.replace('_r', ' r')}" in headings
        assert not any("g" in text.split() for text in headings)
        assert any(name.replace("_r", " r") in note for note in regions.footnotes)


def test_design_is_drawn_with_its_columns(details):
    drawn = design_matrix(details.matrix, details.weights, "psp versus hc", simulated=True)
    assert "psp, hc, age" in drawn.alt
    assert drawn.png(50).startswith(b"\x89PNG")
    image = drawn.figure.axes[-1].images[0].get_array()
    np.testing.assert_allclose(image[:, 2], [0, 1 / 3, 0.5, 1])


def test_f_contrasts_are_called_f():
    result = replace(
        fake_contrast(fake_t_map()), first="", second="", heading="any difference", n=29,
        statistic="F",
    )  # fmt: skip
    content = ReportContent(cohort="x", settings={}, method="recommended", groups={"hc": 18})
    said = headline.contrast(result, content)
    assert said.startswith("any difference (n = 29)")
    assert "(F > " in said
    assert "sign" not in said
    assert "|t|" not in said
    assert "peak F = " in said
    assert "Highest peak (F): FWE p" in said
