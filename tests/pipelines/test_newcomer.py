"""A first look at one's own data, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rt1t2_dask.command_line import command


@pytest.fixture
def dataset(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data"
    rows = ["participant_id\tage\tsex\tdiagnosis\tpain"]
    for i in range(6):
        anat = root / f"sub-{i}" / "anat"
        anat.mkdir(parents=True)
        for suffix in ("T1w", "T2w") if i != 5 else ("T1w",):
            (anat / f"sub-{i}_{suffix}.nii.gz").write_bytes(f"{i}{suffix}".encode())
        rows.append(f"sub-{i}\t{40 + i}\tF\t{'Chronic pain' if i % 2 else 'Healthy control'}\t{i}")
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    return root


def test_what_is_there_is_said_and_the_draft_composes(dataset, capsys, tmp_path):
    assert command(["init", "mine", f"source.root={dataset}"]) == 0
    said = capsys.readouterr().out
    assert "6 people, 5 of them with one T1w and one T2w" in said
    assert "1 not:" in said
    assert "groups by diagnosis: Healthy control 3, Chronic pain 3" in said
    text = (tmp_path / "mine" / "cohort" / "mine.yaml").read_text()
    drafted = yaml.safe_load(text)
    assert drafted["groups"] == {
        "healthy_control": "Healthy control",
        "chronic_pain": "Chronic pain",
    }
    assert drafted["reference"] == "healthy_control"
    assert drafted["contrasts"] == {
        "chronicpainVsHealthycontrol": ["chronic_pain", "healthy_control"]
    }
    words = ["--config-dir", "mine", "+cohort=mine", "source=bids", f"source.root={dataset}"]
    assert command([*words, "dry_run=true"]) == 0
    assert "5 people" in capsys.readouterr().out


def test_without_a_table_one_is_drafted(dataset, capsys, tmp_path):
    (dataset / "participants.tsv").unlink()
    assert command(["init", "mine", f"source.root={dataset}"]) == 0
    assert "fill in group" in capsys.readouterr().out
    rows = (tmp_path / "mine" / "participants.tsv").read_text().splitlines()
    assert rows[:2] == ["participant_id\tgroup\tage\tsex", "sub-0\tn/a\tn/a\tn/a"]
    assert not (dataset / "participants.tsv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["init"], "init needs a name and a dataset"),
        (["init", "a/b", "source.root=data"], "letters, digits"),
        (["init", "mine", "source.root=nowhere"], "no folder sub-*"),
    ],
)
def test_wrong_words_are_answered_in_a_line(dataset, capsys, words, said):
    assert command(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_study_is_never_overwritten(dataset, capsys):
    words = ["init", "mine", f"source.root={dataset}"]
    assert command(words) == 0
    assert command(words) == 2
    assert "is there already" in capsys.readouterr().err
