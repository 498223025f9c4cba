"""The form of a BIDS-App, and the image half alone."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pandas as pd
import pytest

from rt1t2_dask.cli import bids_app
from rt1t2_dask.cli.command_line import Job, _configure, command
from rt1t2_dask.pipelines.outputs import dataset as description


@pytest.fixture
def dataset(tmp_path, monkeypatch) -> Path:
    """A dataset of two people whose files hold their own names, and its cohort file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RT1T2_DEBUG", raising=False)
    for label in ("sub-01", "sub-02"):
        anat = tmp_path / "it's raw" / label / "anat"
        anat.mkdir(parents=True)
        for suffix in ("T1w", "T2w"):
            (anat / f"{label}_{suffix}.nii.gz").write_text(label + suffix)
    (tmp_path / "cohort").mkdir()
    (tmp_path / "cohort" / "mine.yaml").write_text(
        "name: mine\ngroups: {pat: P, hc: C}\nreference: hc\ncontrasts: {patVsHc: [pat, hc]}\n"
    )
    return tmp_path


def test_help_shows_both_forms(capsys):
    assert command(["--help"]) == 0
    said = capsys.readouterr().out
    assert "+cohort=NAME" in said
    assert "bids_dir output_dir {participant,group}" in " ".join(said.split())


def test_the_words_become_settings(dataset):
    words = ["it's raw", "out", "participant", "--participant-label", "sub-01", "02", "--n-cpus",
             "4", "--mem-gb", "8", "-w", "lake", "smooth.fwhm_mm=6"]  # fmt: skip
    ours, typed = bids_app.overrides(words)
    assert typed == ["smooth.fwhm_mm=6"]
    config = _configure(Job((*ours, *typed)))
    assert config.source.root == "it's raw"
    assert (config.level, config.labels) == ("dataset", ("sub-01", "02"))
    assert (config.cluster.workers, config.cluster.memory_gb) == (2, 4.0)
    assert (config.output_dir, config.storage.url) == ("out", "lake")


def test_settings_after_labels_are_settings(dataset):
    words = ["raw", "out", "participant", "--participant-label", "1,02", "sub-3", "dry_run=true"]
    ours, typed = bids_app.overrides(words)
    assert typed == ["dry_run=true"]
    assert _configure(Job((*ours, *typed))).labels == ("1", "02", "sub-3")


def test_a_setting_of_the_user_goes_before_ours(dataset):
    ours, _ = bids_app.overrides(["raw", "out", "participant", "source=derivatives"])
    assert not any(word.startswith("source=") for word in ours)


def test_a_cohort_file_is_found_where_it_lies(dataset):
    ours, _ = bids_app.overrides(["raw", "out", "group", "--cohort", "cohort/mine.yaml"])
    config = _configure(Job(tuple(ours)))
    assert (config.cohort.name, config.level) == ("mine", "study")


def test_the_image_half_is_planned_without_a_table(dataset, capsys):
    words = ["it's raw", "out", "participant", "dry_run=true"]
    assert command(words) == 0
    assert "maps of 2 people, no group results" in capsys.readouterr().out
    assert command([*words, "--participant-label", "02"]) == 0
    assert "maps of 1 person" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raw participant", "required: analysis_level"),
        ("raw out group", "rt1t2-dask init my_study source.root=raw"),
        ("raw out group --cohort cohort/mine.yaml --participant-label 01", "is for participant"),
        ("raw out group --cohort nope.yaml", "no such file"),
        ("raw out participant", "no folder sub-*"),
        ("it's_raw out participant --participant-label 07", "sub-07"),
        ("it's_raw out participant --n-cpus 0", "must be above 0"),
        ("it's_raw out participant --n-cpus many", "invalid int value"),
        ("it's_raw out participant smooth.fwhm=3", "did you mean smooth.fwhm_mm?"),
        ("it's_raw out participant source=maps", "needs source=bids or derivatives"),
        ("it's_raw out participant calibration.reference=controls", "needs every control"),
        ("it's_raw out participant check=true", "check=true reads a cohort"),
        ("+cohort=psp level=participant stage=ratio part=1", "set one of them"),
        ("+cohort=psp labels=[sub-01]", "level=participant"),
        ("+cohort=chronic_pain level=participant", "not for regional tables"),
    ],
)
def test_wrong_lines_are_answered_in_one(dataset, capsys, line, said):
    words = [word.replace("_raw", " raw") for word in line.split()]
    assert command(words) == 2
    text = capsys.readouterr().err
    assert said in text
    assert len([x for x in text.splitlines() if "SIMULATED" not in x]) == 1
    assert not (dataset / "out").exists()


def state(folder: Path) -> str:
    return str(json.loads((folder / "provenance.json").read_text())["state"])


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_people_one_by_one_and_then_the_group_make_a_study(
    maps_study, maps_arguments, tmp_path, caplog
):
    maps_study()
    words = [*maps_arguments, "report.mosaics=0", "report.slices=[]", "receptors.spatial=none"]
    for label in ("sub-00", "01"):
        assert command([*words, "level=participant", f"labels=['{label}']"]) == 0
    folder = tmp_path / "out"
    assert state(folder) == "participants"
    table = pd.read_csv(folder / "participants.tsv", sep="\t")
    assert table["participant_id"].tolist() == ["sub-00", "sub-01"]
    there = sorted(path.name for path in (folder / "group").iterdir())
    assert there == ["quality.json", "quality.tsv"]
    quality = (folder / "group" / "quality.tsv").read_text()
    assert [line.split("\t")[0] for line in quality.splitlines()[1:]] == ["sub-00", "sub-01"]
    assert "nothing that is" in (folder / "README.md").read_text()
    assert command([*words, "level=participant", "smooth.fwhm_mm=6"]) == 2
    early = {p: p.read_bytes() for p in sorted(folder.glob("sub-*/anat/*"))}
    assert len(early) == 8
    assert command(words) == 0
    assert all(path.read_bytes() == content for path, content in early.items())
    assert (folder / "report.html").exists()
    assert state(folder) == "complete" and "held a finished study" not in caplog.text


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_people_written_over_a_finished_study_make_it_write_itself_again(
    maps_study, maps_arguments, tmp_path, caplog
):
    maps_study()
    words = [*maps_arguments, "report.mosaics=0", "report.slices=[]", "receptors.spatial=none"]
    words += ["permute.n=0", "receptors.n_permutations=0"]
    folder = tmp_path / "out"
    assert command(words) == 0
    known = json.loads((folder / "provenance.json").read_text())
    before = {p: p.read_bytes() for p in sorted(folder.rglob("*.tsv"))}
    maps = sorted(folder.glob("sub-*/anat/*"))
    before |= {p: p.read_bytes() for p in maps}
    people = (folder / "participants.tsv").read_bytes()
    assert command([*words, "level=participant", "labels=[sub-03]"]) == 0
    assert json.loads((folder / "provenance.json").read_text()) == known | {"state": "incomplete"}
    assert "held a finished study" in caplog.text and "level=study" in caplog.text
    assert (folder / "participants.tsv").read_bytes() == people
    assert command([*words, "smooth.fwhm_mm=6"]) == 2
    assert command([*words, "contrast.p=0.01"]) == 2
    maps[0].write_bytes(b"the raw map")
    assert command(words) == 0
    assert state(folder) == "complete"
    assert all(path.read_bytes() == content for path, content in before.items())


def test_simulated_scans_stay_labelled_when_they_come_as_a_dataset(dataset, capsys):
    words = ["it's raw", "out", "participant", "dry_run=true"]
    assert command(words) == 0
    assert "SIMULATED" not in capsys.readouterr().err
    ours, _ = bids_app.overrides(words[:3])
    config = _configure(Job(tuple(ours)))
    (dataset / "it's raw" / "dataset_description.json").write_text('{"simulated": true}')
    marked = pickle.loads(pickle.dumps(description.marked(config)))
    assert marked.simulated
    assert marked.science() == config.science()
    assert "SIMULATED" in description.readme(marked)
    (dataset / "it's raw" / "dataset_description.json").write_text("[")
    assert not description.marked(config).simulated


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_a_person_who_fails_is_listed_until_mended(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study()
    good = (root / "sub-01_T1wT2wratio.nii.gz").read_bytes()
    (root / "sub-01_T1wT2wratio.nii.gz").write_bytes(good[:2000])
    words = [*maps_arguments, "level=participant"]
    assert command([*words, "labels=[sub-01]"]) == 1
    assert command([*words, "labels=[sub-02]"]) == 0
    table = tmp_path / "out" / "failures.tsv"
    assert pd.read_csv(table, sep="\t")["participant_id"].tolist() == ["sub-01"]
    (root / "sub-01_T1wT2wratio.nii.gz").write_bytes(good)
    assert command([*words, "labels=[sub-01]"]) == 0
    assert pd.read_csv(table, sep="\t").empty
