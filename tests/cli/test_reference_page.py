"""docs/reference.md is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rt1t2_dask.cli.reference import page
from rt1t2_dask.config.keys import nearest, settings, suggestion
from rt1t2_dask.config.study import Config

FILE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"


@pytest.mark.skipif(not FILE.exists(), reason="not a checkout")
def test_the_page_is_up_to_date():
    assert FILE.read_text() == page(), "python -m rt1t2_dask.cli.reference > docs/reference.md"


def test_every_setting_is_known_once_a_source_and_has_its_limits():
    known = settings(Config)
    assert len({(s.key, s.of) for s in known}) == len(known)
    by_key = {s.key: s for s in known}
    assert by_key["smooth.fwhm_mm"].kind == "number >= 0 <= 40"
    assert by_key["smooth.edge"].choices == ("normalised", "spm")
    assert by_key["permute.statistic"].choices == ("max_t", "cluster", "tfce")
    images = {"simulated", "bids", "dicom", "derivatives", "maps"}
    assert {s.of for s in known} == {"", "morphometry", "simulated_morphometry"} | images


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("smooth.fhwm_mm", "smooth.fwhm_mm"), ("contrast.extent", "contrast.extent_mm3"),
     ("permut.n", "permute.n"), ("outputdir", "output_dir")],
)  # fmt: skip
def test_a_mistyped_setting_is_recognised(typed, meant):
    assert suggestion(Config, typed) == f"did you mean {meant}?"


def test_nothing_is_guessed_from_afar():
    assert "did you mean" not in suggestion(Config, "storage.zzz")
    assert nearest("zzz", ["psp", "pain"]) == ""
