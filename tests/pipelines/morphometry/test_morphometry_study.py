"""A study of regional tables from end to end, on simulated tables."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from described_tables import undescribed
from scipy import stats

from rt1t2_dask import assets
from rt1t2_dask.cli.command_line import command
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.morphometry import similarity
from rt1t2_dask.morphometry.regions import LIMBIC, desikan_labels, subcortex_labels
from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.morphometry.compute import _max_t
from rt1t2_dask.pipelines.morphometry.settings import RegionContrastSettings
from rt1t2_dask.stats import from_formula
from rt1t2_dask.stats.glm.effect_sizes import regional
from rt1t2_dask.transcriptome import pls
from rt1t2_dask.transcriptome.expression import read_expression

DESC = "space-MNI152NLin2009aSym_desc-ratio"


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
    methods, bib = ((study / name).read_text() for name in ("methods.md", "references.bib"))
    cited = set(re.findall(r"@([a-z]+\d{4})", methods))
    assert {"martins2021", "seidlitz2018"} <= cited
    assert all(f"@article{{{key}," in bib for key in cited)
    page = (study / "report.html").read_text()
    assert page.count("SIMULATED DATA") > 5
    assert "none survived FDR correction" in page


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
        pytest.skip("the asset ahba_expression is not installed")
    genes = read(study / "group" / "transcriptome-acrossCohorts_genes.tsv")
    assert len(genes) == 15_633
    assert genes["p_spin"].between(0.01, 1).all()
    sets = read(study / "group" / "transcriptome-acrossCohorts_sets.tsv")
    assert {"Oligo", "Ast"} <= set(sets["set"])
    assert (study / "group" / "transcriptome-everyCohort_pls.json").exists()


def test_cohorts_are_compared_with_one_another_and_not_with_their_mean(study):
    if assets.find("ahba_expression") is None:
        pytest.skip("without expression another, simulated, map is compared too")
    pairs = read(study / "group" / "map_correlations.tsv")
    assert len(pairs) == 3
    assert "acrossCohorts" not in pairs[["first", "second"]].to_numpy()


def test_each_cohort_is_compared_with_its_own_controls(study):
    rows = read(study / "group" / "demographics.tsv")
    tested = rows.dropna(subset=["age_test"])
    assert tested[["contrast", "group"]].to_numpy().tolist() == [
        ["oaVsHc", "oa"], ["lbpVsHc", "lbp"], ["fmVsHc", "fm"],
    ]  # fmt: skip


def test_again_there_is_nothing_to_do(study, folder, capsys):
    before = (study / "provenance.json").stat().st_mtime_ns
    assert command(words(folder)) == 0
    assert (study / "provenance.json").stat().st_mtime_ns == before


@pytest.mark.heavy
def test_without_expression_the_rest_of_own_data_runs(study, folder, monkeypatch, tmp_path):
    """Tables that are read from a folder get no simulated genes, and pictures without an atlas."""
    monkeypatch.setenv("RT1T2_ASSETS", str(tmp_path))
    own = ["method=martins_2021", "source=morphometry"]
    assert command(words(folder, *own, out="bare")) == 0
    page = (folder / "bare" / "report.html").read_text()
    assert "transcriptome.expression=FILE" in page
    assert "SIMULATED gene" not in page
    assert "Planted and found" not in page
    assert "borders of regions are approximate" in page
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
    made = json.loads((folder / "lost" / "dataset_description.json").read_text())
    assert made["simulated"] is True


def person_map(atlas, raised, seed: int) -> nib.Nifti1Image:
    """A map at 4 mm: its value follows the label, 1 higher where ``raised``; 0 outside."""
    steps = tuple(slice(1, None, 4) for _ in range(3))
    labels = np.rint(atlas.data[steps])
    rng = np.random.default_rng(seed)
    values = 2 + labels / 40 + np.isin(labels, raised) + rng.normal(0, 0.2, labels.shape)
    affine = atlas.affine @ np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = atlas.affine[:3, :3] @ [1, 1, 1] + atlas.affine[:3, 3]
    return nib.Nifti1Image(np.where(labels > 0, values, 0).astype(np.float32), affine)


@pytest.fixture(scope="module")
def own_maps(tmp_path_factory) -> tuple[Path, Path]:
    """A study of ratio maps alone: six people each, the left insula and thalamus higher."""
    if assets.find("desikan_killiany") is None or assets.find("ahba_expression") is None:
        pytest.skip("the atlas or the expression table is not installed")
    root = tmp_path_factory.mktemp("ratio")
    atlas = from_bytes(assets.read(assets.resolve("desikan_killiany")), "atlas", kind="map")
    raised = [desikan_labels()["lh_insula"], subcortex_labels()["lh_thalamusproper"]]
    rows = ["participant_id\tgroup\tage\tsex"]
    for k in range(12):
        label, group = f"sub-{k:02d}", "OA" if k < 6 else "OAHC"
        rows.append(f"{label}\t{group}\t{50 + k % 6}\t{'MF'[k % 2]}")
        file = root / "maps" / label / "anat" / f"{label}_{DESC}_T1wT2wratio.nii.gz"
        file.parent.mkdir(parents=True)
        person_map(atlas, raised if k < 6 else [], k).to_filename(file)
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    person_map(atlas, [], 99).to_filename(root / "depression.nii.gz")
    arguments = [
        "+cohort=chronic_pain",
        "source=morphometry",
        f"source.root={root}",
        "+source.more.rt1t2=maps",
        "similarity.features=[]",
        "similarity.also=[rt1t2]",
        "similarity.maps={depression: depression.nii.gz}",
        "~cohort.groups.lbp", "~cohort.groups.lbpHc", "~cohort.groups.fm", "~cohort.groups.fmHc",
        "~cohort.contrasts.lbpVsHc", "~cohort.contrasts.fmVsHc",
        f"storage.url={root / 'lake'}", f"output_dir={root / 'out'}", "cluster=synchronous",
        "permute.n=20", "transcriptome.n_spins=49", "transcriptome.n_bootstraps=5",
    ]  # fmt: skip
    assert command(arguments) == 0
    return root, root / "out" / "group"


@pytest.mark.heavy
def test_ratio_maps_are_regions_of_their_own(own_maps):
    """No network is made of one map; its contrast, cortex and subcortex, is tested by region."""
    root, group = own_maps
    assert not list(group.glob("*similarity*"))
    assert not list(group.glob("network*"))
    rows = read(group / "contrast-oaVsHc_measure-rt1t2_regions.tsv").set_index("region")
    assert len(rows) == 83
    assert rows["estimate"][["lh_insula", "lh_thalamusproper"]].to_numpy() == pytest.approx(1, 0.1)
    assert set(rows.index[rows["q_fdr"] < 0.001]) == {"lh_insula", "lh_thalamusproper"}
    pairs = read(group / "map_correlations.tsv")
    assert pairs["n_regions"].tolist() == [68]
    page = (root / "out" / "report.html").read_text()
    assert "Similarity networks" not in page
    assert "Effects by region" in page


def test_subcortex_is_described_and_not_tested(own_maps):
    """rho over cortex and subcortex equals scipy's and has no p; the test sees the cortex alone."""
    _, group = own_maps
    summary = json.loads((group / "transcriptome-oaVsHcRt1t2_pls.json").read_text())
    assert summary["n_regions"] == 34
    assert len(summary["subcortex"]) == 7
    table = read_expression(assets.read(assets.resolve("ahba_expression")), "table")
    t = read(group / "contrast-oaVsHc_measure-rt1t2_regions.tsv").set_index("region")["t"]
    left = list(table.regions[:34])
    x, y = pls.zscore(table.values[:34]), pls.zscore(t[left].to_numpy()[:, None])
    expected = pls.simpls(pls.gram_matrix(x), y).explained
    assert summary["explained"] == pytest.approx(expected.tolist(), abs=1e-6)
    found = read(group / "transcriptome-oaVsHcRt1t2_genes.tsv").set_index("gene")
    for gene in ("OPRM1", "MBP"):
        for regions, column in (
            (table.regions[:34], "rho"),
            (table.regions[:41], "rho_with_subcortex"),
        ):
            own = table.values[: len(regions), table.genes.index(gene)]
            expected = stats.spearmanr(own, t[list(regions)])[0]
            assert found[column][gene] == pytest.approx(expected, abs=1e-6)
    assert not [c for c in found if c.startswith("p_") and "subcortex" in c]
    page = (group.parent / "report.html").read_text()
    assert "descriptive" in page


@pytest.mark.parametrize("variance", ["equal", "welch"])
def test_permutations_test_the_t_of_the_table(variance):
    """The order of p_fwe is that of the table's own t, with groups of unlike size and spread."""
    rng = np.random.default_rng(8)
    groups = np.array(["a"] * 8 + ["b"] * 24)
    data = rng.normal(size=(32, 40)) * np.where(groups == "a", 3.0, 0.5)[:, None]
    data[groups == "a"] += rng.normal(0, 2, 40)
    named = pd.DataFrame({"group": groups})
    design = from_formula("~ group", named, np.arange(32), of="group", reference="b")
    settings = RegionContrastSettings(
        design=as_settings(design), members=(), partners=(), rows=(), measure="thickness",
        variance=variance, method="freedman_lane", n=200, seed=0,
        min_group_n=5, min_group_share=0.7,
    )  # fmt: skip
    rows = regional(data, design, np.ones(40), variance, min_group_n=5, min_group_share=0.7)
    fwe = _max_t(data, design, settings)
    assert len(np.unique(fwe)) > 5
    assert np.all(np.diff(fwe[np.argsort(rows["p"].to_numpy())]) >= 0)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["similarity.features=[thickness]"], "one feature cannot make a network"),
        (["source=morphometry", "source.tables=none.tsv"], "none.tsv is not in source.root"),
        (
            ["source=morphometry", "source.more={x: '{id}.nii.gz'}"],
            "no person has an image {id}.nii",
        ),
        (["similarity.across=[nobody]"], "similarity.across names nobody"),
        (["+similarity.maps.oaVsHc=participants.tsv"], "a map of this study has that name"),
        (["contrast.variance=spm_unequal"], "choose equal or welch"),
        (["method=recommended", "source=morphometry"], "go together"),
    ],
)
def test_wrong_settings_are_told_in_a_line(study, folder, capsys, more, said):
    assert command(words(folder, *more, out="wrong")) == 2
    assert said in capsys.readouterr().err


def damaged(folder: Path, tmp_path: Path, name: str, how) -> list[str]:
    """The study's tables with one of them changed."""
    root = tmp_path / "tables"
    shutil.copytree(folder / "tables", root)
    (root / name).write_bytes(how((root / name).read_bytes()))
    return ["method=martins_2021", "source=morphometry", f"source.root={root}"]


@pytest.mark.parametrize("check", ["check=true", "check=false"])
@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        ("lh.aparc.area.tsv", lambda t: t + b"sub-x\t1\n", "has 2 cells, the header has"),
        ("rh.aparc.volume.tsv", lambda t: t.replace(b"\t", b"\tinf", 40), "no number"),
        ("lh.aparc.area.tsv", lambda t: t.replace(b"sub-", b"\xe9", 1), "is not UTF-8 text"),
    ],
)
def test_a_damaged_table_is_said_before_any_work(
    study, folder, tmp_path, capsys, name, how, said, check
):
    own = damaged(folder, tmp_path, name, how)
    lake = f"storage.url={tmp_path / 'lake'}"
    assert command([*words(folder, *own, out="damaged"), lake, check]) == 2
    text = capsys.readouterr().err
    assert said in text
    assert name in text
    assert not (tmp_path / "lake" / "parts").exists()


@pytest.mark.parametrize(
    ("setting", "content", "said"),
    [
        ("+similarity.maps.own", b"region\tvalue\nL_insula\tx\n", "is 'x', no number"),
        ("transcriptome.expression", b"Region\tA\nL_insula\tx\n", "1 cells are not numbers"),
        ("transcriptome.gene_sets", b"set\tonly\n", "line 1 names no genes"),
        ("source.centroids", b"region\tx\ty\tz\nL_insula\t1\tb\t2\n", "y='b' in row 2"),
    ],
)
def test_a_damaged_map_or_gene_table_is_said_before_any_work(
    study, folder, tmp_path, capsys, setting, content, said
):
    if "sets" in setting and assets.find("ahba_expression") is None:
        pytest.skip("simulated genes have sets of their own")
    file = tmp_path / "own.gmt" if "sets" in setting else tmp_path / "own.tsv"
    file.write_bytes(content)
    value = f"[{file}]" if "sets" in setting else str(file)
    own = ["method=martins_2021", "source=morphometry", f"{setting}={value}"]
    assert command([*words(folder, *own, out="damaged"), f"storage.url={tmp_path / 'lake'}"]) == 2
    text = capsys.readouterr().err
    assert said in text
    assert not (tmp_path / "lake" / "parts").exists()


def test_every_table_is_described(study):
    assert undescribed(study) == []
