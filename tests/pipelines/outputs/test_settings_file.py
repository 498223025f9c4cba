"""Settings lie beside the report; the page says which are not the defaults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from rt1t2_dask.config.defaults import NOT_SET, changed
from rt1t2_dask.config.study import Config, parse


@pytest.fixture(scope="module")
def out(finished_maps: Path) -> Path:
    return finished_maps / "out"


@pytest.fixture(scope="module")
def config(out: Path) -> Config:
    return parse(json.loads((out / "provenance.json").read_text())["config"])


def test_the_file_has_every_setting_that_decides_the_results(out, config):
    written = yaml.safe_load((out / "settings.yaml").read_text())
    assert written == config.science()
    assert "settings.yaml" in (out / ".bidsignore").read_text().split()


def test_the_page_names_the_changed_settings_and_links_the_file(out):
    page = (out / "report.html").read_text()
    assert '<a href="settings.yaml">' in page
    assert "permute.n" in page
    assert "brain.method" not in page


def test_only_what_differs_from_the_defaults_is_changed(config):
    found = changed(config)
    assert found["permute.n"] == (50, 1000)
    assert found["smooth.fwhm_mm"] == (0, 10)
    assert not any(key.startswith(("cohort.", "source.root", "brain.")) for key in found)
    tree = config.model_dump(mode="json") | {"regions": {"mine": {"image": "x.nii.gz"}}}
    assert changed(parse(tree))["regions.mine.image"] == ("x.nii.gz", NOT_SET)
