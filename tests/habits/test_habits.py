"""Every hospital's habits: the right value, or one clear line; one line here a case.

`habit_table.py` prints what happens in each.
"""

from __future__ import annotations

import habit_dicom as dicom
import habit_folders as folders
import habit_headers as headers
import habit_names as names
import habit_tables as tables
import pytest
from composed_once import once
from habit_case import Case
from habit_dataset import sound

from rt1t2_dask.cli import command_line
from rt1t2_dask.cli.command_line import command

CASES: list[Case] = [
    *headers.CASES, *names.CASES, *tables.CASES, *folders.CASES, *dicom.CASES,
]  # fmt: skip

COMPOSED = command_line._composed
REMEMBERED = once(COMPOSED)


def test_a_sound_dataset_is_taken(tmp_path, capsys):
    assert command([*sound(tmp_path).command, "check=true"]) == 0
    assert "no problems found" in capsys.readouterr().out


def test_a_remembered_composition_is_the_same(tmp_path, monkeypatch):
    """Where places alone differ, nothing else of the configuration does."""
    seen = []

    def both(words):
        seen.append((REMEMBERED(words), COMPOSED(words)))
        return seen[-1][1]

    monkeypatch.setattr(command_line, "_composed", both)
    for place in ("first", "a, b/O'Brien's"):
        command([*sound(tmp_path / place).command, "check=true"])
    assert len(seen) == 2
    assert all(remembered == composed for remembered, composed in seen)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_habit_is_taken_or_named_in_one_line(case: Case, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command_line, "_composed", REMEMBERED)
    dataset = sound(tmp_path)
    case.change(dataset)
    code = command([*dataset.command, "check=true"])
    printed = capsys.readouterr()
    text = printed.out + printed.err
    assert code == case.code, text
    assert "Traceback" not in text
    for words in case.says:
        assert words in text, text
    for words in case.never:
        assert words not in text, text
