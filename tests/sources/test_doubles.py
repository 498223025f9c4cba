"""Two people with one scan: found by its bytes, or by its voxels where the file was saved anew."""

from __future__ import annotations

import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.pipelines.doubles import doubled
from rt1t2_dask.pipelines.failed import shared_scans
from rt1t2_dask.pipelines.people import Person
from rt1t2_dask.pipelines.plan import PersonPlan
from rt1t2_dask.pipelines.stage import Task
from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Lake, Part


def test_all_who_share_are_named():
    scans = {"a": ["1", "2"], "b": ["3", "2"], "c": ["4"], "d": ["2", "5"]}
    found = doubled(scans, "byte for byte")
    assert set(found) == {"a", "b", "d"}
    assert found["b"].startswith("b and a, d have the same image, byte for byte.")


@given(st.dictionaries(st.text("abc", min_size=1), st.lists(st.integers(), max_size=3)))
def test_only_sharing_counts(scans):
    texts = {label: [str(n) for n in own] for label, own in scans.items()}
    expected = {a for a in scans for b in scans if a != b and set(scans[a]) & set(scans[b])}
    assert set(doubled(texts, "x")) == expected


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
