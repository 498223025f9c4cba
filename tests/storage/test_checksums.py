"""A file is read once for each size and time; a changed file is always read again."""

import hashlib
import os
import time

import pytest

from rt1t2_dask.storage.checksums import Checksums
from rt1t2_dask.storage.stores import open_store


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def lake(tmp_path):
    return open_store(str(tmp_path / "lake"))


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def put(dataset, data: bytes, age_s: float) -> None:
    file = dataset / "scan.nii"
    file.write_bytes(data)
    when = time.time() - age_s
    os.utime(file, (when, when))


def test_a_known_file_is_not_read_again(lake, dataset):
    put(dataset, b"first", age_s=100)
    known = Checksums(lake)
    known.of(open_store(str(dataset)), "scan.nii")
    known.save()
    stat = (dataset / "scan.nii").stat()
    (dataset / "scan.nii").write_bytes(b"FIRST")
    os.utime(dataset / "scan.nii", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Checksums(lake).of(open_store(str(dataset)), "scan.nii") == sha(b"first")


def test_a_changed_file_is_read_again(lake, dataset):
    store, known = open_store(str(dataset)), Checksums(lake)
    put(dataset, b"first", age_s=100)
    assert known.of(store, "scan.nii") == sha(b"first")
    put(dataset, b"other", age_s=50)
    assert known.of(store, "scan.nii") == sha(b"other")
    put(dataset, b"longer than", age_s=50)
    assert known.of(store, "scan.nii") == sha(b"longer than")


def test_a_file_of_this_moment_is_not_remembered(lake, dataset):
    store, known = open_store(str(dataset)), Checksums(lake)
    put(dataset, b"first", age_s=0)
    known.of(store, "scan.nii")
    known.save()
    assert not lake.exists("checksums.json")


def test_no_path_stands_in_the_lake(lake, dataset):
    put(dataset, b"first", age_s=100)
    known = Checksums(lake)
    known.of(open_store(str(dataset)), "scan.nii")
    known.save()
    assert b"scan" not in lake.read("checksums.json")


def test_a_damaged_list_is_as_none(lake, dataset):
    lake.write("checksums.json", b"{not json")
    put(dataset, b"first", age_s=100)
    assert Checksums(lake).of(open_store(str(dataset)), "scan.nii") == sha(b"first")


def test_a_missing_file_is_said(lake, dataset):
    with pytest.raises(FileNotFoundError):
        Checksums(lake).of(open_store(str(dataset)), "none.nii")
