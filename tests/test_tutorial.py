"""The tutorial's numbers are those of the study it tells to run."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import Job, _configure, command
from rt1t2_dask.pipelines.people.simulated import expected
from rt1t2_dask.pipelines.people.table import valid_people
from rt1t2_dask.stats.demographics import compare

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(not (ROOT / "docs").exists(), reason="not a checkout")


@pytest.fixture(scope="module")
def tutorial() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        from newcomer import tutorial

    return tutorial


@pytest.fixture(scope="module")
def blocks(tutorial) -> dict[str, str]:
    return tutorial.blocks(tutorial.PAGE.read_text())


def test_the_people_are_those_who_are_simulated(tutorial, blocks):
    config = _configure(Job(("+cohort=psp",)))
    people = valid_people(expected(config.source, config.cohort)[0], config.cohort)
    found = compare(people, list(config.cohort.groups), config.cohort.reference)
    assert blocks["people"] == tutorial.markdown(found)


def test_every_number_has_its_place(blocks):
    assert {"headline", "people", "clusters", "permutation", "planted", "receptors"} == set(blocks)
    assert all(text.count("\n") >= 2 for text in blocks.values())
    assert "SIMULATED" not in blocks["headline"]


def test_the_blocks_are_those_of_a_finished_study(tutorial, blocks):
    study = os.environ.get("RT1T2_OUTPUT")
    if not study:
        pytest.skip("RT1T2_OUTPUT names no finished default study")
    assert blocks == tutorial.made(Path(study))


def test_a_table_reads_as_markdown(tutorial):
    rows = pd.DataFrame({"a": [1, 2], "b": [0.00012345, float("nan")]})
    assert tutorial.markdown(rows) == "| a | b |\n| --- | --- |\n| 1 | 0.000123 |\n| 2 | n/a |"
    page = "x\n<!-- a -->\nold\n<!-- end -->\ny\n"
    assert tutorial.blocks(tutorial.filled(page, {"a": "one\ntwo"})) == {"a": "one\ntwo"}


@pytest.fixture(scope="module")
def genes_page(tutorial) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        from newcomer import tutorial_genes

    return tutorial_genes


def test_every_number_of_the_genes_has_its_place(tutorial, genes_page):
    found = tutorial.blocks(genes_page.PAGE.read_text())
    assert {"headline", "regions", "genes", "maps"} == set(found)
    assert all(text.count("\n") >= 2 for text in found.values())


@pytest.mark.heavy
def test_the_genes_are_those_of_the_study_it_tells_to_run(
    tutorial, genes_page, tmp_path, monkeypatch
):
    """The whole study as the page has it, without assets."""
    monkeypatch.setenv("RT1T2_ASSETS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    out = tmp_path / "out"
    places = [f"source.root={tmp_path / 'tables'}", f"storage.url={tmp_path / 'lake'}"]
    assert command(["+cohort=chronic_pain", *places, f"output_dir={out}"]) == 0
    assert tutorial.blocks(genes_page.PAGE.read_text()) == genes_page.made(out)
