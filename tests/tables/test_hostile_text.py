"""Text that others wrote: control characters, deep JSON, tables that only look like tables."""

from __future__ import annotations

import gzip
import pickle

import pytest

from rt1t2_dask import tabular
from rt1t2_dask.bids.participants import participants
from rt1t2_dask.bids.sidecars import acquisition, document
from rt1t2_dask.errors import MOST_CHARACTERS, RunError, SubjectError, UserError, one_line
from rt1t2_dask.json_text import parsed, parsed_object
from rt1t2_dask.morphometry.tables import read_aparcstats2table, read_long, read_stats
from rt1t2_dask.transcriptome.expression import read_expression


def test_errors_are_lines_that_a_terminal_shows_as_they_are():
    text = "red \x1b[31m, a bell \x07, \u202eback, a\tb, é, …"
    shown = one_line(text)
    assert shown.isprintable()
    assert "é, …" in shown
    assert "\\x1b[31m" in shown
    assert one_line("a\nb") == "a b"
    for error in (UserError(text), RunError(text), SubjectError(text, text)):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
        assert str(error).isprintable()
    assert str(UserError("one fault\nanother \x07")).split("\n") == ["one fault", "another \\x07"]
    assert len(str(UserError("x" * 10**6))) < MOST_CHARACTERS + 20


@pytest.mark.parametrize("separator", ["\t", ","])
def test_control_characters_in_cells_are_blanks(separator):
    lines = [["id", "note"], ["1", "a\x1b[31mb"], ["2", "c\u2028d\u202e"], ["3", "\x07"]]
    content = "\n".join(separator.join(row) for row in lines).encode()
    assert tabular.read(content, "t", separator)["note"].fillna("").tolist() == [
        "a [31mb",
        "c d",
        "",
    ]


def test_a_cell_of_two_lines_is_one():
    rows = tabular.read(b'id,note\n1,"two\nlines"\n', "t", ",")
    assert rows["note"].tolist() == ["two lines"]


def test_a_quote_that_is_never_closed_is_one_line():
    content = b'id,note\n1,"' + b"x" * 200_000
    with pytest.raises(UserError, match="close every quote"):
        tabular.read(content, "t", ",")


@pytest.mark.parametrize("text", [
    "[" * 100_000, '{"a":' * 100_000, "9" * 6000, '"\\ud800"', '{"a": "\\uDFFF"}', "{", "",
])  # fmt: skip
def test_json_that_cannot_be_read_is_a_value_error(text):
    for content in (text, text.encode(), text.encode("utf-16")):
        with pytest.raises(ValueError, match=r".+"):
            parsed(content)


def test_json_that_can_be_read_is_what_it_says():
    assert parsed('\ufeff{"a": [1, "\\ud83d\\ude00"]}'.encode()) == {"a": [1, "😀"]}
    with pytest.raises(ValueError, match="no" + "t a JSON object"):
        parsed_object("[1]")


def test_a_sidecar_of_absurd_numbers_has_no_times():
    content = b'{"EchoTime": ' + b"9" * 400 + b', "RepetitionTime": NaN, "FlipAngle": 9}'
    assert acquisition(document(content)) == {"FlipAngle": 9.0}


def test_tables_of_freesurfer_without_values_or_names():
    assert read_aparcstats2table(b"lh.aparc.thickness;a\n", "t").empty
    with pytest.raises(UserError, match="does not name StructName"):
        read_stats(b"# ColHeaders Name SurfArea\ninsula 3\n", "sub-01", "lh", "t")
    assert read_long(b"participant_id\tregion\tfeature\tvalue\n", "t").empty
    assert read_stats(b"# ColHeaders StructName SurfArea\n", "sub-01", "lh", "t").empty


def test_a_packed_table_that_is_damaged_or_a_bomb_is_one_line():
    packed = gzip.compress(b"region\tA\nlh_insula\t1\n")
    assert read_expression(packed, "t").genes == ("A",)
    for broken in (packed[:-9], packed + gzip.compress(bytes(1 << 26)) * 5):
        with pytest.raises(UserError, match="t cannot be unpacked"):
            read_expression(broken, "t")


def test_names_of_columns_that_nobody_sees():
    rows = participants("participant_id\t\u200b\nsub-1\tx\n".encode(), "t")
    assert list(rows) == ["participant_id", "column 2"]
    with pytest.raises(UserError, match="t has two columns named participant_id"):
        participants("participant_id\tparticipant_id\u200b\nsub-1\tx\n".encode(), "t")
