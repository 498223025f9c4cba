"""A study of regional tables from end to end, on simulated tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask import assets
from rt1t2_dask.command_line import command
from rt1t2_dask.morphometry import similarity
from rt1t2_dask.morphometry.regions import LIMBIC


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("regions")


def words(folder: Path, *more: str, out: str = "out") -> list[str]:
    return [
        "+cohort=chronic_pain",
        f"source.root={folder / 'tables'}",
        f"storage.url={folder / 'lake'}",
        f"output_dir={folder / out}",
        "cluster=synchronous",
        "permute.n=50",
        "transcriptome.n_spins=99",
        "transcriptome.n_bootstraps=20",
        *more,
    ]


@pytest.fixture(scope="module")
def study(folder) -> Path:
    assert command(words(folder)) == 0
    return folder / "out"


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a")


def test_everything_says_simulated(study):
    assert "SIMULATED" in json.loads((study / "dataset_description.json").read_text())["Name"]
    assert json.loads((study / "provenance.json").read_text())["simulated"] is True
    page = (study / "report.html").read_text()
    assert page.count("SIMULATED DATA") > 5
    assert "none of them survived correction" in page


def test_planted_regions_rise(study):
    rows = read(study / "group" / "cohorts_measure-similarity_regions.tsv")
    limbic = rows["region"].str.split("_").str[1].isin(LIMBIC)
    assert rows.loc[limbic, "mean_t"].mean() > rows.loc[~limbic, "mean_t"].mean() + 0.5


def test_tables_are_what_the_science_gives(study, folder):
    tables = [
        pd.concat(
            [
                read(folder / "tables" / f"{side}.aparc.{name}.tsv").set_index(
                    f"{side}.aparc.{name}"
                )
                for side in ("lh", "rh")
            ],
            axis=1,
        )
        for name in ("volume", "area", "thickness", "meancurv", "gauscurv")
    ]
    expected = similarity.regional(
        similarity.networks(np.stack([t.to_numpy() for t in tables], axis=2))
    )
    found = read(study / "group" / "regional_similarity.tsv").set_index("participant_id")
    np.testing.assert_allclose(found.loc[tables[0].index], expected, atol=1e-8)


def test_genes_and_sets_are_written_where_expression_is_installed(study):
    if assets.find("ahba_expression") is None:
        assert "bring a table of regions x genes" in (study / "report.html").read_text()
        return
    genes = read(study / "group" / "transcriptome-acrossCohorts_genes.tsv")
    assert len(genes) == 15_633
    assert genes["p_spin"].between(0.01, 1).all()
    sets = read(study / "group" / "transcriptome-acrossCohorts_sets.tsv")
    assert {"Oligo", "Ast"} <= set(sets["set"])
    assert (study / "group" / "transcriptome-everyCohort_pls.json").exists()


def test_again_there_is_nothing_to_do(study, folder, capsys):
    before = (study / "provenance.json").stat().st_mtime_ns
    assert command(words(folder)) == 0
    assert (study / "provenance.json").stat().st_mtime_ns == before


def test_without_expression_the_rest_runs(study, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("RT1T2_ASSETS", str(tmp_path))
    assert command(words(folder, out="bare")) == 0
    assert "transcriptome.expression=FILE" in (folder / "bare" / "report.html").read_text()
    assert not list((folder / "bare" / "group").glob("transcriptome-*"))


def test_a_person_without_tables_fails_alone(study, folder, tmp_path):
    people = read(folder / "tables" / "participants.tsv")
    (tmp_path / "participants.tsv").write_text(
        people.replace({"participant_id": {people["participant_id"][0]: "sub-XX"}}).to_csv(
            sep="\t", index=False
        )
    )
    own = [
        "method=martins_2021",
        "source=morphometry",
        f"cohort.participants={tmp_path / 'participants.tsv'}",
        "transcriptome.n_spins=0",
    ]
    assert command(words(folder, *own, out="lost")) == 1
    lost = read(folder / "lost" / "failures.tsv")
    assert lost["participant_id"].tolist() == ["sub-XX"]
    assert "0 % of the regions" in lost["reason"][0]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["similarity.features=[thickness]"], "one map a person cannot make a network"),
        (["source=morphometry", "source.tables=none.tsv"], "none.tsv is not in source.root"),
        (["similarity.across=[nobody]"], "similarity.across names nobody"),
        (["contrast.variance=spm_unequal"], "choose equal or welch"),
        (["method=recommended", "source=morphometry"], "go together"),
    ],
)
def test_wrong_settings_are_told_in_a_line(study, folder, capsys, more, said):
    assert command(words(folder, *more, out="wrong")) == 2
    assert said in capsys.readouterr().err
