"""The plan of a study before its files are read: from sizes and times, or predicted."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.pipelines.people.inputs import (
    Found,
    by_content,
    find_inputs,
    known_checksums,
    without_duplicates,
)
from rt1t2_dask.pipelines.people.source import source_of
from rt1t2_dask.pipelines.people.table import read_table
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.stores import Store


@dataclass(frozen=True)
class Table:
    """The participants table of a study.

    Parameters
    ----------
    rows : DataFrame
        As it is, all text.
    to_simulate : int
        Number of people still to be simulated.
    """

    rows: pd.DataFrame
    to_simulate: int = 0


def to_simulate(config: Config) -> int:
    """Count the people whose scans are yet to be simulated; 0 for real ones."""
    return source_of(config).missing()


def predicted_table(config: Config) -> Table:
    """Read the participants table, or predict that of a simulation.

    Raises
    ------
    UserError
        There is none, or it is not a participants table.
    """
    source = source_of(config)
    if missing := source.missing():
        return Table(source.predicted()[0], missing)
    return Table(read_table(config))


def predicted_files(config: Config, people: pd.DataFrame, missing: int) -> Found:
    """Find the files of all people, reading only as much as detects duplicates.

    A file without a cached checksum is identified by its size and time: its results count as
    missing.

    Parameters
    ----------
    missing : int
        Number still to be simulated; if any, all files are predicted.
    """
    if missing:
        found = source_of(config).predicted()[1]
        return Found({label: found.files[label] for label in people["participant_id"]}, {})
    try:
        stamp = known_checksums(config.storage).stamp
    except (UserError, RunError):
        stamp = _stamp
    found = find_inputs(config, people, stamp)
    return without_duplicates(found, by_content(found))


def _stamp(store: Store, path: str) -> str:
    """Identify a file by its size and time, if the lake cannot be read."""
    entry = store.entry(path)
    return digest([store.url, path, entry.size, entry.modified])
