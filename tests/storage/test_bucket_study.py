"""A whole study with input, lake and output in buckets, over a network that fails in every way."""

from __future__ import annotations

import json
import os
import re
from collections import Counter

import boto3
import pytest
from bad_network import CONFLICTS, KINDS, relayed

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.stores import Store, open_store

pytestmark = [pytest.mark.cloud, pytest.mark.heavy]
BUCKETS = ("study-input", "study-lake", "study-output")
# They name times and places.
UNEQUAL = {
    *("provenance.json", "report.html", "README.md", "dataset_description.json"),
    "settings.yaml",
}
RATED = re.compile(rb'"key": "\w+"')
"""Under what the browser keeps ratings: of the dataset, by its place."""
SHARE = 0.1


def sealed(lake: Lake) -> dict[Part, dict[str, object]]:
    stages = {name.rstrip("/") for name in lake.store.children("parts")}
    parts = [Part(stage, key) for stage in stages for key in lake.complete_keys(stage)]
    return {part: dict(lake.objects(part)) for part in parts}


def results(store: Store) -> dict[str, bytes]:
    found = {path: store.read(path) for path in store.list() if path not in UNEQUAL}
    return found | {"quality.html": RATED.sub(b"", found["quality.html"])}


def in_buckets(words: list[str], endpoint: str) -> list[str]:
    """The same study with every place in a bucket."""
    places = {"source.root=": 0, "storage.url=": 1, "output_dir=": 2}
    moved = [f"{name}s3://{BUCKETS[i]}/x" for name, i in places.items()]
    kept = [word for word in words if not word.startswith(tuple(places))]
    return [*kept, *moved, f"storage.endpoint={endpoint}", "storage.region=us-east-1"]


@pytest.fixture
def filled(s3_server, s3_options, maps_study) -> dict[str, object]:
    """Three buckets, the first with the study's maps."""
    root, _ = maps_study(3, 4)
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    for name in BUCKETS:
        client.create_bucket(Bucket=name)
    store = open_store(f"s3://{BUCKETS[0]}/x", s3_options)
    for path in sorted(root.iterdir()):
        store.write(path.name, path.read_bytes())
    return s3_options


def test_a_study_in_buckets_over_a_bad_network_gives_the_same_bits(
    filled, maps_arguments, tmp_path, s3_server, monkeypatch
):
    assert command(maps_arguments) == 0
    local = {path.relative_to(tmp_path) for path in tmp_path.rglob("*")}
    monkeypatch.chdir(tmp_path)
    with relayed(s3_server, SHARE) as (url, trouble):
        assert command(in_buckets(maps_arguments, url)) == 0
    seen = Counter(trouble.seen)
    assert set(seen) >= set(KINDS)
    assert set(seen) & set(CONFLICTS)
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*")} == local
    lake = Lake(f"s3://{BUCKETS[1]}/x", filled)
    assert sealed(lake) == sealed(Lake(str(tmp_path / "lake")))
    assert [line for part in sealed(lake) for line in lake.verify(part)] == []
    assert list(lake.store.list("claims")) == []
    written = open_store(f"s3://{BUCKETS[2]}/x", filled)
    assert results(written) == results(open_store(str(tmp_path / "out")))
    assert json.loads(written.read("provenance.json"))["state"] == "complete"
    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for store in (lake.store, written):
        assert not [path for path in store.list() if secret in store.read(path)]
