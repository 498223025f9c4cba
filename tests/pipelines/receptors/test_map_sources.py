"""Licences and papers of the receptor maps, whether or not their images are there."""

from __future__ import annotations

import json

import pytest

from rt1t2_dask import __version__, assets
from rt1t2_dask.pipelines.receptors.analysis import shipped_means
from rt1t2_dask.pipelines.receptors.plan import receptor_task
from rt1t2_dask.receptors.maps import select
from rt1t2_dask.receptors.sources import shipped_sources
from rt1t2_dask.report.references import library

MAPS = select("largest_sample")


def listed(name: str, text: str) -> bool:
    said = (f"pet:{name}", f"PET map {name}", f"{name} (regional means)")
    return any(one in text for one in said)


def test_without_images_the_sources_of_the_shipped_means_are_listed(
    configure, monkeypatch, tmp_path
):
    """As after a plain installation: no folder of assets."""
    monkeypatch.setenv("RT1T2_ASSETS", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    if assets.find("neuromorphometrics") is None:
        pytest.skip("the atlas is not installed")
    task = receptor_task(configure())
    used = shipped_means(task, prior=True)
    assert [one.name for one in used] == [f"{n} (regional means)" for n in (*MAPS, "gm_prior")]
    assert len({one.sha256 for one in used}) == 18
    assert len(shipped_means(task, prior=False)) == 17


def test_the_licence_table_lists_all_maps(finished_maps):
    page = (finished_maps / "out" / "report.html").read_text()
    licences = page[page.index('id="licences"') :]
    known = json.loads((finished_maps / "out" / "provenance.json").read_text())["assets"]
    assert len(MAPS) == 17
    for source in shipped_sources(MAPS):
        assert listed(source.name, licences) and listed(source.name, " ".join(known))
        assert source.sha256[:12] in licences
    assert "CC BY-NC-SA 4.0" in licences and "terms at xtra.nru.dk" in licences


def test_the_papers_of_the_maps_and_the_software_are_in_the_references(finished_maps):
    text = (finished_maps / "out" / "references.bib").read_text()
    papers = {source.reference for source in shipped_sources(MAPS) if source.reference}
    assert len(papers) == 10
    for key in papers:
        assert f"@article{{{key}," in text
        assert library()[key].doi in text
    assert "@misc{rt1t2_dask," in text and f"version {__version__}" in text
    methods = (finished_maps / "out" / "methods.md").read_text()
    assert "[@rt1t2_dask]" in methods and "The receptor maps are those of @savli2012" in methods
