"""The plan of a study before its files are read: from their sizes and times, or foretold."""

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
    without_doubles,
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
        How many people's scans are yet to be simulated.
    """

    rows: pd.DataFrame
    to_simulate: int = 0


def to_simulate(config: Config) -> int:
    """Count the people whose scans are yet to be simulated; 0 for real ones."""
    return source_of(config).missing()


def foreseen_table(config: Config) -> Table:
    """Read the participants table, or foretell that of a simulation.

    Raises
    ------
    UserError
        There is none, or it is no table of participants.
    """
    source = source_of(config)
    if missing := source.missing():
        return Table(source.predicted()[0], missing)
    return Table(read_table(config))


def foreseen_files(config: Config, people: pd.DataFrame, missing: int) -> Found:
    """Find everybody's files without reading more of them than tells whether two are one.

    A file that the lake does not remember is known by its size and time: what was made of it
    counts as not there.

    Parameters
    ----------
    missing : int
        How many are yet to be simulated; as long as there are any, all files are foretold.
    """
    if missing:
        found = source_of(config).predicted()[1]
        return Found({label: found.files[label] for label in people["participant_id"]}, {})
    try:
        stamp = known_checksums(config.storage).stamp
    except (UserError, RunError):
        stamp = _stamp
    found = find_inputs(config, people, stamp)
    return without_doubles(found, by_content(found))


def _stamp(store: Store, path: str) -> str:
    """Know a file by its size and time alone, where the lake cannot be read."""
    entry = store.entry(path)
    return digest([store.url, path, entry.size, entry.modified])
