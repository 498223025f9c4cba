"""The methods text follows the settings and the stages, and cites what it names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_report import fake_content, fake_settings

import rt1t2_dask.report
from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.methods import describe
from rt1t2_dask.report.references import Citations, library
from rt1t2_dask.report.sections.headline import contrast


def text(content: ReportContent) -> str:
    return "\n".join(describe(content).paragraphs)


def with_setting(group: str, **values: Any) -> ReportContent:
    settings = fake_settings("bids")
    settings[group] = {**settings[group], **values}
    return replace(fake_content(simulated=False), settings=settings)


@pytest.mark.parametrize(
    ("group", "values", "phrase"),
    [
        ("smooth", {"fwhm_mm": 8}, "Gaussian of 8 mm FWHM"),
        ("smooth", {"fwhm_mm": 0}, "Maps were not smoothed"),
        ("smooth", {"edge": "spm"}, "as SPM12 does"),
        ("contrast", {"variance": "welch"}, "(Welch)"),
        ("contrast", {"variance": "spm_unequal"}, "restricted maximum likelihood"),
        ("calibration", {"kind": "gm_median"}, "Cooper et al. 2019"),
        ("calibration", {"kind": "none"}, "not calibrated"),
        ("calibration", {"kind": "mrtool_style"}, "in the style of MRTool"),
        ("receptors", {"missing": "listwise"}, "left out for all"),
        ("source", {"kind": "maps", "space": "MNI152NLin6Asym"}, "in MNI152NLin6Asym space"),
    ],
)
def test_settings_change_the_text(group: str, values: dict[str, Any], phrase: str) -> None:
    changed = text(with_setting(group, **values))
    assert phrase in changed


def test_each_contrast_names_its_own_covariates() -> None:
    """The cohort's are not a formula's, and the site is among those of the groups."""
    content = fake_content(simulated=False)
    first = content.contrasts[0]
    heading = f"{first.first} versus {first.second}, adjusted for age, site"
    formula = replace(first, first="", second="", heading="group in ~ group + site", n=29)
    said = text(replace(content, contrasts=[replace(first, heading=heading), formula]))
    n = content.groups[first.second]
    assert (
        f"against {first.second} (n = {n}), adjusted for age, site; group in ~ group + site" in said
    )
    assert "as covariate" not in said


def test_the_threshold_comes_from_the_contrast() -> None:
    assert "p < .001 (one-sided for each sign, uncorrected) of at least 750 mm³" in text(
        fake_content()
    )


@pytest.mark.parametrize(
    ("stage", "phrase"),
    [
        ("coregister", "registered rigidly"),
        ("bias", "N4"),
        ("brain", "brain mask was transformed"),
        ("normalise", "gradient of local cross-correlation"),
        ("calibrate", "calibrated in the style"),
        ("smooth", "FWHM"),
        ("parcels", "Neuromorphometrics"),
        ("demographics", "Fisher's exact"),
    ],
)
def test_a_stage_that_was_not_run_is_not_described(stage: str, phrase: str) -> None:
    content = fake_content(simulated=False)
    assert phrase in text(content)
    without = replace(content, stages=[s for s in content.stages if s != stage])
    assert phrase not in text(without)


def test_methods_not_run_are_not_claimed() -> None:
    content = fake_content(simulated=False)
    contrast = content.contrasts[0]
    bare = contrast.clusters.assign(extent_p_uncorrected=np.nan, peak_p_fwe_permutation=np.nan)
    without = replace(content, contrasts=(replace(contrast, clusters=bare, permutation=None),))
    for phrase in ("random-field", "Freedman", "Family-wise"):
        assert phrase in text(content)
        assert phrase not in text(without)
    assert "No permutation test was run." in " ".join(describe(without).limits)


def test_limits_name_n_threshold_and_what_the_ratio_measures() -> None:
    limits = " ".join(describe(fake_content()).limits)
    for phrase in ("PSP 11, HC 18", "Eklund et al. 2016", "not specific to myelin", "SIMULATED"):
        assert phrase in limits


def test_every_limit_stands_alone_and_large_groups_are_not_called_small() -> None:
    limits = describe(fake_content(simulated=False)).limits
    openings = ("Groups are small", "A threshold", "The T1w/T2w ratio", "Ratio values", "Receptor")
    for opening in openings:
        assert sum(limit.startswith(opening) for limit in limits) == 1
    large = replace(fake_content(simulated=False), groups={"PSP": 40, "HC": 52})
    assert "Groups are small" not in " ".join(describe(large).limits)


def test_the_papers_method_is_cited() -> None:
    content = replace(fake_content(), method="van_grinsven_2025")
    assert "(van Grinsven et al. 2025)" in text(content)
    assert "vangrinsven2025" in describe(content).bibtex


def test_every_paper_named_is_listed_once_and_only_those() -> None:
    methods = describe(fake_content())
    body = " ".join((*methods.paragraphs, *methods.limits))
    listed = {reference.key for reference in methods.references}
    named = {key for key, reference in library().items() if reference.short in body}
    assert listed == named
    assert len(re.findall(r"^@(?:article|misc)\{", methods.bibtex, flags=re.M)) == len(listed)


def test_bibtex_and_short_forms() -> None:
    glasser = library()["glasser2011"]
    assert glasser.short == "Glasser and Van Essen 2011"
    assert "author = {Glasser, M. F. and Van Essen, D. C.}" in glasser.bibtex
    assert "pages = {11597--11616}" in glasser.bibtex
    assert library()["tustison2010"].short == "Tustison et al. 2010"
    assert library()["tustison2010"].bibtex.count("others") == 1
    with pytest.raises(KeyError):
        Citations()("nobody1900")


def test_no_machine_text_is_left_in_templates() -> None:
    for paragraph in (*describe(fake_content()).paragraphs, *describe(fake_content()).limits):
        assert not {"{", "}", "None", "nan"} & set(paragraph.split())
        assert "  " not in paragraph
        assert not re.search(r" \.(?!\d)", paragraph)
        assert not re.search(r"[.)][A-Z]", paragraph), paragraph


def test_the_bibtex_file_is_read_back_by_a_parser() -> None:
    """Braces balance, keys are unique, and every entry has what an article must have."""
    text = "\n\n".join(reference.bibtex for reference in library().values())
    entries = re.findall(r"@(?:article|misc)\{(\w+),\n(.*?)\n\}", text, flags=re.S)
    assert [key for key, _ in entries] == list(library())
    for key, body in entries:
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", body, flags=re.M))
        needed = {"author", "title", "year"} | ({"howpublished"} & set(fields) or {"journal"})
        whole = set() if fields.get("journal") in (None, "medRxiv") else {"volume", "pages"}
        assert needed | whole <= set(fields), key
        assert body.count("{") == body.count("}")
        assert body.count("\n") + 1 == len(fields)
        plain = "".join(v.replace(r"\_", "") for k, v in fields.items() if k != "doi")
        assert not re.search(r"[&%#$_~^\\]", plain)
    assert "{[Title not recorded here: take it from the DOI]}" in text
    assert "doi = {10.3390/jcm14092888}" in text


def test_the_methods_file_cites_by_the_keys_of_its_bibtex() -> None:
    said = describe(fake_content(), pandoc=True)
    keys = set(re.findall(r"@(\w+)", said.markdown))
    assert keys == {reference.key for reference in said.references}
    assert said.markdown.startswith("# Methods\n")
    assert "Tustison" not in said.markdown


def test_clusters_of_a_slope_are_counted_in_grammar() -> None:
    content = fake_content(simulated=False)
    signs = ["negative", "negative", "positive"]
    rows = content.contrasts[0].clusters.iloc[[0, 0, 0]].assign(sign=signs)
    slope = replace(content.contrasts[0], second="", heading="slope on pain", clusters=rows)
    said = contrast(replace(slope, higher="rises with pain", lower="falls with pain"), content)
    assert "2 clusters fall with pain, 1 cluster rises with pain" in said
    said = contrast(replace(slope, higher="above 1.4", lower="below 1.4"), content)
    assert "2 clusters below 1.4, 1 cluster above 1.4" in said


def test_sections_are_cited_by_key_where_the_text_is_for_pandoc() -> None:
    text = "Two tests (Schuirmann 1987), Bayes factors (Rouder et al. 2009; scale .7)."
    keys = ("schuirmann1987", "rouder2009")
    assert Citations().written(text, *keys) == text
    cite = Citations(pandoc=True)
    said = cite.written(text, *keys)
    assert said == "Two tests [@schuirmann1987], Bayes factors (@rouder2009; scale .7)."
    assert {one.key for one in cite.listed()} == set(keys)


REPORT = Path(rt1t2_dask.report.__file__).parent
BY_AMPERSAND = re.compile(r"[A-Z]\w+ & [A-Z]\w+[ \n\"(]+(19|20)\d\d")


@pytest.mark.parametrize(
    "path", sorted(REPORT.rglob("*.py")), ids=lambda p: str(p.relative_to(REPORT))
)
def test_two_authors_are_joined_as_the_library_does_so_that_they_become_a_key(path):
    assert not BY_AMPERSAND.search(path.read_text())
