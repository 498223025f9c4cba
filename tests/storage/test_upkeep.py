"""Status, verification and garbage collection of a lake."""

import pytest
import xarray as xr

from rt1t2_dask.errors import RunError
from rt1t2_dask.storage.claims import live_claims
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.provenance import write_run
from rt1t2_dask.storage.upkeep import StageStatus, gc, referenced, status, unmade, verify


def filled(lake: Lake, stage: str, number: int) -> Part:
    part = Part(stage, digest([stage, number]))
    lake.write(part, xr.Dataset({"x": float(number)}), record={}, files={"a": b"1"})
    return part


@pytest.fixture
def named(lake):
    parts = [filled(lake, "ratio", 1), filled(lake, "smooth", 1)]
    keys = {part.stage: [part.key] for part in parts}
    write_run(lake, "psp", "a", {"parts": keys})
    return parts


@pytest.fixture
def free(lake):
    return filled(lake, "smooth", 2)


@pytest.fixture
def torn(lake):
    part = filled(lake, "smooth", 3)
    lake.store.delete(part.marker)
    return part


def test_status_counts(lake, named, free, torn):
    found = {row.stage: row for row in status(lake)}
    size = lake.store.size(named[0].prefix) + len(lake.store.read(named[0].marker))
    assert found["ratio"] == StageStatus("ratio", 1, 0, 1, size)
    assert (found["smooth"].complete, found["smooth"].incomplete) == (2, 1)
    assert found["smooth"].referenced == 1
    assert sum(row.size for row in found.values()) == lake.store.size("parts")


def test_gc_takes_what_nobody_names(lake, named, free, torn):
    planned = gc(lake, older_than_s=-60, dry_run=True)
    assert lake.is_complete(free)
    assert planned.parts == sorted([free, torn])
    before = lake.store.size("parts")
    collected = gc(lake, older_than_s=-60)
    assert collected.parts == planned.parts
    assert before - lake.store.size("parts") == collected.size == planned.size
    assert not lake.is_complete(free)
    assert list(lake.store.list(torn.prefix)) == []
    assert referenced(lake) == set(named)
    assert verify(lake) == []


def test_gc_leaves_the_young(lake, named, free, torn):
    assert gc(lake).parts == []
    assert lake.is_complete(free)


def test_gc_leaves_the_claimed(lake, torn):
    with lake.claim(torn) as mine:
        assert mine
        assert gc(lake, older_than_s=-60).claimed == [torn]
        assert list(lake.store.list(torn.prefix)) != []
        assert live_claims(lake.store) == {f"{torn.stage}/{torn.key}"}
    assert gc(lake, older_than_s=-60).parts == [torn]


def test_gc_does_nothing_when_a_run_cannot_be_read(lake, named, free):
    lake.store.write("runs/psp/b/run.json", b'{"parts": {"smooth": ["')
    with pytest.raises(RunError, match="is not JSON"):
        gc(lake, older_than_s=-60)
    assert lake.is_complete(free)


def test_gc_removes_half_written_files(tmp_path):
    lake = Lake(str(tmp_path))
    part = filled(lake, "ratio", 1)
    write_run(lake, "psp", "a", {"parts": {"ratio": [part.key]}})
    (tmp_path / part.prefix / ".c.0123.tmp").write_bytes(b"half")
    assert gc(lake, older_than_s=60).half_written == 0
    assert gc(lake, older_than_s=-60).half_written == 1
    assert lake.verify(part) == []


def test_verify_names_damage_and_loss(lake, named, free):
    lake.store.write(f"{free.prefix}/files/a", b"2")
    lake.store.delete(named[0].marker)
    lake.store.write("runs/psp/a/provenance.json", b"{}")
    assert verify(lake) == [
        f"{named[0].prefix}: no completion marker",
        f"{free.prefix}/files/a: content differs from its checksum",
    ]
    assert verify(lake, [named[1]]) == []


def test_what_a_stopped_run_has_planned_is_no_damage(tmp_path):
    lake = Lake(str(tmp_path))
    planned = Part("ratio", "a" * 32)
    write_run(lake, "psp", "one", {"parts": {"ratio": [planned.key]}})
    assert verify(lake) == []
    assert unmade(lake) == {planned}
    lake.store.write("runs/psp/one/provenance.json", b"{}")
    assert verify(lake) == [f"{planned.prefix}: no completion marker"]
    assert unmade(lake) == set()
