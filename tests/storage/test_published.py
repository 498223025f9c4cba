"""One dataset for others: opened by its URL alone, and never half taken for whole."""

import os
import warnings

import numpy as np
import pytest
import xarray as xr

from rt1t2_dask.errors import UserError
from rt1t2_dask.storage.cohort import Cohort, cohort_of
from rt1t2_dask.storage.folders import Folder
from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.published import Layer, Publication, publish_dataset

LABELS = ["sub-a", "sub-b", "sub-c"]
SHAPE = (50, 60, 100)
FACTORS = (1.0, 1.25, 0.5)


def values_of(person):
    data = np.random.default_rng(person).normal(1.5, 0.1, SHAPE).astype(np.float32)
    data[:2] = np.nan
    return data


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    lake = Lake(str(tmp_path_factory.mktemp("own") / "lake"))
    keys = [part_key("ratio", "1", {"person": k}, {}) for k in range(len(LABELS))]
    for k, key in enumerate(keys):
        arrays = {"ratio": (("z", "y", "x"), values_of(k), {"units": "1"})}
        if k == 1:
            arrays["lesion_template"] = (("z", "y", "x"), np.ones(SHAPE, np.uint8))
        lake.write(Part("ratio", key), xr.Dataset(arrays), record={})
    return cohort_of(lake, "ratio", keys)


def asked(cohort: Cohort, factors=(), title="first") -> Publication:
    layers = {
        "ratio": Layer("ratio", cohort, 0, factors),
        "lesion": Layer("lesion_template", cohort, 1),
    }
    dims = ("participant", "z", "y", "x")
    volumes = {
        "ratio": (dims, np.empty((3, *SHAPE), np.float32), {"units": "1"}),
        "lesion": (dims, np.empty((3, *SHAPE), np.uint8)),
    }
    frame = xr.Dataset(volumes).chunk().assign(regions=(("participant", "region"), np.eye(3)))
    labels = np.array(LABELS, dtype=object)
    named = frame.assign_coords(participant=labels, group=("participant", labels))
    statistic = xr.Dataset({"t": (("z", "y", "x"), values_of(9))}, attrs={"simulated": True})
    return Publication(
        dataset=named.assign_attrs(title=title, simulated=True),
        layers=layers,
        groups={"contrasts/aVsB": statistic},
    )


def test_the_dataset_opens_alone_and_is_what_was_asked(cohort, lake):
    assert publish_dataset(lake.store, "psp.zarr", asked(cohort)) == 4
    opened = xr.open_zarr(lake.store.zarr("psp.zarr"), consolidated=True)
    np.testing.assert_array_equal(opened["ratio"].to_numpy(), [values_of(k) for k in range(3)])
    assert [float(person.sum()) for person in opened["lesion"]] == [0, np.prod(SHAPE), 0]
    assert opened["participant"].to_numpy().tolist() == LABELS
    assert opened["group"].dims == ("participant",)
    assert opened.attrs["simulated"] is True
    np.testing.assert_array_equal(opened["regions"].to_numpy(), np.eye(3))
    group = xr.open_zarr(lake.store.zarr("psp.zarr"), group="contrasts/aVsB", consolidated=True)
    np.testing.assert_array_equal(group["t"].to_numpy(), values_of(9))
    assert publish_dataset(lake.store, "psp.zarr", asked(cohort)) == 0


def test_a_plain_path_is_enough_and_chunks_are_those_of_the_lake(cohort, tmp_path):
    publish_dataset(Folder(str(tmp_path), {}), "psp.zarr", asked(cohort))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = xr.open_zarr(tmp_path / "psp.zarr")
        xr.open_zarr(tmp_path / "psp.zarr", group="contrasts/aVsB")
    own = cohort.lake.read(cohort.part(0))["ratio"].encoding
    assert opened["ratio"].encoding["chunks"] == (1, *own["chunks"])
    assert opened["ratio"].encoding["shards"] == (1, *own["shards"])
    for k in range(3):
        shard = cohort.lake.object(cohort.part(k), "ratio/c/0/0/0")
        assert (tmp_path / "psp.zarr" / "ratio" / "c" / str(k) / "0/0/0").read_bytes() == shard


def test_factors_are_applied_and_nobody_is_named_in_a_path(cohort, tmp_path):
    publish_dataset(Folder(str(tmp_path), {}), "psp.zarr", asked(cohort, FACTORS))
    opened = xr.open_zarr(tmp_path / "psp.zarr")
    for k, factor in enumerate(FACTORS):
        expected = values_of(k) * np.float32(factor)
        np.testing.assert_array_equal(opened["ratio"][k].to_numpy(), expected)
    assert not [path for path in tmp_path.rglob("*") if "sub-" in path.name]


def test_whoever_has_no_part_is_empty(cohort, tmp_path):
    without = Cohort(cohort.lake, "ratio", cohort.keys[:32] + bytes(16))
    publication = asked(cohort)
    changed = Publication(publication.dataset, {"ratio": Layer("ratio", without, 0)})
    publish_dataset(Folder(str(tmp_path), {}), "psp.zarr", changed)
    opened = xr.open_zarr(tmp_path / "psp.zarr")["ratio"]
    assert np.isnan(opened[2]).all()
    np.testing.assert_array_equal(opened[1].to_numpy(), values_of(1))


class Stopping(Folder):
    """A folder whose writer is killed before a certain write."""

    left = 0

    def write(self, path: str, data: bytes) -> None:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        super().write(path, data)


def opens(path):
    try:
        return xr.open_zarr(path)
    except FileNotFoundError:
        return None


def test_a_dataset_killed_anywhere_cannot_be_opened_and_goes_on(cohort, tmp_path):
    store, place = Stopping(str(tmp_path), {}), tmp_path / "psp.zarr"
    writes, written = 0, 0
    while opens(place) is None:
        store.left, written = writes, 0
        try:
            written = publish_dataset(store, "psp.zarr", asked(cohort))
        except KeyboardInterrupt:
            assert opens(place) is None
        writes += 1
    assert writes > 10
    assert written == 0, "shards of earlier calls are kept"
    ratio = opens(place)["ratio"]
    np.testing.assert_array_equal(ratio.to_numpy(), [values_of(k) for k in range(3)])


def test_other_content_replaces_all_of_a_dataset(cohort, tmp_path):
    store, place = Stopping(str(tmp_path), {}), tmp_path / "psp.zarr"
    store.left = 1000
    publish_dataset(store, "psp.zarr", asked(cohort, FACTORS, "first"))
    store.left = 3
    with pytest.raises(KeyboardInterrupt):
        publish_dataset(store, "psp.zarr", asked(cohort, title="second"))
    assert opens(place) is None
    store.left = 1000
    publish_dataset(store, "psp.zarr", asked(cohort, title="second"))
    assert opens(place).attrs["title"] == "second"
    np.testing.assert_array_equal(opens(place)["ratio"][2].to_numpy(), values_of(2))
    assert not [path for path in tmp_path.iterdir() if path.name != "psp.zarr"]


@pytest.mark.parametrize("root", [None, b"{", b"[]", b'{"attributes": {"title": "theirs"}}'])
def test_a_folder_of_others_is_never_removed(cohort, lake, root):
    lake.store.write("psp.zarr/theirs", b"dear")
    if root is not None:
        lake.store.write("psp.zarr/zarr.json", root)
    before = sorted(lake.store.list())
    with pytest.raises(UserError, match=r"psp.zarr lies there .* another place with to="):
        publish_dataset(lake.store, "psp.zarr", asked(cohort))
    assert sorted(lake.store.list()) == before


def test_a_dataset_that_was_half_replaced_is_still_ours(cohort, tmp_path):
    store = Stopping(str(tmp_path), {})
    store.left = 1000
    publish_dataset(store, "psp.zarr", asked(cohort))
    (tmp_path / "psp.zarr.begun").write_bytes(b"")
    (tmp_path / "psp.zarr" / "zarr.json").unlink()
    publish_dataset(store, "psp.zarr", asked(cohort, title="second"))
    assert opens(tmp_path / "psp.zarr").attrs["title"] == "second"


def test_unfinished_files_of_a_killed_call_go_when_it_is_repeated(cohort, tmp_path):
    store = Stopping(str(tmp_path), {})
    store.left = 4
    with pytest.raises(KeyboardInterrupt):
        publish_dataset(store, "psp.zarr", asked(cohort))
    shard = next((tmp_path / "psp.zarr").rglob("c/*/0/0"))
    (shard / ".0.0123.tmp").write_bytes(b"half")
    (tmp_path / ".other.tmp").write_bytes(b"another's")
    for path in (shard / ".0.0123.tmp", tmp_path / ".other.tmp"):
        os.utime(path, (0, 0))
    store.left = 1000
    publish_dataset(store, "psp.zarr", asked(cohort))
    assert sorted(tmp_path.rglob(".*.tmp")) == [tmp_path / ".other.tmp"]
