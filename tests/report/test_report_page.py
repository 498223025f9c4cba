"""The page: complete, self-contained, honest about simulated data and gaps, safe."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_report import (
    PERMUTATION,
    fake_content,
    fake_contrast,
    fake_demographics,
    fake_t_map,
)
from page_reader import PageReader

from rt1t2_dask.report.content import AssetUse, ReportContent
from rt1t2_dask.report.figures.catalogue import draw_all
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.methods import describe
from rt1t2_dask.report.numbers import coordinates, decimal, probability, thousands
from rt1t2_dask.report.page import render
from rt1t2_dask.report.sections import headline, tables

BESIDE = ("quality.html", "methods.md", "references.bib", "settings.yaml", "provenance.json")
NASTY = "<script>alert('x')</script>&\"'"


@pytest.fixture(scope="module")
def page(pictures: dict[str, Picture]) -> str:
    return render(fake_content(simulated=True), pictures)


@pytest.fixture(scope="module")
def reader(page: str) -> PageReader:
    return PageReader(page)


def small() -> ReportContent:
    return replace(
        fake_content(simulated=False),
        groups={"PSP": 2},
        contrasts=(),
        receptors=None,
        fisher_z=None,
        lesion_count=None,
        notes=("No contrast: PSP has 2, HC 0 people; 2 a group are needed.",),
    )


def test_nothing_is_loaded_from_elsewhere(page: str, reader: PageReader) -> None:
    assert reader.loads()
    kinds = {address.split(",")[0] for address in reader.loads()}
    assert kinds == {"data:image/png;base64", "data:image/svg+xml;base64"}
    beside = {a["href"] for a in reader.named("a") if not a["href"].startswith("#")}
    assert beside == set(BESIDE)
    assert not re.search(r"url\(|@import|https?://|//cdn", re.sub(r"base64,[^\"]+", "", page))


def test_html_is_balanced_with_landmarks(reader: PageReader) -> None:
    assert (reader.unbalanced, reader.still_open) == ([], [])
    assert reader.named("html") == [{"lang": "en"}]
    assert len(reader.named("h1")) == len(reader.named("main")) == len(reader.named("nav")) == 1
    assert any(meta.get("name") == "viewport" for meta in reader.named("meta"))
    assert all(image["alt"] for image in reader.named("img"))
    assert all(head.get("scope") in ("col", "colgroup", "row") for head in reader.named("th"))
    assert len(reader.captions) == len(reader.tables)


def test_anchors_are_unique_and_all_links_arrive(reader: PageReader) -> None:
    anchors = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    targets = {a["href"].removeprefix("#") for a in reader.named("a")}
    assert targets - set(BESIDE) <= set(anchors)


def test_simulated_is_said_everywhere(page: str, reader: PageReader) -> None:
    title = re.search(r"<title>(.*?)</title>", page)
    assert title is not None
    assert title[1].startswith("SIMULATED DATA")
    assert any(a.get("class") == "banner" for a in reader.named("aside"))
    marks = [a for a in reader.named("p") if a.get("class") == "mark"]
    assert len(marks) == len(reader.named("section"))
    assert "simulated, seed 7" in reader.words


def test_measured_data_is_never_called_simulated() -> None:
    assert "simulated" not in render(fake_content(simulated=False), {}).lower()


def test_every_cluster_value_is_shown(reader: PageReader) -> None:
    clusters = fake_content().contrasts[0].clusters
    bands, head, *rows = reader.table("Clusters, PSP versus HC")
    assert [band for band in bands if band] == ["Cluster extent", "Peak"]
    assert len(rows) == len(clusters) >= 2
    below, *details = reader.table("Cluster extents")
    for row, detail, cluster in zip(rows, details, clusters.itertuples(), strict=True):
        shown = dict(zip(head, row, strict=True))
        more = dict(zip(below, detail, strict=True))
        assert shown["Volume (mm³)"] == thousands(cluster.volume_mm3)
        assert shown["Peak t"] == decimal(cluster.peak_t)
        assert more["Peak Z"] == decimal(cluster.peak_zscore)
        peak = (cluster.peak_x_mm, cluster.peak_y_mm, cluster.peak_z_mm)
        assert shown["Peak x y z (mm)"] == coordinates(peak)
        assert shown["Peak p FWE, permutation"] == ".0496"
        assert "Extent p FWE, permutation" not in shown
        assert shown["Peak p FWE, random field"] == shown["Extent q (FDR)"] == "n/a"
        assert more["Extent p, uncorrected"] == "< .001"
        assert shown["Region at peak"] == cluster.region
        assert shown["In any lesion"] == "12.5 %"
        assert shown["Direction"] == f"PSP {'higher' if cluster.sign == 'positive' else 'lower'}"


def test_every_receptor_value_is_shown(reader: PageReader) -> None:
    receptors = fake_content().receptors
    assert receptors is not None
    head, *rows = reader.table("Correlation of ratio changes")
    below, *details = reader.table("Receptor maps")
    for row, detail, entry in zip(rows, details, receptors.itertuples(), strict=True):
        shown = dict(zip(head, row, strict=True))
        assert detail[below.index("Map")] == entry.map
        assert shown["Mean Fisher z"] == decimal(entry.mean_fisher_z, 3)
        assert shown["p, label permutation"] == probability(entry.p_permutation)
        assert shown["q (FDR)"] == probability(entry.q_fdr)
        assert shown["p, spatial null"] == "n/a"
    assert "n/a: not computed" in reader.words
    assert "The spatial null was not run." in reader.words


def test_permutation_headline_failures_and_licences(reader: PageReader) -> None:
    assert reader.table("Freedman-Lane permutation")[1] == ["highest peak", "7.31", "6.82", ".012"]
    assert "1,000 relabelings of people" in reader.words
    assert "PSP (n = 11) against HC (n = 18): the T1w/T2w ratio of PSP is lower in" in reader.words
    assert "at p < .001 uncorrected (|t| > 3.42, one-sided" in reader.words
    assert reader.table("Failed during")[1] == ["sub-077", "ingest", "T1w has 2 volumes"]
    assert reader.table("Excluded by")[1] == ["sub-099", "cohort.exclude"]
    assert reader.table("Third-party")[1][:2] == ["fake atlas", "CC BY-NC 4.0"]
    assert reader.table("Settings changed")[1] == ["permute.n", "1000", "2000"]
    assert "Seeds: permute 3." in reader.words
    assert "Python 3.12.1, numpy 2.1.0" in reader.words
    assert "ef" * 32 not in reader.words


def test_demographics_hold_figures_and_tests(reader: PageReader) -> None:
    assert reader.table("Age and sex by group") == [
        ["Characteristic", "PSP", "HC", "Test"],
        ["n", "11", "18", ""],
        ["Age in years, mean ± SD", "60.2 ± 11.5", "61.2 ± 11.5", "PSP: t-test, p = .445"],
        ["Sex, male / female", "5 / 6", "9 / 9", "Fisher exact, p = .743"],
    ]


def test_no_cluster_is_said_with_the_threshold() -> None:
    flat = fake_contrast(fake_t_map(bumps=()))
    words = PageReader(render(replace(fake_content(), contrasts=(flat,)), {})).words
    assert "No cluster of 750 mm³ or more has |t| > 3.42 (p < .001, one-sided" in words
    assert "no cluster in either direction" in words


def test_a_cohort_too_small_says_why() -> None:
    reader = PageReader(render(small(), {}))
    assert "No group contrast was made" in reader.words
    assert "PSP has 2, HC 0 people" in reader.words
    assert not any(caption.startswith("Clusters") for caption in reader.captions)


def test_the_barest_content_renders() -> None:
    reader = PageReader(render(ReportContent("bare", {}, "recommended", {})))
    assert (reader.unbalanced, reader.still_open) == ([], [])
    assert "Nobody failed." in reader.words


def test_nasty_names_are_escaped() -> None:
    contrast = replace(fake_contrast(fake_t_map()), first=NASTY)
    contrast.clusters.loc[0, "region"] = NASTY
    content = replace(
        small(),
        cohort=NASTY,
        groups={NASTY: 11, "HC": 18},
        contrasts=(contrast,),
        demographics=fake_demographics({NASTY: 11, "HC": 18}),
        failures=pd.DataFrame([{"participant_id": NASTY, "stage": "x", "reason": NASTY}]),
        assets=(AssetUse(NASTY, NASTY, NASTY),),
        notes=(NASTY,),
        settings={NASTY: NASTY},
    )
    page = render(content, {})
    assert "<script>alert" not in page
    assert PageReader(page).words.count("<script>alert('x')</script>") > 10


@pytest.mark.heavy
def test_pictures_drawn_before_are_used_and_bytes_repeat() -> None:
    content = replace(small(), participants=fake_content().participants)
    assert render(content, draw_all(content)) == render(content)
    assert render(content, {}) != render(content)


def test_every_contrast_and_statistic_appears() -> None:
    statistics = {
        key: {"max_t": 5.0, "cluster": 812.0} for key in ("observed_maximum", "critical_05")
    }
    permutation = {**PERMUTATION, **statistics, "p": {"max_t": 0.2, "cluster": 0.0009}}
    first = replace(fake_contrast(fake_t_map()), permutation=permutation)
    second = replace(fake_contrast(fake_t_map(seed=9), "PSPS2"), permutation=None)
    groups = {"PSP": 11, "PSPS2": 15, "HC": 18}
    content = replace(fake_content(), contrasts=(first, second), groups=groups)
    reader = PageReader(render(content, {}))
    assert {"contrast-pspVsHc", "contrast-psps2VsHc"} <= {a.get("id") for _, a in reader.tags}
    assert ["largest cluster", "812.00", "812.00", "< .001"] in reader.table("Freedman-Lane")
    rows = [row for row in reader.table("All contrasts") if "versus" in row[0]]
    assert [row[0] for row in rows] == ["PSP versus HC", "PSPS2 versus HC"]
    assert [row[-1] for row in rows] == [".200", "n/a"]


def test_a_missing_value_of_any_kind_is_na() -> None:
    content = fake_content()
    clusters = content.contrasts[0].clusters.copy()
    clusters["lesion_overlap"] = np.nan
    clusters["peak_p_fwe_permutation"] = pd.NA
    contrast = replace(content.contrasts[0], clusters=clusters)
    page = render(replace(content, contrasts=(contrast,)), {})
    _, head, row, *_ = PageReader(page).table("Clusters")
    shown = dict(zip(head, row, strict=True))
    assert shown["In any lesion"] == shown["Peak p FWE, permutation"] == "n/a"


def test_extent_and_peak_are_headed_and_counted_apart() -> None:
    content = fake_content()
    rows = content.contrasts[0].clusters
    clusters = rows.assign(extent_p_fwe_permutation=[0.2, *[0.01] * (len(rows) - 1)])
    contrast = replace(content.contrasts[0], clusters=clusters)
    shown = tables.clusters(contrast)
    assert shown.bands == (("", 4), ("Cluster extent", 3), ("Peak", 4), ("", 1))
    assert any("one-sided for each sign, as in SPM12" in note for note in shown.footnotes)
    said = headline.contrast(contrast, content)
    n = len(rows)
    assert f"permutation): the peak of {n}, the extent of {n - 1} of {n} clusters." in said
    fewer = replace(contrast, counts={"PSP": 10, "HC": 18})
    assert "PSP (n = 10) against HC (n = 18)" in headline.contrast(fewer, content)
    one = replace(contrast, clusters=rows)
    assert f"permutation): the peak of {n} of {n} clusters." in headline.contrast(one, content)


def test_pairs_are_counted_as_pairs() -> None:
    content = fake_content()
    title = "PSP versus HC within pairs, adjusted for age"
    one = content.contrasts[0]
    pairs = replace(one, counts={"PSP-HC": 7}, n=7, paired=True, heading=title)
    said = "PSP against HC (n = 7 pairs) within pairs, adjusted for age"
    assert headline.contrast(pairs, content).startswith(f"{said}:")
    methods = "\n".join(describe(replace(content, contrasts=(pairs,))).paragraphs)
    assert "Pairs were compared voxel by voxel with paired t tests" in methods
    assert said in methods


def test_unknown_sex_is_not_zero_people() -> None:
    rows = fake_content().demographics
    rows[["n_male", "n_female"]] = rows[["n_male", "n_female"]].astype(float)
    rows.loc[0, ["n_male", "n_female"]] = np.nan
    rows.loc[1, ["n", "n_male", "n_female"]] = [18, 9, 7]
    sexes = tables.demographics(rows).rows[2]
    assert sexes[1:3] == ("n/a", "9 / 7 (2 other or unknown)")


def test_a_contrast_of_unknown_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="names unknown groups HC; the groups are PSP, PSPS2"):
        replace(fake_content(), groups={"PSP": 11, "PSPS2": 15})


def test_the_stages_are_listed_with_their_settings(reader: PageReader) -> None:
    assert "smooth fwhm_mm = 10 edge = normalised" in reader.words
    assert "permutations n = 1000 method = freedman_lane statistic = max_t" in reader.words
    assert "root = " not in reader.words
