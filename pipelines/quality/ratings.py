"""Ratings of people's images by eye, exported from the quality desk, as reasons to exclude."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rt1t2_dask import tabular
from rt1t2_dask.bids.participants import BEFORE_LABEL
from rt1t2_dask.config.cohort import EXCLUDE, Cohort, Rating
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.people.table import some
from rt1t2_dask.storage.base import AwayError
from rt1t2_dask.storage.stores import open_store

log = logging.getLogger("rt1t2_dask")
WORDS = ("good", "unsure", EXCLUDE)
NEEDED = ("participant_id", "rating")


def with_ratings(config: Config) -> Config:
    """Return the configuration with the content of the files of ``cohort.ratings``.

    Raises
    ------
    UserError
        A file is missing, is no table of ratings, or rates a person twice.
    """
    paths = config.cohort.ratings
    if not paths:
        return config
    rated = tuple(one for path in paths for one in _rated(config, path))
    out = {one.participant_id for one in rated if one.rating == EXCLUDE}
    people = {one.participant_id for one in rated}
    log.info("cohort.ratings: %d people rated, %d of them exclude", len(people), len(out))
    cohort = config.cohort.model_copy(update={"rated": rated})
    return config.model_copy(update={"cohort": cohort})


def rated_out(cohort: Cohort) -> list[Rating]:
    """Return the ratings that exclude somebody."""
    return [one for one in cohort.rated if one.rating == EXCLUDE]


def said_by(rated: Rating) -> str:
    """Say who excluded somebody, and why."""
    by = f" by {rated.rater}" if rated.rater else ""
    return f"rated {rated.rating}{by}{': ' * bool(rated.note)}{rated.note}"


def _rated(config: Config, path: str) -> list[Rating]:
    separator = None if path.lower().endswith(".csv") else tabular.TAB
    rows = _labelled(tabular.read(_content(config, path), path, separator), path)
    rows = rows[rows["rating"].notna()]
    _require_words(rows, path)
    said = rows.reindex(columns=list(Rating.model_fields)).astype(object).fillna("")
    repeated = said.duplicated(["participant_id", "rater"])
    if repeated.any():
        labels = said.loc[repeated, "participant_id"].tolist()
        raise UserError(
            f"cohort.ratings={path} rates {some(labels)} more than once by one rater; "
            "keep one row each."
        )
    return [Rating.model_validate(row) for row in said.to_dict("records")]


def _content(config: Config, path: str) -> bytes:
    where = path if "://" in path else str(Path(path).expanduser().absolute())
    folder, _, name = where.rpartition("/")
    if "://" not in path and Path(where).is_dir():
        raise UserError(
            f"cohort.ratings={path} is a folder; give the path of a ratings.tsv in it, as "
            "quality.html exports."
        )
    try:
        return open_store(folder, config.storage.options()).read(name)
    except (FileNotFoundError, AwayError, OSError):
        raise UserError(
            f"cohort.ratings={path} is not there; give the path of a ratings.tsv, as "
            "quality.html exports."
        ) from None


def _labelled(rows: pd.DataFrame, path: str) -> pd.DataFrame:
    lacking = [column for column in NEEDED if column not in rows]
    if lacking:
        raise UserError(
            f"cohort.ratings={path} has no column {lacking[0]}; it has {', '.join(rows.columns)}. "
            "Give a ratings.tsv, as quality.html exports."
        )
    rows = rows.dropna(how="all")
    _require_labels(rows, path)
    bare = rows["participant_id"].astype(str).str.replace(BEFORE_LABEL, "", regex=True)
    labels = "sub-" + bare
    return rows.assign(participant_id=labels, rating=rows["rating"].str.lower())


def _require_labels(rows: pd.DataFrame, path: str) -> None:
    unnamed: Sequence[int] = rows.index[rows["participant_id"].isna()].tolist()
    if unnamed:
        raise UserError(
            f"cohort.ratings={path}: row {unnamed[0]} has no participant_id; fill it in."
        )


def _require_words(rows: pd.DataFrame, path: str) -> None:
    wrong = rows[~rows["rating"].isin(WORDS)]
    if len(wrong):
        line, word = wrong.index[0], wrong["rating"].iloc[0]
        raise UserError(
            f"cohort.ratings={path}: rating={word} in row {line}, {len(wrong)} such rows; write "
            f"{', '.join(WORDS[:-1])} or {WORDS[-1]}."
        )
