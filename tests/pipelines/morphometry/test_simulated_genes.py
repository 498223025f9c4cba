"""The study of simulated tables without any asset: genes are simulated, and said to be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from described_tables import undescribed

from rt1t2_dask.cli.command_line import Job, _configure, command
from rt1t2_dask.pipelines.transcriptome.simulated import DISORDER, FOLDER, gene_files, settled

ONE_COHORT = (
    "+cohort=chronic_pain", "cohort.reference=fmHc",
    "~cohort.groups.oa", "~cohort.groups.oaHc", "~cohort.groups.lbp", "~cohort.groups.lbpHc",
    "~cohort.contrasts.oaVsHc", "~cohort.contrasts.lbpVsHc",
)  # fmt: skip


def words(folder: Path, *more: str, out: str = "out") -> list[str]:
    return [
        *ONE_COHORT,
        f"source.root={folder / 'tables'}",
        f"storage.url={folder / 'lake'}",
        f"output_dir={folder / out}",
        "cluster=synchronous",
        "permute.n=20",
        "transcriptome.n_spins=199",
        "transcriptome.n_bootstraps=20",
        *more,
    ]


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """A folder without assets, and no other place to find any."""
    folder = tmp_path_factory.mktemp("bare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RT1T2_ASSETS", str(folder / "none"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "none"))
        yield folder


@pytest.fixture(scope="module")
def study(bare) -> Path:
    assert command(words(bare)) == 0
    return bare / "out"


@pytest.fixture(scope="module")
def page(study) -> str:
    return (study / "report.html").read_text()


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a")


@pytest.mark.heavy
def test_planted_genes_come_back_at_the_ends(study):
    genes = read(study / "group" / "transcriptome-fmVsHc_genes.tsv")["gene"]
    assert len(genes) == 2000
    assert genes.head(60).str.startswith("SIMUP").sum() > 30
    assert genes.tail(60).str.startswith("SIMDOWN").sum() > 30
    assert not genes.head(60).str.startswith("SIMDOWN").any()


def test_planted_sets_and_the_planted_class_are_found_and_null_ones_are_not(study):
    sets = read(study / "group" / "transcriptome-fmVsHc_sets.tsv")
    assert set(sets["collection"]) == {f"{FOLDER}/cell_classes.gmt", f"{FOLDER}/gene_sets.gmt"}
    planted = sets["set"].str.contains("planted")
    assert planted.sum() == 3
    assert (sets.loc[planted, "p_spin"] <= 0.02).all()
    assert (sets.loc[~planted, "q_fdr"] > 0.05).all()


def test_the_table_of_what_came_back_counts_what_the_others_hold(study, page):
    found = read(study / "group" / "planted_genes.tsv").set_index("map")
    assert found.index.tolist() == ["fmVsHc", DISORDER]
    assert "Planted and found" in page
    for name, row in found.iterrows():
        genes = read(study / "group" / f"transcriptome-{name}_genes.tsv")
        highest = genes.nlargest(60, "pls1_z")["gene"]
        assert row["up_found"] == sum(gene.startswith("SIMUP") for gene in highest)
        sets = read(study / "group" / f"transcriptome-{name}_sets.tsv").set_index("set")["q_fdr"]
        assert row["q_cell_class_a"] == sets["SIMULATED cell class A, planted up"]
        null = [q for label, q in sets.items() if "null" in label]
        assert (row["null_sets"], row["null_sets_found"]) == (25, sum(q <= 0.05 for q in null))


def test_the_other_disorder_is_compared_with_the_contrast(study):
    rows = read(study / "group" / "map_correlations.tsv")
    assert rows[["first", "second"]].to_numpy().tolist() == [["fmVsHc", DISORDER]]
    assert rows["r"].between(0.4, 0.9).all()
    assert (rows["p_spin"] <= 0.05).all()


def test_every_place_says_that_genes_are_simulated(study, page, bare):
    summary = json.loads((study / "group" / "transcriptome-fmVsHc_pls.json").read_text())
    assert summary["expression"] == "SIMULATED"
    assert summary["simulated"] is True
    assert "explained by SIMULATED gene expression" in page
    assert "related to SIMULATED gene expression" in page
    assert "2,000 SIMULATED genes over 34 regions" in page
    assert page.count("Simulated gene expression: ") == 2 * 2
    assert "six donors" not in page
    assert "CB1 and mGluR5" not in page
    assert "SIMULATED" in (bare / "tables" / FOLDER / "README.md").read_text()
    provenance = json.loads((study / "provenance.json").read_text())
    assert provenance["config"]["transcriptome"]["expression"] == "simulated"
    assert any(FOLDER in path for path in provenance["inputs"])


def test_the_page_has_brain_pictures_without_an_atlas(study, page):
    assert (study / "figures" / "contrast-fmVsHc_surface.png").exists()
    assert page.count("borders of regions are approximate") == 1
    assert "Borders of regions in the brain pictures are approximate" in page


def test_genes_are_the_same_for_a_seed(bare, study):
    for path, content in gene_files(0):
        assert (bare / "tables" / path).read_bytes() == content
    assert dict(gene_files(1)) != dict(gene_files(0))


def test_again_there_is_nothing_to_do(bare, study, capsys):
    before = (study / "provenance.json").stat().st_mtime_ns
    assert command(words(bare)) == 0
    assert (study / "provenance.json").stat().st_mtime_ns == before


def test_a_changed_file_is_simulated_again(bare, study):
    path = bare / "tables" / FOLDER / "expression.csv"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert command(words(bare, "dry_run=true")) == 0
    assert path.read_bytes() == whole


def test_a_real_table_is_used_when_it_is_found(bare, tmp_path, monkeypatch):
    config = _configure(Job(tuple(words(bare))))
    assert settled(config).transcriptome.simulated
    (tmp_path / "ahba_dk83_expression.csv.gz").write_bytes(b"found")
    monkeypatch.setenv("RT1T2_ASSETS", str(tmp_path))
    assert settled(config) is config
    asked = _configure(Job((*words(bare), "transcriptome.expression=simulated")))
    assert DISORDER in settled(asked).similarity.maps


@pytest.mark.parametrize(
    "more",
    [
        ("method=martins_2021", "source=morphometry"),
        ("transcriptome.gene_sets=[own.gmt]",),
        ("transcriptome.expression=own.csv",),
        ("transcriptome.n_spins=0",),
    ],
)
def test_nothing_is_simulated_beside_what_people_bring(bare, more):
    config = _configure(Job((*words(bare), *more)))
    assert settled(config) is config


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ["method=martins_2021", "source=morphometry"],
            "transcriptome.expression=simulated with source=morphometry: simulated genes are for "
            "source=simulated_morphometry alone",
        ),
        (["transcriptome.gene_sets=[own.gmt]"], "simulated genes are in simulated sets alone"),
    ],
)
def test_simulated_genes_are_refused_beside_real_data(bare, capsys, more, said):
    asked = "transcriptome.expression=simulated"
    assert command(words(bare, *more, asked, out="wrong")) == 2
    text = capsys.readouterr().err
    assert said in re.sub(r"\s+", " ", text)
    assert "Traceback" not in text


def test_every_table_is_described(study):
    assert undescribed(study) == []
