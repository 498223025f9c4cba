"""References: forms of DOIs, this software, and papers of receptor maps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from rt1t2_dask import __version__
from rt1t2_dask.receptors.maps import select, shipped_names
from rt1t2_dask.receptors.sources import shipped_sources
from rt1t2_dask.report.receptors.sources import papers_of
from rt1t2_dask.report.references import SOFTWARE, Citations, library

DOI = re.compile(r"10\.\d{4,5}/\S*[^\s.,;]")
WITHOUT_DOI = {"garciagomez2013", SOFTWARE}
CITATION = Path(__file__).resolve().parents[2] / "CITATION.cff"


def test_dois_have_their_form_and_belong_to_one_paper_each():
    dois = [own.doi for own in library().values() if own.doi]
    assert all(DOI.fullmatch(doi) for doi in dois)
    assert len({doi.lower() for doi in dois}) == len(dois)
    assert {key for key, own in library().items() if not own.doi} == WITHOUT_DOI


@pytest.mark.skipif(not CITATION.exists(), reason="not a checkout")
def test_this_software_is_cited_as_its_citation_file_says():
    said = yaml.safe_load(CITATION.read_text())
    own = library()[SOFTWARE]
    assert own.author == said["authors"][0]["name"]
    assert own.title == said["title"]
    assert str(own.year) == str(said["date-released"])[:4]
    assert own.version == __version__
    assert f"version {__version__}" in own.full
    assert own.bibtex.startswith("@misc{rt1t2_dask,\n  author = {{The rt1t2\\_dask maintainers}}")
    assert f"note = {{version {__version__}}}" in own.bibtex
    assert Citations()(SOFTWARE) == f"(rt1t2_dask {__version__})"


def test_every_shipped_map_has_licence_citation_and_checksum():
    names = select("largest_sample")
    found = shipped_sources(names)
    assert [own.name for own in found] == names and len(names) == 17
    for own in shipped_sources([*shipped_names(), "gm_prior"]):
        assert own.licence and own.citation and re.fullmatch(r"[0-9a-f]{64}", own.sha256)
        assert not own.reference or own.reference in library()


def test_papers_of_maps_agree_with_their_citations():
    """The surname, year and DOI of a map's citation are those of its reference."""
    for own in shipped_sources([*shipped_names(), "gm_prior"]):
        if not own.reference:
            assert own.name in {"KappaOp_LY2795050_hc10_ShokriKojori", "SERT_MADAM_c11"}
            continue
        paper = library()[own.reference]
        assert str(paper.year) in own.citation
        doi = re.search(r"(?<!data )(?<!preprint, )doi:([^\s)]+)", own.citation)
        assert doi is None or doi[1] == paper.doi


def test_receptors_are_grouped_by_paper():
    found = papers_of(["5HT1b_az_hc36_beliveau", "SERT_dasb_hc100_beliveau", "my_own.nii"])
    assert found == {"beliveau2017": ["5HT1b", "SERT"]}


def test_a_preprint_has_neither_volume_nor_pages():
    own = library()["galovic2021"]
    assert own.full.endswith("medRxiv 2021. doi:10.1101/2021.12.04.21267226.")
    assert "volume" not in own.bibtex
