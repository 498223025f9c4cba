"""Parts are whole or absent, and the same data give the same bytes."""

import pickle
import threading
import warnings

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rt1t2_dask.errors import RunError
from rt1t2_dask.storage.arrays import chunk_edge, to_objects, volume_layout
from rt1t2_dask.storage.parts import Lake, Part


def test_a_part_comes_back_lazily(lake, part, volume):
    lake.write(part, volume, record={"qc": np.float32(0.5)}, files={"field.txt": b"text"})
    lake = pickle.loads(pickle.dumps(lake))
    back = lake.read(part)
    assert not back["ratio"].variable._in_memory
    assert back["ratio"].chunks is None
    xr.testing.assert_identical(back.drop_attrs().load(), volume.drop_attrs())
    assert back.attrs == volume.attrs
    assert back["ratio"].attrs["affine"] == np.diag([2.0, 2, 2, 1]).tolist()
    assert {name: v.dtype for name, v in back.items()} == {n: v.dtype for n, v in volume.items()}
    assert lake.record(part) == {"qc": 0.5}
    assert lake.file(part, "field.txt") == b"text"
    assert lake.complete_keys("ratio") == {part.key}
    assert lake.complete_keys("smooth") == set()
    assert lake.verify(part) == []


def test_chunks_of_the_reader(lake, part, volume):
    lake.write(part, volume, record={})
    assert lake.read(part, chunks={})["ratio"].chunks == ((60,), (70,), (55,))
    by_slab = lake.read(part, chunks={"z": 30})["ratio"]
    assert by_slab.chunks == ((30, 30), (70,), (55,))
    np.testing.assert_array_equal(by_slab.values, volume["ratio"].values)


def test_one_volume_is_one_object(tmp_path, part, volume):
    lake = Lake(str(tmp_path))
    lake.write(part, volume, record={})
    chunks = [path for path in lake.objects(part) if path.startswith("field/c/")]
    assert len(chunks) == 3
    stored = zarr.open_array(tmp_path / part.prefix / "field", mode="r")
    assert stored.chunks == (1, 60, 70, 55)
    assert np.isnan(stored.fill_value)


def test_plain_xarray_opens_it_without_a_warning(tmp_path, part, volume):
    lake = Lake(str(tmp_path))
    lake.write(part, volume, record={}, files={"notes.txt": b"x"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = xr.open_zarr(tmp_path / part.prefix, consolidated=False)
    assert opened.attrs["space"] == "MNI152NLin2009aSym"
    assert opened["ratio"].attrs["units"] == "1"


def test_equal_data_give_equal_bytes(volume):
    shuffled = volume.reset_coords()[sorted([*volume, "age"], reverse=True)].set_coords("age")
    shuffled.attrs = dict(reversed(volume.attrs.items()))
    objects = to_objects(volume)
    assert to_objects(shuffled) == objects
    assert to_objects(volume.chunk({"z": 60, "y": 70, "x": 55, "axis": 1})) == objects
    assert list(objects) == sorted(objects)


def test_bytes_do_not_depend_on_threads(volume):
    expected, found = to_objects(volume), []
    threads = [threading.Thread(target=lambda: found.append(to_objects(volume))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_a_part_read_and_written_again_has_the_same_bytes(tmp_path, part, volume):
    lake = Lake(str(tmp_path))
    lake.write(part, volume, record={})
    copy = Part("copy", part.key)
    lake.write(copy, lake.read(part), record={})
    assert lake.objects(copy) == lake.objects(part)


def test_data_without_marker_is_no_part(lake, part, volume):
    lake.write(part, volume, record={})
    marker = lake.store.read(part.marker)
    lake.store.delete(part.marker)
    assert not lake.is_complete(part)
    assert lake.complete_keys("ratio") == set()
    for read in (lake.read, lake.record, lambda p: lake.file(p, "x")):
        with pytest.raises(FileNotFoundError, match="is not complete"):
            read(part)
    lake.store.write(f"{part.prefix}/ratio/c/9/9/9", b"leftover of a dead writer")
    lake.write(part, volume, record={})
    assert lake.store.read(part.marker) == marker
    assert lake.verify(part) == []


def test_a_complete_part_is_left_alone(tmp_path, part, volume):
    lake = Lake(str(tmp_path))
    lake.write(part, volume, record={"made": 1})
    lake.write(part, volume * 2, record={"made": 2})
    assert lake.record(part) == {"made": 1}
    np.testing.assert_array_equal(lake.read(part)["ratio"].values, volume["ratio"].values)


def test_verify_sees_every_damage(lake, part, volume):
    lake.write(part, volume, record={}, files={"a": b"1", "b": b"2"})
    lake.store.write(f"{part.prefix}/ratio/c/0/0/0", b"damaged")
    lake.store.write(f"{part.prefix}/files/a", b"X")
    lake.store.delete(f"{part.prefix}/files/b")
    lake.store.write(f"{part.prefix}/stray", b"")
    problems = [line.removeprefix(part.prefix + "/") for line in lake.verify(part)]
    assert problems == [
        "files/b: missing",
        "stray: not in the marker",
        "files/a: content differs from its checksum",
        "ratio/c/0/0/0: content differs from its checksum",
    ]
    with pytest.raises(RunError, match="differs from its checksum"):
        lake.file(part, "a")


def test_a_lost_object_is_an_error_and_never_nan(lake, part, volume):
    lake.write(part, volume, record={})
    opened = lake.read(part)
    lake.store.delete(f"{part.prefix}/field/c/1/0/0/0")
    np.testing.assert_array_equal(opened["field"][0].values, volume["field"][0].values)
    with pytest.raises(RunError, match=r"field/c/1/0/0/0 is missing"):
        opened["field"][1].load()
    lake.store.delete(f"{part.prefix}/p/zarr.json")
    with pytest.raises(RunError, match=r"p/zarr\.json is missing"):
        lake.read(part)


def test_a_damaged_object_is_an_error(lake, part):
    rng = np.random.default_rng(0)
    data = xr.Dataset({"a": (("z", "y", "x"), rng.normal(size=(96, 96, 96)))})
    lake.write(part, data, record={})
    path = f"{part.prefix}/a/c/0/0/0"
    sound = lake.store.read(path)
    lake.store.write(path, sound[:5000] + bytes([sound[5000] ^ 1]) + sound[5001:])
    with pytest.raises(RunError, match=r"a/c/0/0/0 differs from its checksum"):
        lake.read(part)["a"].load()
    with pytest.raises(ValueError, match="checksum"):
        lake.read(part)["a"][:48, :48, :48].load()
    np.testing.assert_array_equal(lake.read(part)["a"][48:, 48:, 48:], data["a"][48:, 48:, 48:])


@pytest.mark.parametrize("values", [["a", "b"], np.array(["a", None], dtype=object), [1j]])
def test_what_cannot_be_stored_is_refused_by_name(tmp_path, part, values):
    lake = Lake(str(tmp_path))
    with pytest.raises(TypeError, match=r"variable 'label' holds .* attrs"):
        lake.write(part, xr.Dataset({"label": ("row", values)}), record={})
    assert list(lake.store.list()) == []


def test_numbers_that_json_lacks_are_refused(tmp_path, part):
    lake = Lake(str(tmp_path))
    with pytest.raises(ValueError, match=r"qc\[0\]: nan is not finite"):
        lake.write(part, xr.Dataset({"x": 1.0}), record={"qc": [np.nan]})
    with pytest.raises(ValueError, match="attributes of x"):
        lake.write(part, xr.Dataset({"x": ((), 1.0, {"a": np.inf})}), record={})
    assert list(lake.store.list()) == []


@pytest.mark.parametrize(
    ("stage", "key"), [("Ratio", "0" * 32), ("a/b", "0" * 32), ("a", "sub-01")]
)
def test_part_names_are_checked(stage, key):
    with pytest.raises(ValueError, match="is not"):
        Part(stage, key)


@settings(deadline=None)
@given(st.tuples(*[st.integers(1, 400)] * 3), st.integers(0, 2))
def test_shard_is_whole_chunks_and_covers_the_volume(shape, leading):
    chunks, shard = volume_layout((5,) * leading + shape)
    assert chunks[:leading] == shard[:leading] == (1,) * leading
    for size, chunk, whole in zip(shape, chunks[leading:], shard[leading:], strict=True):
        assert whole % chunk == 0
        assert size <= whole < size + chunk
        assert chunk == size or 32 <= chunk <= 72


def test_chunk_edges_of_the_usual_grids():
    assert [chunk_edge(n) for n in (197, 233, 189, 99, 117, 95)] == [50, 47, 48, 50, 59, 48]


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["f4", "f8", "i2", "i8", "u1", "?"]),
        hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
        elements=None,
    )
)
def test_any_numeric_array_round_trips(tmp_path_factory, values):
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    dims = ("a", "b", "z", "y", "x")[5 - values.ndim :]
    lake.write(Part("any", "0" * 32), xr.Dataset({"v": (dims, values)}), record={})
    back = lake.read(Part("any", "0" * 32))["v"]
    np.testing.assert_array_equal(back.values, values)
    assert back.dtype == values.dtype
