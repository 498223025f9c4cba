"""A lake in which others left files, documents are damaged, and writers were killed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import xarray as xr

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.machine import has_ended, mark
from rt1t2_dask.pipelines.share.ledger import earlier, remember
from rt1t2_dask.scratch import clear_abandoned, scratch
from rt1t2_dask.storage.checksums import PATH, Checksums
from rt1t2_dask.storage.claims import claimed, release_dead
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.provenance import list_runs, read_run, write_run
from rt1t2_dask.storage.single_file import pack, unpack
from rt1t2_dask.storage.upkeep import gc, status, verify

PART = Part("smooth", "0" * 32)
STRANGE = (".DS_Store", "Thumbs.db", "._x")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(str(tmp_path / "lake"))
    made.write(PART, xr.Dataset({"x": ("row", [1.0, 2.0])}), record={"n": 1})
    write_run(made, "psp", "a", {"parts": {"smooth": [PART.key]}})
    return made


def test_files_of_file_managers_are_none_of_ours(lake):
    for folder in (
        "",
        "parts/",
        "parts/smooth/",
        "claims/smooth/",
        "runs/",
        "runs/psp/",
        "shares/",
    ):
        for name in STRANGE:
            lake.store.write(f"{folder}{name}", b"x")
    lake.store.write("runs/.Trash/x/run.json", b"x")
    assert [row.complete for row in status(lake)] == [1]
    assert verify(lake) == []
    assert gc(lake, older_than_s=-1).parts == []
    assert list_runs(lake) == [("psp", "a")]
    assert release_dead(lake.store) == set()
    assert earlier(lake, "k") == []
    with claimed(lake.store, "smooth/x", lambda: False) as ours:
        assert ours


@pytest.mark.parametrize("content", [
    b"[]", b"{}", b'{"host": "a"}', b'{"host": 1, "pid": "x", "started": 1, "lease_s": "y"}',
    b"\xff",
    b'{"host": "a", "pid": 1, "started": "", "lease_s": 1e999}', b"[" * 100_000,
])  # fmt: skip
def test_a_damaged_claim_is_of_nobody_known(lake, content):
    lake.store.write("claims/smooth/x.0", content)
    assert release_dead(lake.store) == set()
    with claimed(lake.store, "smooth/y", lambda: False) as ours:
        assert ours


@pytest.mark.parametrize("content", [
    b"[]", b"{", b'{"parts": []}', b'{"parts": {"smooth": "x"}}', b'{"parts": {"smooth": [1]}}',
    b'{"parts": {"Smooth": ["0"]}}', b"[" * 100_000,
])  # fmt: skip
def test_a_damaged_run_is_an_error_that_names_it(lake, content):
    lake.store.write("runs/psp/a/run.json", content)
    for reading in (lambda: read_run(lake, "psp", "a"), lambda: gc(lake), lambda: status(lake)):
        with pytest.raises(RunError, match=r"runs/psp/a/run\.json is (damaged|not JSON)"):
            reading()


@pytest.mark.parametrize("content", [
    {"record": {}, "objects": {"x/zarr.json": 3}}, {"record": {}, "objects": []}, [],
    {"record": {}, "objects": {"x": {"bytes": "3", "sha256": "0"}}},
])  # fmt: skip
def test_a_damaged_marker_is_an_error_that_names_it(lake, content):
    lake.store.write(PART.marker, json.dumps(content).encode())
    with pytest.raises(RunError, match="is damaged"):
        lake.read(PART)
    assert lake.verify(PART) == [f"{PART.marker}: is damaged"]


@pytest.mark.parametrize(
    "content", [b"[]", b'{"a": 3, "b": [1], "c": [1, 2, "x"]}', b"[" * 100_000]
)
def test_damaged_checksums_are_made_again(lake, content):
    lake.store.write(PATH, content)
    assert len(Checksums(lake.store).of(lake.store, PART.marker)) == 64


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"cells": {"a": 1}, "columns": {"a": ["x"]}}'])
def test_a_damaged_record_of_an_export_stops_the_next(lake, content):
    remember(lake, "b", ["sub-01"], {"pat": [[0]]}, [[1.0]])
    assert len(earlier(lake, "k")) == 1
    lake.store.write("shares/b.json", content)
    with pytest.raises(UserError, match=r"shares/b\.json is damaged"):
        earlier(lake, "k")


def test_a_packed_file_that_unpacks_to_more_is_refused(lake, tmp_path):
    import zipfile

    content = pack(lake.whole(PART))
    assert unpack(content, "x.zip")["x"].to_numpy().tolist() == [1.0, 2.0]
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zarr.json", bytes(10**7))
    for broken in ((tmp_path / "bomb.zip").read_bytes(), content[:-30], b"PK\x03\x04", b""):
        with pytest.raises(UserError, match=r"x\.zip is damaged or not a file of share=export"):
            unpack(broken, "x.zip")


KILLED = """
import os, sys
from rt1t2_dask.scratch import scratch
from rt1t2_dask.storage.folders import Folder
with Folder(sys.argv[1], {})._aside(sys.argv[2], b"half"), scratch("dicom") as folder:
    (folder / "scan.dcm").write_bytes(b"a person")
    print(folder, flush=True)
    os._exit(9)
"""


def left_by_a_killed_writer(lake: Lake, path: str) -> str:
    """Leave a partial file and a temporary folder, as a killed process does."""
    command = [sys.executable, "-c", KILLED, lake.store.url, path]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def test_what_a_killed_writer_left_goes_with_the_next_run(lake, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    inside = f"{PART.prefix[:-1]}1/x/c/0"
    folder = Path(left_by_a_killed_writer(lake, inside))
    left_by_a_killed_writer(lake, "parts/smooth/x.json")
    assert folder.is_dir()
    assert has_ended(folder.name)
    assert not has_ended(mark())
    with scratch("dicom") as alive:
        assert clear_abandoned() == 2
        assert alive.is_dir()
    assert not folder.exists()
    assert len(list(tmp_path.rglob("*.tmp"))) == 2
    lake.clear_dead()
    assert len(list(tmp_path.rglob("*.tmp"))) == 1
    other = Part("smooth", "0" * 31 + "1")
    lake.write(other, xr.Dataset({"x": ("row", [1.0, 2.0])}), record={})
    assert list(tmp_path.rglob("*.tmp")) == []
    assert lake.verify(other) == []


def test_only_what_the_marks_of_ended_processes_name_is_removed(tmp_path):
    for name in (".x.0123.tmp", f".y.{mark()}-01234567.tmp", ".z.ffffff-1-ffffff-01234567.tmp"):
        (tmp_path / name).write_bytes(b"half")
    assert Lake(str(tmp_path)).store.clear_dead() == 0
