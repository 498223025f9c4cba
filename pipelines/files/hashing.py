"""Checksums of input files taken on the workers, before a plan whose keys need them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

import pandas as pd

from rt1t2_dask.cluster.executors import workers_of
from rt1t2_dask.config.study import Cluster, Config, DicomSource
from rt1t2_dask.pipelines.people.inputs import Found, find_inputs, known_checksums
from rt1t2_dask.storage.base import NOT_READ, Entry
from rt1t2_dask.storage.keys import checksum
from rt1t2_dask.storage.stores import Store, open_store

log = logging.getLogger("rt1t2_dask")
FILES_A_CALL = 16
LEAST_FILES = 4 * FILES_A_CALL
"""Fewer are read sooner than workers are asked."""
FAR = ("address", "slurm", "pbs", "kubernetes")

Hashed = tuple[Entry, str]
Options = Mapping[str, Any]


def find_hashed(
    config: Config, people: pd.DataFrame, executor: Callable[[], Executor]
) -> tuple[Found, int]:
    """Find the files of all people, with the checksums that are not remembered from the workers.

    Files of DICOM series are read here: their headers and checksums are taken in one pass.

    Parameters
    ----------
    config : Config
    people : DataFrame
        As `rt1t2_dask.pipelines.people.table.read_people` gives.
    executor : callable
        Returns the cluster; called only where there is enough to read.

    Returns
    -------
    found : Found
    read : int
        How many files the workers read.

    Raises
    ------
    UserError
        As `find_inputs`.
    """
    if not _several_workers(config.cluster) or isinstance(config.source, DicomSource):
        return find_inputs(config, people), 0
    found, places = _stamped(config, people)
    if not places:
        return found, 0
    read = _hash(config, places, executor) if len(places) >= LEAST_FILES else 0
    return find_inputs(config, people), read


def _hash(
    config: Config, places: Sequence[tuple[str, str]], executor: Callable[[], Executor]
) -> int:
    """Take checksums on the workers, and remember them; return how many files were read."""
    log.info("reading %d files for their checksums", len(places))
    known, options = known_checksums(config.storage), config.storage.options()
    waiting = [
        (root, executor().submit(hashed, root, options, paths)) for root, paths in _calls(places)
    ]
    n = 0
    for root, future in waiting:
        for entry, sha256 in future.result():
            known.learn(open_store(root, options), entry, sha256)
            n += 1
    return n


def hashed(root: str, options: Options, paths: Sequence[str]) -> list[Hashed]:
    """Read files and return their sizes, times and checksums, but of those that cannot be read."""
    store, found = open_store(root, options), []
    for path in paths:
        with suppress(FileNotFoundError, *NOT_READ):
            found.append((store.entry(path), checksum(store.read(path))))
    return found


def _several_workers(cluster: Cluster) -> bool:
    return cluster.kind in FAR or workers_of(cluster) > 1


def _stamped(config: Config, people: pd.DataFrame) -> tuple[Found, list[tuple[str, str]]]:
    """Find everybody's files without reading any, and which of them no run has read."""
    known = known_checksums(config.storage)
    places: dict[tuple[str, str], None] = {}

    def note(store: Store, path: str) -> str:
        stamp, is_checksum = known.look_up(store, path)
        if not is_checksum:
            places[store.url, path] = None
        return stamp

    return find_inputs(config, people, note), list(places)


def _calls(places: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Group files by root, a few for each call."""
    by_root: dict[str, list[str]] = {}
    for root, path in places:
        by_root.setdefault(root, []).append(path)
    return [
        (root, paths[k : k + FILES_A_CALL])
        for root, paths in by_root.items()
        for k in range(0, len(paths), FILES_A_CALL)
    ]
