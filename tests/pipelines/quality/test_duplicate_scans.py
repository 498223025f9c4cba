"""Two people with one scan: found by its bytes, or by its voxels where the file was saved anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.pipelines.engine.task import InputFile, Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.pipelines.quality.duplicate_scans import (
    content_keys,
    duplicates,
    same_for_both_contrasts,
)
from rt1t2_dask.pipelines.study.failed import shared_scans
from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Lake, Part


def test_all_who_share_are_named():
    scans = {"a": ["1", "2"], "b": ["3", "2"], "c": ["4"], "d": ["2", "5"]}
    found = duplicates(scans, "byte for byte")
    assert set(found) == {"a", "b", "d"}
    assert found["b"].startswith("b and a, d have the same image, byte for byte.")


@given(st.dictionaries(st.text("abc", min_size=1), st.lists(st.integers(), max_size=3)))
def test_only_sharing_counts(scans):
    texts = {label: [str(n) for n in own] for label, own in scans.items()}
    expected = {a for a in scans for b in scans if a != b and set(scans[a]) & set(scans[b])}
    assert set(duplicates(texts, "x")) == expected


@given(st.lists(st.sampled_from([b"a" * 9, b"b" * 9, b"a" * 5, b"", b"a" * 70000, None])))
def test_keys_are_equal_where_bytes_are(contents):
    with tempfile.TemporaryDirectory() as folder:
        for k, content in enumerate(contents):
            if content is not None:
                Path(folder, f"{k}.nii").write_bytes(content)
        keys = content_keys([InputFile(folder, f"{k}.nii", "") for k in range(len(contents))])
    for one, first in zip(contents, keys, strict=True):
        same = sum(first == other for other in keys)
        assert same == (1 if one is None else contents.count(one))


def test_a_difference_in_the_middle_of_large_files_is_one(tmp_path):
    for k in range(2):
        (tmp_path / f"{k}.nii").write_bytes(bytes(90000) + bytes([k]) + bytes(90000))
    first, second = content_keys([InputFile(str(tmp_path), f"{k}.nii", "") for k in range(2)])
    assert first != second


def test_one_scan_as_both_contrasts_is_named():
    found = same_for_both_contrasts({"a": ["1", "2"], "b": ["3", "3"]})
    assert list(found) == ["b"]
    assert found["b"].startswith("T1w and T2w are the same image, byte for byte.")


def test_scans_saved_anew_are_found_by_their_voxels(tmp_path):
    lake = Lake(str(tmp_path))
    plans = []
    for label, voxels in {"sub-1": "same", "sub-2": "other", "sub-3": "same"}.items():
        part = Part("ingest", part_key("ingest", "1", {"label": label}, {}))
        seen = {"t1w": {"voxels_sha256": voxels}, "t2w": {"voxels_sha256": label}, "lesion": {}}
        lake.write(part, xr.Dataset(), record={"inputs": seen})
        task = Task("ingest", part, {}, {}, {}, {})
        plans.append(PersonPlan(Person(label, "g"), {"ingest": task}))
    found = shared_scans(lake, plans)
    assert [(f.label, f.stage) for f in found] == [("sub-1", "ingest"), ("sub-3", "ingest")]
    assert "sub-1 and sub-3 have the same image, voxel by voxel" in found[0].reason
