"""BIDS tables and file names: who is in a dataset and which files are theirs."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rt1t2_dask.errors import SubjectError, UserError

MISSING = ("n/a", "N/A", "NA", "")
MALE = {"m", "male", "1"}
FEMALE = {"f", "female", "0", "2"}
LESION_NAMES = re.compile(r"_(label-lesion[A-Za-z0-9-]*_mask|desc-lesion_mask|lesion_mask|roi)\.")


@dataclass(frozen=True)
class Scans:
    """The files of one person, relative to the dataset; `lesion` may be absent."""

    t1w: str
    t2w: str
    lesion: str | None


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
        raise UserError(f"{name} is not a tab-separated table ({error}).") from None
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


def scans(paths: Sequence[str], session: str | None, run: int | None) -> Scans:
    """Choose a person's T1w, T2w and lesion mask.

    Parameters
    ----------
    paths : sequence of str
        All files of the person, relative to the dataset.
    session, run : optional
        Which to use when there are several.

    Raises
    ------
    SubjectError
        When an image is missing or several fit.
    """
    images = [p for p in sorted(paths) if p.endswith((".nii", ".nii.gz"))]
    if session is not None:
        images = [p for p in images if f"_ses-{session}_" in p or f"/ses-{session}/" in p]
    if run is not None:
        images = [p for p in images if re.search(rf"_run-0*{run}_", p)]
    lesions = [p for p in images if LESION_NAMES.search(p)]
    t1w, t2w = _the_one(images, "T1w", session, run), _the_one(images, "T2w", session, run)
    if len(lesions) > 1:
        lesions = [p for p in lesions if p.split("/")[:-1] == t1w.split("/")[:-1]][:2]
    if len(lesions) > 1:
        raise SubjectError(
            f"two lesion masks fit: {_names(lesions)}.", "Keep one, or set source.session."
        )
    return Scans(t1w, t2w, lesions[0] if lesions else None)


def _the_one(images: Sequence[str], suffix: str, session: str | None, run: int | None) -> str:
    fitting = [p for p in images if re.search(rf"_{suffix}\.nii(\.gz)?$", p)]
    if not fitting:
        asked = "".join(
            f" with {k}={v}" for k, v in (("session", session), ("run", run)) if v is not None
        )
        raise SubjectError(
            f"there is no *_{suffix}.nii.gz{asked}.",
            "Add it, or exclude the person: cohort.exclude.",
        )
    if len(fitting) > 1:
        raise SubjectError(
            f"{len(fitting)} {suffix} images fit: {_names(fitting)}.",
            "Choose with source.session or source.run.",
        )
    return fitting[0]


def _names(paths: Sequence[str]) -> str:
    return ", ".join(path.rsplit("/", 1)[-1] for path in paths)
