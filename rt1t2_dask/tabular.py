"""Read tables of spreadsheets and programs: bytes to cells of text.

BIDS tables are separated by tabs and have no quoting; spreadsheets, R and pandas quote whole
cells, save as UTF-16, write a byte order mark or another end of line, and leave trailing blanks
and tabs. All of these give the same table here; what is damaged is refused with its row.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from rt1t2_dask.errors import UserError

# As BIDS, R, pandas, SPSS and Excel write them; matched letter by letter, since "none" and "na"
# may be levels of a text column.
MISSING = frozenset(("", "n/a", "N/A", "NA", "#N/A", "NaN", "nan", "NAN", "None", ".", "<NA>"))
# In a column of numbers, no spelling of these is a value.
NO_NUMBER = frozenset(("", "n/a", "na", "#n/a", "nan", "none", "null", ".", "<na>"))
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
# Includes numbers that are not parsed: thousands separators, percent, other digits.
LIKE_NUMBER = re.compile(
    r"[+-]?(\d{1,3}([.,_'’\s]\d{3})+([.,]\d+)?|\d+([.,]\d+)?([eE][+-]?\d+)?)\s?%?"
)
LINE_END = re.compile(r"\r\n|\n|\r")
# No table means any of these: they move a terminal's cursor, end a line, or turn its direction.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SEP = re.compile(r"sep=([,;\t])\s*", re.IGNORECASE)
COMMENT = re.compile(r"#[^\t,;]*")
WORKBOOKS = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0")
UNNAMED = "column"
TAB, BLANKS = "\t", " "
ROWS_SHOWN = 5

Row = tuple[int, list[str]]


def read(content: bytes, name: str, separator: str | None = TAB) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    content : bytes
        UTF-8, or UTF-16 with its mark; lines end with LF, CR LF or CR.
    name : str
        What to call the file in an error.
    separator : str, optional
        A tab: cells as BIDS writes them, a cell wholly in double quotes is taken out of them.
        A comma or semicolon: CSV as in RFC 4180. A blank: any number of blanks. None: whatever
        parts the first line.

    Returns
    -------
    DataFrame
        Text in Unicode's composed form (NFC) without blanks round it; control
        characters and line breaks in a cell are blanks; NaN where missing (`MISSING`). The index
        holds each row's line in the file.

    Raises
    ------
    UserError
        The bytes are not text, a row has another number of cells than the first line, or two
        columns have the same name.
    """
    header, rows = cells(content, name, separator)
    twice = next((column for column, n in Counter(header).items() if n > 1), None)
    if twice is not None:
        raise UserError(f"{name} has two columns named {twice}; rename one.")
    columns = {
        column: [np.nan if row[k] in MISSING else row[k] for _, row in rows]
        for k, column in enumerate(header)
    }
    return pd.DataFrame(columns, index=[line for line, _ in rows], columns=header, dtype=object)


def cells(content: bytes, name: str, separator: str | None = TAB) -> tuple[list[str], list[Row]]:
    """Return the names of the columns, and each row's line and cells; arguments as `read`."""
    text, first, stated = _without_preface(decoded(content, name))
    lines = _lines(text, stated or separator or separator_of(first))
    try:
        found = [(line, row) for line, row in lines if any(row)]
    except csv.Error as error:
        raise UserError(f"{name} cannot be read as CSV ({error}); close every quote.") from None
    if not found:
        raise UserError(f"{name} is empty; save it as tab-separated UTF-8 text with a header line.")
    header, rows = _named(found[0][1]), found[1:]
    if _has_row_names(header, rows):
        header = [f"{UNNAMED} 1", *header]
    return header, [(line, _fitted(row, header, line, name)) for line, row in rows]


def _without_preface(text: str) -> tuple[str, str, str]:
    """Blank out a table's preamble: Excel's ``sep=;`` and comments without separators.

    Returns
    -------
    text : str
        Its lines keep their numbers.
    first : str
        The first line of the table.
    separator : str
        Value of ``sep=``; empty without it.
    """
    parts = re.split(f"({LINE_END.pattern})", text)
    separator = ""
    for k in range(0, len(parts), 2):
        sep = SEP.fullmatch(parts[k])
        if not sep and not (COMMENT.fullmatch(parts[k]) or not parts[k].strip()):
            return "".join(parts), parts[k], separator
        separator = sep[1] if sep else separator
        parts[k] = ""
    return text, "", separator


def _has_row_names(header: Sequence[str], rows: Sequence[Row]) -> bool:
    """Return whether rows are numbered in an unnamed column, as by R's write.table."""
    numbered = (
        len(row) == len(header) + 1 and row[0] == str(k) for k, (_, row) in enumerate(rows, 1)
    )
    return len(rows) > 1 and all(numbered)


def decoded(content: bytes, name: str) -> str:
    """Return a file's text in composed form (NFC).

    Raises
    ------
    UserError
        Names the line that is not UTF-8.
    """
    if content.startswith(WORKBOOKS):
        raise UserError(f"{name} is an Excel workbook; save it as tab-separated UTF-8 text.")
    encoding = next((own for mark, own in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{name} is not UTF-8 text (row {line}); save it as tab-separated UTF-8 text."
        ) from None
    if "\0" in text:
        raise UserError(f"{name} is not a text file; save it as tab-separated UTF-8 text.")
    return unicodedata.normalize("NFC", text)


def separator_of(line: str) -> str:
    """Return the separator of a line: a tab, else comma or semicolon by frequency, or blanks."""
    if TAB in line:
        return TAB
    counts = {mark: line.count(mark) for mark in ",;"}
    most = max(counts, key=lambda mark: counts[mark])
    return most if counts[most] else BLANKS


def _lines(text: str, separator: str) -> Iterator[Row]:
    if separator in ",;":
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        for row in reader:
            yield reader.line_num, [_clean(cell) for cell in row]
        return
    for number, line in enumerate(LINE_END.split(text), 1):
        parts = line.split(TAB) if separator == TAB else line.split()
        yield number, [_bare(part) for part in parts]


def _clean(cell: str) -> str:
    """Strip blanks; control characters become one."""
    return (cell if cell.isprintable() else CONTROL.sub(" ", cell)).strip()


def _bare(cell: str) -> str:
    """Strip blanks, and the quotes round a whole cell."""
    text = _clean(cell)
    inside = text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in inside.replace('""', ""):
        return inside.replace('""', '"').strip()
    return text


def _named(header: Sequence[str]) -> list[str]:
    """Return the column names, without trailing empty ones."""
    last = max(k for k, cell in enumerate(header) if cell)
    return [cell or f"{UNNAMED} {k + 1}" for k, cell in enumerate(header[: last + 1])]


def _fitted(row: list[str], header: Sequence[str], line: int, name: str) -> list[str]:
    n = len(header)
    if len(row) < n or any(row[n:]):
        raise UserError(
            f"{name}: row {line} has {len(row)} cells, the header has {n} columns; write n/a for "
            f"missing values."
        )
    return row[:n]


def parse_numbers(
    values: pd.Series[str], small: pd.Series[bool] | None = None
) -> tuple[pd.Series[float], pd.Series[bool]]:
    """Parse text cells as numbers.

    Parameters
    ----------
    values : Series of str
        NaN where missing. A comma is a decimal comma where no number of the column has a point,
        unless all commas could be thousands separators.
    small : Series of bool, optional
        Where values are far below 1,000, so that commas are decimal.

    Returns
    -------
    numbers : Series of float
        Finite, or NaN where missing or not a number.
    wrong : Series of bool
        Where a cell is neither missing nor a finite number.
    """
    text = values.map(lambda cell: str(cell).replace("\N{MINUS SIGN}", "-").strip()).astype(object)
    missing = values.isna() | text.map(str.lower).isin(NO_NUMBER)
    sure = [] if small is None else text[~missing & small].tolist()
    comma = _has_decimal_commas(text[~missing].tolist(), sure)
    found = [
        np.nan if absent else _number(cell, comma)
        for cell, absent in zip(text, missing, strict=True)
    ]
    numbers = pd.Series(found, index=values.index, dtype=np.float64, name=values.name)
    return numbers, numbers.isna() & ~missing


def is_like_number(cell: object) -> bool:
    """Return whether a cell looks like a number, whether or not it can be parsed."""
    plain = str(cell).replace("\N{MINUS SIGN}", "-").strip()
    return bool(LIKE_NUMBER.fullmatch(plain))


def _has_decimal_commas(known: Sequence[str], small: Sequence[str]) -> bool:
    commas = [cell for cell in known if DECIMAL_COMMA.fullmatch(cell)]
    points = any("." in cell and NUMBER.fullmatch(cell) for cell in known)
    sure = [cell for cell in commas if not THOUSANDS.fullmatch(cell)]
    return not points and bool(sure or any(DECIMAL_COMMA.fullmatch(cell) for cell in small))


def _number(cell: str, comma: bool) -> float:
    plain = cell.replace(",", ".") if comma and DECIMAL_COMMA.fullmatch(cell) else cell
    value = float(plain) if NUMBER.fullmatch(plain) else np.nan
    return value if np.isfinite(value) else np.nan


def numbers(
    values: pd.Series[str], name: str, labels: Mapping[int, str] | None = None, hint: str = ""
) -> pd.Series[float]:
    """Read a column of a table as numbers; NaN where missing.

    Parameters
    ----------
    values : Series of str
        Its name is the column's, its index the lines of the file.
    name : str
        What to call the file in an error.
    labels : mapping of int to str, optional
        Person of each line, for the error.
    hint : str
        Further remedy.

    Raises
    ------
    UserError
        Names the cells that are not finite numbers, with their rows.
    """
    found, wrong = parse_numbers(values)
    if wrong.any():
        raise UserError(
            f"{name}: {listed(values, wrong, labels)} {_no_numbers(wrong)}; write the "
            f"number alone{either_way(values[wrong])}, n/a where it is missing{hint}."
        )
    return found


def either_way(wrong: pd.Series[str]) -> str:
    """Describe how to write numbers with ambiguous commas."""
    cells = (str(cell) for cell in wrong)
    cell = next((cell for cell in cells if THOUSANDS.fullmatch(cell)), "")
    whole, point = cell.replace(",", ""), cell.replace(",", ".")
    return f" ({cell} may be {whole} or {point})" if cell else ""


def listed(values: pd.Series[str], wrong: pd.Series[bool], labels: Mapping[int, str] | None) -> str:
    """List the first five cells of a column with rows and people."""
    rows = [int(row) for row in values.index[wrong]]
    shown = [
        f"{values.name}={values[row]!r} in row {row}" + (f" ({labels[row]})" if labels else "")
        for row in rows[:ROWS_SHOWN]
    ]
    more = f" and {len(rows) - ROWS_SHOWN} more" if len(rows) > ROWS_SHOWN else ""
    return f"{', '.join(shown)}{more}"


def _no_numbers(wrong: pd.Series[bool]) -> str:
    return "is not a number" if wrong.sum() == 1 else "are not numbers"


def write(rows: pd.DataFrame) -> bytes:
    """Write a BIDS table: tabs, no quoting, and n/a for missing values.

    Tabs and line breaks in cells become blanks, since BIDS cannot represent them.
    """
    plain = rows.map(
        lambda cell: re.sub(r"[\t\r\n]+", " ", cell) if isinstance(cell, str) else cell
    )
    text = plain.to_csv(
        sep=TAB, index=False, na_rep="n/a", lineterminator="\n", float_format="%.10g",
        quoting=csv.QUOTE_NONE,
    )  # fmt: skip
    return str(text).encode()
