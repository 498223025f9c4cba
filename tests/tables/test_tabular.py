"""One reader for every table: what people and programs write reads back the same."""

from __future__ import annotations

import csv
import io
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask import tabular
from rt1t2_dask.bids import participants as bids
from rt1t2_dask.errors import UserError

# No blanks at the ends and no tabs or ends of line inside: what a cell of a BIDS table can hold.
LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp"))
WORDS = st.text(LETTERS, min_size=1, max_size=8).map(lambda t: unicodedata.normalize("NFC", t))
CELLS = st.one_of(
    WORDS.filter(lambda t: t.strip() == t and t not in tabular.MISSING),
    st.builds(lambda a, b: f"{a} {b}", WORDS, WORDS).filter(lambda t: t.strip() == t),
    st.none(),
)
MISSING = st.sampled_from(["n/a", "N/A", "NA", "NaN", "None", ".", ""])


def quoted(cell: str | None) -> bool:
    return bool(cell) and len(cell) > 1 and cell[0] == cell[-1] == '"'


@st.composite
def tables(draw) -> pd.DataFrame:
    columns = draw(st.lists(WORDS.filter(str.isalnum), min_size=2, max_size=4, unique=True))
    n = draw(st.integers(1, 5))
    rows = {c: draw(st.lists(CELLS, min_size=n, max_size=n)) for c in columns}
    return pd.DataFrame({"id": [f"p{k}" for k in range(n)]} | rows, dtype=object)


def same(found: pd.DataFrame, written: pd.DataFrame) -> None:
    assert found.columns.tolist() == written.columns.tolist()
    assert found.fillna("").to_numpy().tolist() == written.fillna("").to_numpy().tolist()


@given(tables())
def test_what_our_writer_writes_reads_back(table):
    plain = table.map(lambda cell: cell.strip('"') if quoted(cell) else cell).replace("", None)
    same(tabular.read(tabular.write(plain), "t.tsv"), plain)


@given(tables(), MISSING, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.integers(0, 2),
       st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
       st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))  # fmt: skip
def test_variants_of_spreadsheets_r_and_pandas_read_the_same(
    table, missing, end, blank_line, tabs, encoding, quoting
):
    text = table.to_csv(sep="\t", index=False, na_rep=missing, quoting=quoting, lineterminator="\n")
    lines = [line + "\t" * tabs for line in text.splitlines(keepends=False) if line]
    whole = end.join([*lines, "" if not blank_line else end])
    same(tabular.read(whole.encode(encoding), "t.tsv"), table)


@given(tables(), st.sampled_from([",", ";"]))
def test_csv_is_read_by_its_own_rules(table, separator):
    content = table.to_csv(sep=separator, index=False, na_rep="n/a").encode()
    same(tabular.read(content, "t.csv", None), table)


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=8))
def test_numbers_read_back_to_the_bit_with_point_or_comma(values):
    plain = ["n/a" if v is None else repr(v) for v in values]
    found, wrong = tabular.parse_numbers(pd.Series(plain, dtype=object))
    assert not wrong.any()
    np.testing.assert_array_equal(found, np.array(values, dtype=float))
    comma = [f"{v:.2f}".replace(".", ",") for v in values if v is not None]
    found, wrong = tabular.parse_numbers(pd.Series(comma, dtype=object))
    assert not wrong.any()
    np.testing.assert_array_equal(found, [round(v, 2) for v in values if v is not None])


NOTES = ['"n3' if k == 3 else '"n12' if k == 12 else f"n{k}" for k in range(15)]
FIFTEEN = "participant_id\tgroup\tnote\n" + "".join(
    f"sub-{k:02d}\t{'P' if k < 7 else 'C'}\t{note}\n" for k, note in enumerate(NOTES)
)


def test_a_quotation_mark_swallows_nobody():
    """pandas' reader takes a cell that begins with a mark to go on to the next one."""
    swallowed = pd.read_csv(io.StringIO(FIFTEEN), sep="\t")
    assert len(swallowed) == 6
    rows = bids.participants(FIFTEEN.encode(), "participants.tsv")
    assert len(rows) == 15
    assert rows["note"].tolist()[3] == '"n3'


def test_rows_are_known_by_their_line_in_the_file():
    rows = tabular.read(b"a\tb\n\n1\t2\n   \n3\tx\n", "t.tsv")
    assert rows.index.tolist() == [3, 5]
    with pytest.raises(UserError, match="b='x' in row 5 is not a number"):
        tabular.numbers(rows["b"], "t.tsv")


def test_every_cell_that_is_no_number_is_named():
    rows = bids.participants(
        b"participant_id\tiq\n1\t100\n2\tinf\n3\tn/a\n4\t1e999\n5\t89+\n", "p.tsv"
    )
    labels = dict(zip(rows.index, rows["participant_id"], strict=True))
    with pytest.raises(UserError) as caught:
        tabular.numbers(rows["iq"], "p.tsv", labels, ", or x")
    assert str(caught.value) == (
        "p.tsv: iq='inf' in row 3 (sub-2), iq='1e999' in row 5 (sub-4), iq='89+' in row 6 (sub-5) "
        "are not numbers; write the number alone, n/a where it is missing, or x."
    )


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["64,3", "60"], [64.3, 60]),
        (["1,423", "1,5"], [1.423, 1.5]),
        (["\N{MINUS SIGN}2.5", "+1"], [-2.5, 1]),
        (["NONE", "null", "#N/A", "7"], [None, None, None, 7]),
        (["1,423", "2,100"], None),
        (["64,3", "60.1"], None),
        (["1.234,5"], None),
        (["1_000"], None),
        (["0x10"], None),
        (["infinity"], None),
    ],
)
def test_what_is_a_number(cells, values):
    found, wrong = tabular.parse_numbers(pd.Series(cells, dtype=object))
    if values is None:
        assert wrong.any()
    else:
        assert not wrong.any()
        np.testing.assert_array_equal(found, np.array(values, float))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a\tb\n1\t2\t3\n", "row 2 has 3 cells, the header has 2 columns"),
        (b"a\tb\n1\n", "row 2 has 1 cells"),
        (b"a\ta\n1\t2\n", "two columns named a"),
        (b"\n\n", "is empty"),
        (b"a\tb\nx\t\xe9\n", r"not UTF-8 text \(row 2\)"),
        (b"a\tb\nx\t\x00\n", "not a text file"),
    ],
)
def test_what_is_damaged_is_refused_with_its_row(content, said):
    with pytest.raises(UserError, match=said) as caught:
        tabular.read(content, "t.tsv")
    assert "\n" not in str(caught.value)


def test_two_forms_of_one_letter_are_one_value():
    rows = tabular.read(unicodedata.normalize("NFD", "a\nMénière\n").encode(), "t.tsv")
    assert rows["a"].tolist() == [unicodedata.normalize("NFC", "Ménière")]


def test_a_written_cell_stays_on_its_line():
    written = tabular.write(pd.DataFrame({"a": ["two\nlines\tand more", '"x"'], "b": [0.1, None]}))
    assert written == b'a\tb\ntwo lines and more\t0.1\n"x"\tn/a\n'


@pytest.mark.parametrize(
    ("label", "said"),
    [("a/b", "cannot be part"), ("a b", "cannot be part"), ("x" * 264, "at most 150 fit"),
     ("..", "cannot be part"), ("a\\b", "cannot be part")],
)  # fmt: skip
def test_labels_that_make_no_file_name_are_said(label, said):
    assert said in bids.label_faults([f"sub-{label}"], "p.tsv")[0]
    assert len(bids.label_faults([f"sub-{label}"], "p.tsv")[0]) < 200
    assert bids.label_faults(["sub-01", "sub-A1b", "sub-Müller", "sub-01_x"], "p.tsv") == []
