"""Everybody's parts as one array are what reading them one by one gives, checked alike."""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rt1t2_dask.errors import RunError
from rt1t2_dask.storage import cohort as reading
from rt1t2_dask.storage import sealed
from rt1t2_dask.storage.cohort import CohortStore, cohort_of, open_cohort
from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.sealed import Compared, seal
from rt1t2_dask.storage.shards import alike, inner_chunks, stacked

SHAPE = (60, 50, 100)  # two inner chunks a shard
PEOPLE = 5
AFFINE = [[2.0, 0, 0, -50], [0, 2.0, 0, -60], [0, 0, 2.0, -40], [0, 0, 0, 1.0]]


def keys_of(n=PEOPLE):
    return [part_key("ratio", "1", {"person": k}, {}) for k in range(n)]


def values_of(person, shape=SHAPE):
    data = np.random.default_rng(person).normal(1.5, 0.1, shape).astype(np.float32)
    data[: 2 + person] = np.nan
    return data


def part_of(person, shape=SHAPE, affine=AFFINE, lesion=False):
    attrs = {"units": "1", "space": "MNI", "affine": affine}
    arrays = {"ratio": (("z", "y", "x"), values_of(person, shape), attrs)}
    if lesion:
        arrays["lesion"] = (("z", "y", "x"), (values_of(person) > 1.6).astype(np.uint8), attrs)
    return xr.Dataset(arrays)


def write(lake, people=range(PEOPLE), **changed):
    for person in people:
        dataset = part_of(person, lesion=person == 2, **changed)
        lake.write(Part("ratio", keys_of()[person]), dataset, record={})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    lake = Lake(str(tmp_path_factory.mktemp("cohort") / "lake"))
    write(lake)
    return lake


@st.composite
def selections(draw):
    """A selection of people and of a box, by integers, slices, lists and masks."""
    who = draw(
        st.one_of(
            st.integers(0, PEOPLE - 1),
            st.slices(PEOPLE),
            st.lists(st.integers(0, PEOPLE - 1), min_size=1, max_size=6),
            st.lists(st.booleans(), min_size=PEOPLE, max_size=PEOPLE).map(np.array),
        )
    )
    return who, tuple(draw(st.one_of(st.integers(0, n - 1), st.slices(n))) for n in SHAPE)


@given(chosen=selections(), run=st.sampled_from([None, 1, 2, 3]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_selection_equals_reading_people_one_by_one(written, chosen, run):
    who, box = chosen
    dataset = open_cohort(cohort_of(written, "ratio", keys_of()), {"ratio": 0}, run)
    found = dataset["ratio"].isel(participant=who, **dict(zip("zyx", box, strict=True)))
    one_by_one = [written.read(Part("ratio", key))["ratio"].to_numpy() for key in keys_of()]
    expected = np.stack(one_by_one)[who][(..., *box)]
    np.testing.assert_array_equal(found.to_numpy(), expected)


def test_a_folder_and_a_bucket_give_the_same_lazy_chunks(lake):
    write(lake)
    dataset = open_cohort(cohort_of(lake, "ratio", keys_of()), {"ratio": 0, "lesion": 2}, 2)
    assert dataset.sizes == {"participant": PEOPLE, "z": 60, "y": 50, "x": 100}
    assert dataset.chunks["participant"] == (2, 2, 1)
    assert dataset["ratio"].attrs["affine"] == AFFINE
    sent = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(sent["ratio"].to_numpy(), [values_of(k) for k in range(PEOPLE)])
    lesions = sent["lesion"].to_numpy()
    assert lesions[2].any()
    assert not lesions[[0, 1, 3, 4]].any()
    assert lesions.dtype == np.uint8


def test_opening_reads_the_first_marker_alone(lake):
    write(lake, [0])
    dataset = open_cohort(cohort_of(lake, "ratio", keys_of()), {"ratio": 0})
    np.testing.assert_array_equal(dataset["ratio"][0].to_numpy(), values_of(0))
    with pytest.raises(RunError, match=rf"{keys_of()[1]} is not complete"):
        dataset["ratio"][1, :2, :2, :2].compute()


def test_damage_is_an_error_and_never_a_missing_value(lake):
    write(lake)
    shards = [f"{Part('ratio', key).prefix}/ratio/c/0/0/0" for key in keys_of()]
    lake.store.delete(shards[1])
    whole = lake.store.read(shards[3])
    lake.store.write(shards[3], whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    ratio = open_cohort(cohort_of(lake, "ratio", keys_of()), {"ratio": 0})["ratio"]
    np.testing.assert_array_equal(ratio[0].to_numpy(), values_of(0))
    with pytest.raises(RunError, match="is missing"):
        ratio[1, 0, 0, 0].compute()
    with pytest.raises(RunError, match=f"{keys_of()[3]}/.* differs from its checksum"):
        ratio[3, 0, 0, 0].compute()


def damaged_to(kind, whole, other):
    """Return a shard that is another than the marker says."""
    index = len(whole) - 16 * 2 - 4
    return {
        "index": whole[:index] + b"\xff" * 32 + whole[-4:],
        "chunk": whole[:50] + bytes([whole[50] ^ 1]) + whole[51:],
        "another's": other,
        "longer": b"\0" * 8 + whole,
    }[kind]


@pytest.mark.parametrize("kind", ["index", "chunk", "another's", "longer"])
@pytest.mark.parametrize("whole_bytes", [0, 64 << 20])
def test_a_shard_that_is_not_the_markers_is_never_read(lake, kind, whole_bytes, monkeypatch):
    monkeypatch.setattr(reading, "_WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(reading, "_COMPARED", Compared())
    write(lake)
    shards = [f"{Part('ratio', key).prefix}/ratio/c/0/0/0" for key in keys_of()]
    lake.store.write(shards[1], damaged_to(kind, *map(lake.store.read, shards[1:3])))
    ratio = open_cohort(cohort_of(lake, "ratio", keys_of()), {"ratio": 0})["ratio"]
    np.testing.assert_array_equal(ratio[0].to_numpy(), values_of(0))
    with pytest.raises(RunError, match=f"{keys_of()[1]}/.* differs from its checksum"):
        ratio[1].compute()


def test_a_process_compares_a_shard_once_and_then_reads_parts_of_it(written, monkeypatch):
    monkeypatch.setattr(reading, "_COMPARED", Compared())
    sizes = []
    monkeypatch.setattr(reading, "seal", lambda data: sizes.append(len(data)) or seal(data))
    cohort = cohort_of(written, "ratio", keys_of())
    for _ in range(2):
        found = open_cohort(cohort, {"ratio": 0}, 1)["ratio"][1]
        np.testing.assert_array_equal(found.to_numpy(), values_of(1))
    whole = written.objects(cohort.part(1))["ratio/c/0/0/0"]["bytes"]
    assert sizes.count(whole) == 1


def test_what_was_compared_is_bounded(monkeypatch):
    monkeypatch.setattr(sealed, "_KEPT", 3)
    compared, one = Compared(), seal(b"one")
    for k in range(4):
        compared.keep(str(k), one)
    assert [compared.holds(str(k), one) for k in range(4)] == [False, False, False, True]
    assert not compared.holds("3", seal(b"other"))


@pytest.mark.parametrize("text", [b"{", b"{}", b"[]", b'{"record": {}, "objects": []}'])
def test_a_damaged_marker_is_told(lake, text):
    write(lake)
    part = Part("ratio", keys_of()[1])
    lake.store.write(part.marker, text)
    ratio = open_cohort(cohort_of(lake, "ratio", keys_of()), {"ratio": 0})["ratio"]
    with pytest.raises(RunError, match=rf"{part.marker} is damaged\. .*lake=verify"):
        ratio[1].compute()
    with pytest.raises(RunError, match="is damaged"):
        lake.read(part)
    assert lake.verify(part) == [f"{part.marker}: is damaged"]


def test_a_part_of_a_volume_is_not_read_out_of_anothers_shard(lake):
    write(lake)
    first, second = (f"{Part('ratio', key).prefix}/ratio/c/0/0/0" for key in keys_of()[:2])
    lake.store.write(first, lake.store.read(second))
    with pytest.raises(RunError, match="differs from its checksum"):
        lake.read(Part("ratio", keys_of()[0]))["ratio"][0, 0, 0].compute()


def test_a_volume_of_one_chunk_is_read_whole_against_its_checksum(lake):
    small = (40, 50, 52)
    for person in range(2):
        dataset = part_of(person, small)
        dataset["ratio"][:] = np.nan if person else 1
        lake.write(Part("ratio", keys_of()[person]), dataset, record={})
    cohort = cohort_of(lake, "ratio", keys_of(2))
    assert inner_chunks(lake.object(cohort.part(0), "ratio/zarr.json")) == (1, 1, 1)
    ratio = open_cohort(cohort, {"ratio": 0})["ratio"].compute()
    assert (ratio[0] == 1).all()
    assert np.isnan(ratio[1]).all()
    shard = f"{cohort.part(0).prefix}/ratio/c/0/0/0"
    lake.store.write(shard, lake.store.read(shard)[:-1] + b"x")
    with pytest.raises(RunError, match="differs from its checksum"):
        open_cohort(cohort, {"ratio": 0})["ratio"][0, 0, 0, 0].compute()


@pytest.mark.parametrize(
    "changed", [{"shape": (60, 50, 99)}, {"affine": [[2.0, 0, 0, -40], *AFFINE[1:]]}]
)
def test_another_grid_is_refused_when_it_is_read(tmp_path, changed):
    lake = Lake(str(tmp_path / "lake"))
    lake.write(Part("ratio", keys_of()[1]), part_of(1, **changed), record={})
    write(lake)
    ratio = open_cohort(cohort_of(lake, "ratio", keys_of()), {"ratio": 0})["ratio"]
    with pytest.raises(RunError, match="another grid"):
        ratio[1, :2, :2, :2].compute()


def test_affines_that_differ_by_rounding_are_one_grid(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    near = [[2.0, 0, 0, -50 + 1e-6], *AFFINE[1:]]
    lake.write(Part("ratio", keys_of()[1]), part_of(1, affine=near), record={})
    write(lake)
    ratio = open_cohort(cohort_of(lake, "ratio", keys_of()), {"ratio": 0})["ratio"]
    np.testing.assert_array_equal(ratio[1].to_numpy(), values_of(1))


def test_the_store_pickles_small_and_compares_by_content(written):
    cohort = cohort_of(written, "ratio", keys_of(4))
    store, same = CohortStore(cohort, {"ratio": 0}), CohortStore(cohort, {"ratio": 0})
    assert len(pickle.dumps(store)) < 500
    assert store == same == pickle.loads(pickle.dumps(store))
    assert hash(store) == hash(same)
    assert store != CohortStore(cohort, {"ratio": 1})
    assert store.read_only


def test_an_array_that_is_not_one_shard_is_refused():
    grid = b'"chunk_grid": {"configuration": {"chunk_shape": [3]}}'
    array = b'{"shape": [3], ' + grid + b', "codecs": [{"name": "bytes"}]}'
    with pytest.raises(RunError, match="one shard a volume"):
        stacked(array, 2)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([1.0, [2]], [1.001, [2]], True),
        ([1.0], [1.1], False),
        ([1], [2], False),
        ({"a": "NaN"}, {"a": "NaN"}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1, 2], [1], False),
        ("a", 1.0, False),
    ],
)
def test_metadata_are_alike_to_the_rounding_of_an_affine(one, other, same):
    assert alike(one, other) is same
