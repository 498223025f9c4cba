"""Checksums taken on the workers: the plan is the same, and reads nothing any more."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from rt1t2_dask.cluster.graph import SerialExecutor, ThreadsExecutor
from rt1t2_dask.pipelines.files.hashing import LEAST_FILES, find_hashed
from rt1t2_dask.pipelines.people.inputs import find_inputs, known_checksums
from rt1t2_dask.pipelines.people.table import read_people

PEOPLE = LEAST_FILES // 2 + 3
AGE_S = 100.0


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Write two scans of each of many people, a while ago."""
    root, when = tmp_path / "bids", time.time() - AGE_S
    rows = ["participant_id\tgroup"]
    for k in range(PEOPLE):
        folder = root / f"sub-{k:03d}" / "anat"
        folder.mkdir(parents=True)
        rows.append(f"sub-{k:03d}\t{'PC'[k % 2]}")
        for name in ("T1w", "T2w"):
            file = folder / f"sub-{k:03d}_{name}.nii.gz"
            file.write_text(f"{k} {name}")
            os.utime(file, (when, when))
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    return root


def configured(configure, tmp_path, *words):
    known_checksums.cache_clear()
    return configure(f"storage.url={tmp_path / 'lake'}", "cluster=threads", *words)


def test_workers_read_every_file_once(many, configure, tmp_path):
    alone = configure(f"storage.url={tmp_path / 'other'}")
    people = read_people(alone)
    expected = find_inputs(alone, people)
    config = configured(configure, tmp_path, "cluster.workers=2")
    with ThreadsExecutor(2) as pool:
        assert find_hashed(config, people, lambda: pool) == (expected, 2 * PEOPLE)
        assert find_hashed(config, people, lambda: pool) == (expected, 0)
    for file in many.glob("sub-*/anat/*"):
        stat = file.stat()
        file.write_bytes(b"?" * stat.st_size)  # not read, since size and time are the same
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert find_inputs(config, people) == expected


def test_a_file_that_cannot_be_read_is_left_to_the_plan(many, configure, tmp_path):
    config = configured(configure, tmp_path, "cluster.workers=2")
    people = read_people(config)
    gone = many / "sub-003" / "anat" / "sub-003_T2w.nii.gz"
    gone.unlink()
    gone.symlink_to(tmp_path / "not-fetched")
    assert find_hashed(config, people, SerialExecutor)[1] == 2 * PEOPLE - 1
    assert list(find_inputs(config, people).reasons) == ["sub-003"]


def test_one_worker_or_few_files_start_no_cluster(many, configure, tmp_path):
    def never() -> SerialExecutor:
        raise AssertionError("no cluster is needed")

    config = configured(configure, tmp_path, "cluster.workers=1")
    people = read_people(config)
    assert find_hashed(config, people, never)[1] == 0
    config = configured(configure, tmp_path, "cluster.workers=2")
    assert find_hashed(config, people.head(3), never)[1] == 0
