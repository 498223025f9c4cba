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
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.people.inputs import find_inputs, known_checksums
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


def hash_inputs(config: Config, people: pd.DataFrame, executor: Callable[[], Executor]) -> int:
    """Take the checksums that are not remembered on the workers; `find_inputs` then reads nothing.

    Files of DICOM series are left to `find_inputs`, which reads their headers in the same pass.

    Parameters
    ----------
    config : Config
    people : DataFrame
        As `rt1t2_dask.pipelines.people.table.read_people` gives.
    executor : callable
        Returns the cluster; called only where there is enough to read.

    Returns
    -------
    int
        How many files were read.
    """
    if not _several_workers(config.cluster) or isinstance(config.source, DicomSource):
        return 0
    places = _unknown(config, people)
    if len(places) < LEAST_FILES:
        return 0
    log.info("reading %d files for their checksums", len(places))
    known, options = known_checksums(config.storage), config.storage.options()
    n = 0
    waiting = [
        (root, executor().submit(hashed, root, options, paths)) for root, paths in _calls(places)
    ]
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


def _unknown(config: Config, people: pd.DataFrame) -> list[tuple[str, str]]:
    """Find the files of the plan that no run has read, by root and path."""
    known = known_checksums(config.storage)
    places: dict[tuple[str, str], None] = {}

    def note(store: Store, path: str) -> str:
        if not known.knows(store, path):
            places[store.url, path] = None
        return known.stamp(store, path)

    with suppress(UserError):  # said when the plan is made
        find_inputs(config, people, note)
    return list(places)


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
