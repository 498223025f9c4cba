"""A first look at one's own data, from the command line."""

from __future__ import annotations

import gzip
import shlex
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml

from rt1t2_dask.cli.command_line import command


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
    assert "guessed, confirm: reference healthy_control, the controls" in said
    assert drafted["contrasts"] == {
        "chronicpainVsHealthycontrol": ["chronic_pain", "healthy_control"]
    }
    last = shlex.split(said.splitlines()[-1])
    assert last[:3] == ["python", "-m", "rt1t2_dask"] and last[-1] == "check=true"
    assert command([*last[3:-1], "dry_run=true"]) == 0
    assert "5 people" in capsys.readouterr().out


def draft_of(dataset: Path, values: Sequence[str]) -> None:
    """Write a table of these groups and draft a study."""
    rows = [f"sub-{k}\t{value}" for k, value in enumerate(values)]
    text = "\n".join(["participant_id\tgroup", *rows, ""])
    (dataset / "participants.tsv").write_text(text)
    assert command(["init", "mine", f"source.root={dataset}"]) == 0


@pytest.mark.parametrize("values", ["AAABB", ["HC", "HC", "NC", "NC", "x"], "11222"])
def test_controls_that_no_value_names_are_left_open_and_refused(values, dataset, capsys):
    draft_of(dataset, values)
    said = capsys.readouterr().out
    assert "not known, write them in place of CHOOSE: reference, contrasts" in said
    words = ["--config-dir", "mine", "+cohort=mine", "source=bids", f"source.root={dataset}"]
    for more in ("check=true", "dry_run=true"):
        assert command([*words, more]) == 2
        refused = capsys.readouterr().err
        assert refused.count("\n") == 1
        assert "cohort.reference=CHOOSE, cohort.contrasts=CHOOSE: init could not know" in refused
        assert "the groups are" in refused


def test_uncontrolled_are_no_controls(dataset, capsys):
    draft_of(dataset, ["uncontrolled", "healthy", "uncontrolled", "healthy", "healthy"])
    assert "confirm: reference healthy," in capsys.readouterr().out


def test_a_table_without_groups_leaves_their_column_open(dataset, capsys):
    (dataset / "participants.tsv").write_text("participant_id\tage\nsub-0\t40\nsub-1\t50\n")
    assert command(["init", "mine", f"source.root={dataset}"]) == 0
    said = capsys.readouterr().out
    assert "in place of CHOOSE: group_column, groups, reference, contrasts" in said


@pytest.mark.parametrize("values", [
    ("1", "2"), ("Yes", "No"), ("on", "off"), ("null", "true"), ("N", "Y"), ("1.5T", "3T"),
    ('P "old"', "C\\D"), ("a: b", "c #d"), ("0", "~"), ("1e5", "1_0"),
])  # fmt: skip
@pytest.mark.parametrize("column", ["group", "Dx: final"])
def test_a_draft_passes_its_own_check(values, column, dataset, tmp_path, capsys):
    for k, path in enumerate(sorted(dataset.glob("sub-*/anat/*.nii.gz"))):
        image = nib.Nifti1Image(np.full((9, 9, 9), k, np.int16), np.eye(4))
        path.write_bytes(gzip.compress(image.to_bytes()))
    rows = [f"sub-{k}\t{values[k // 3]}" for k in range(5)]
    text = "\n".join([f"participant_id\t{column}", *rows, ""])
    (dataset / "participants.tsv").write_text(text)
    assert command(["init", "mine", f"source.root={dataset}"]) == 0
    draft = tmp_path / "mine" / "cohort" / "mine.yaml"
    one, other = yaml.safe_load(draft.read_text())["groups"]
    text = draft.read_text().replace("reference: CHOOSE", f"reference: {other}")
    draft.write_text(text.replace("contrasts: CHOOSE", f"contrasts: {{aVsB: [{one}, {other}]}}"))
    words = [f"source.root={dataset}", f"storage.url={tmp_path}/lake", "cluster=synchronous"]
    assert command(
        ["--config-dir", "mine", "+cohort=mine", "source=bids", *words, "check=true"]
    ) == 0  # fmt: skip
    said = capsys.readouterr().out
    assert "5 people: 3 " in said
    assert "and 2 more: the field of view is 9 mm left-right, 7% of a brain" in said


def test_a_table_in_csv_is_read(dataset, capsys, tmp_path):
    rows = (dataset / "participants.tsv").read_text().replace("\t", ";")
    (dataset / "participants.tsv").unlink()
    (dataset / "participants.csv").write_text(rows)
    assert command(["init", "mine", f"source.root={dataset}"]) == 0
    said = capsys.readouterr().out
    assert "groups by diagnosis: Healthy control 3" in said
    assert "wrote mine/participants.tsv" not in said
    drafted = yaml.safe_load((tmp_path / "mine" / "cohort" / "mine.yaml").read_text())
    assert drafted["participants"] == "participants.csv"


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
    assert "exists; choose another" in capsys.readouterr().err
