"""A published run is the same arrays, elsewhere, opened by one request."""

import sys

import numpy as np
import pytest
import xarray as xr
import zarr

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.provenance import read_run, write_run
from rt1t2_dask.storage.publish import _place, publish, publish_icechunk


@pytest.fixture
def source(tmp_path, part, volume):
    lake = Lake(str(tmp_path / "source"))
    lake.write(part, volume, record={"made": "once"}, files={"note.txt": b"x"})
    smooth = Part("smooth", part.key)
    lake.write(smooth, volume[["ratio"]], record={})
    write_run(lake, "psp", "a", {"parts": {"ratio": [part.key], "smooth": [part.key]}})
    return lake


def test_published_parts_are_equal_and_consolidated(source, lake, part, volume):
    assert publish(source, "psp", "a", lake) == [part, Part("smooth", part.key)]
    assert lake.verify(part) == []
    assert lake.record(part) == {"made": "once"}
    assert lake.file(part, "note.txt") == b"x"
    opened = xr.open_zarr(lake.store.zarr(part.prefix), consolidated=True)
    xr.testing.assert_identical(opened.load(), source.read(part).load())
    changed = {p for p, seal in source.objects(part).items() if lake.objects(part)[p] != seal}
    assert changed == {"zarr.json"}
    group = zarr.open_group(lake.store.zarr(part.prefix), mode="r")
    assert group.metadata.consolidated_metadata is not None
    assert read_run(lake, "psp", "a")["parts"] == read_run(source, "psp", "a")["parts"]


def test_chosen_stages_only(source, lake, part):
    assert publish(source, "psp", "a", lake, stages=["smooth"]) == [Part("smooth", part.key)]
    assert not lake.is_complete(part)
    assert read_run(lake, "psp", "a")["parts"] == {"smooth": [part.key]}
    with pytest.raises(UserError, match="has no stage nonsense"):
        publish(source, "psp", "a", lake, stages=["nonsense"])


def test_damage_is_not_published(source, lake, part):
    source.store.write(f"{part.prefix}/ratio/c/0/0/0", b"damaged")
    with pytest.raises(RunError, match=r"ratio/c/0/0/0 differs from its checksum"):
        publish(source, "psp", "a", lake)
    assert not lake.is_complete(part)


def test_an_unfinished_run_is_not_published(source, lake, part):
    source.store.delete(part.marker)
    with pytest.raises(RunError, match="1 of 2 parts are not complete"):
        publish(source, "psp", "a", lake)
    assert list(lake.store.list()) == []


def test_icechunk_snapshot(source, lake, part, volume):
    icechunk = pytest.importorskip("icechunk")
    url, options = lake.store.url + "-ice", lake.store.options
    assert publish_icechunk(source, "psp", "a", url, options) == "psp.a"
    repository = icechunk.Repository.open(_place(icechunk, url, options))
    store = repository.readonly_session(tag="psp.a").store
    opened = xr.open_zarr(store, group=f"ratio/{part.key}", consolidated=False)
    np.testing.assert_array_equal(opened["ratio"].values, volume["ratio"].values)
    with pytest.raises(UserError, match="already"):
        publish_icechunk(source, "psp", "a", url, options)


def test_icechunk_snapshot_from_the_command_line(source, tmp_path, part, volume, capsys):
    icechunk = pytest.importorskip("icechunk")
    to = str(tmp_path / "ice")
    words = ["lake=publish", f"storage.url={source.store.url}", f"to={to}", "form=icechunk"]
    assert command(words) == 0
    assert "snapshot psp.a" in capsys.readouterr().out
    store = icechunk.Repository.open(_place(icechunk, to, {})).readonly_session(tag="psp.a").store
    opened = xr.open_zarr(store, group=f"ratio/{part.key}", consolidated=False)
    np.testing.assert_array_equal(opened["ratio"].values, volume["ratio"].values)
    assert command(words) == 2


def test_without_icechunk_the_message_says_what_to_install(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "icechunk", None)
    with pytest.raises(UserError, match=r"pip install 'rt1t2-dask\[icechunk\]'"):
        publish_icechunk(source, "psp", "a", str(tmp_path / "ice"))
