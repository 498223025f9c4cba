"""The participants table of a BIDS dataset: who is in it."""

from __future__ import annotations

import io

import pandas as pd

from rt1t2_dask.errors import UserError

MISSING = ("n/a", "N/A", "NA", "")
MALE = {"m", "male", "1"}
FEMALE = {"f", "female", "0", "2"}


def participants(content: bytes, name: str) -> pd.DataFrame:
    """Read a participants table.

    Parameters
    ----------
    content : bytes
        Tab-separated, ``participant_id`` first.
    name : str
        What to call the file in an error.

    Returns
    -------
    DataFrame
        All columns text, missing values NaN; ids start with ``sub-``.

    Raises
    ------
    UserError
        When the table is unreadable, lacks ``participant_id`` or repeats one.
    """
    try:
        rows = pd.read_csv(
            io.BytesIO(content), sep="\t", dtype=str, keep_default_na=False, na_values=MISSING
        )
    except (ValueError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())
        raise UserError(
            f"{name} is not a tab-separated table ({why}); save it as UTF-8 text with tabs."
        ) from None
    rows.columns = rows.columns.str.strip()
    if "participant_id" not in rows:
        raise UserError(
            f"{name} has no column participant_id; it has {', '.join(rows.columns)}. "
            "Columns are separated by tabs."
        )
    rows = rows.dropna(subset=["participant_id"]).reset_index(drop=True)
    rows["participant_id"] = "sub-" + rows["participant_id"].str.strip().str.removeprefix("sub-")
    repeated = rows.index[rows["participant_id"].duplicated()]
    if len(repeated):
        raise UserError(f"{name} names the person of row {repeated[0] + 2} twice; keep one row.")
    return rows


def numbers(rows: pd.DataFrame, column: str, name: str) -> pd.Series[float]:
    """Read a column as numbers; NaN where missing.

    Raises
    ------
    UserError
        When a value is no number.
    """
    values = pd.to_numeric(rows[column], errors="coerce")
    wrong = rows.index[values.isna() & rows[column].notna()]
    if len(wrong):
        raise UserError(
            f"{name}: {column}={rows[column][wrong[0]]!r} in row {wrong[0] + 2} is not a number; "
            "write n/a where it is missing."
        )
    return values.astype(float)


def sexes(rows: pd.DataFrame) -> pd.Series[str]:
    """Read the column ``sex`` as M, F or missing."""
    words = rows["sex"].str.strip().str.lower()
    return words.map(dict.fromkeys(MALE, "M") | dict.fromkeys(FEMALE, "F"))
