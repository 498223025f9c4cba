"""Buckets: credentials stay in the environment, and a bad network changes nothing."""

import os
import pickle
import socket
from urllib.parse import urlsplit

import boto3
import dask
import numpy as np
import pytest
import xarray as xr
from bad_network import CONFLICTS, KINDS

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage import buckets
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import open_store

pytestmark = pytest.mark.cloud


@pytest.fixture
def bucket(bucket_url, s3_options):
    return Lake(bucket_url, s3_options)


def test_secrets_are_in_no_pickle(bucket, part, volume):
    bucket.write(part, volume, record={})
    held = [bucket, bucket.store, bucket.store.zarr("parts"), bucket.read(part, chunks={})]
    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    assert [secret in pickle.dumps(thing) for thing in held] == [False] * len(held)
    graph = pickle.loads(pickle.dumps(bucket.read(part, chunks={})["ratio"]))
    with dask.config.set(scheduler="synchronous"):
        np.testing.assert_array_equal(graph.values, volume["ratio"].values)


def test_missing_credentials_name_the_worker(bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    fresh = open_store(bucket.store.url, {**bucket.store.options, "retries": 0})
    with pytest.raises(UserError, match="no credentials") as caught:
        fresh.read("x")
    assert socket.gethostname() in str(caught.value)
    assert str(os.getpid()) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_public_data_need_no_credentials(bucket, monkeypatch):
    bucket.store.write("x", b"public")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    anonymous = open_store(bucket.store.url, {**bucket.store.options, "anonymous": True})
    client = boto3.client(
        "s3",
        endpoint_url=bucket.store.options["endpoint"],
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    client.put_object_acl(Bucket=urlsplit(bucket.store.url).netloc, Key="lake/x", ACL="public-read")
    assert anonymous.read("x") == b"public"


def test_a_profile_is_read_where_the_work_is(bucket, monkeypatch, tmp_path):
    bucket.store.write("x", b"1")
    keys = {
        name: os.environ[f"AWS_{name.upper()}"] for name in ("access_key_id", "secret_access_key")
    }
    lines = [f"aws_{name} = {value}" for name, value in keys.items()]
    (tmp_path / "credentials").write_text("\n".join(["[study]", *lines, ""]))
    for name in keys:
        monkeypatch.delenv(f"AWS_{name.upper()}")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    store = open_store(bucket.store.url, {**bucket.store.options, "profile": "study"})
    assert store.read("x") == b"1"
    assert keys["secret_access_key"].encode() not in pickle.dumps([store, store.zarr("a")])


def test_a_bucket_that_is_gone_while_reading_is_one_line(bucket, part, volume):
    bucket.write(part, volume, record={})
    opened = bucket.read(part)
    gone = Lake(bucket.store.url, {**bucket.store.options, "retries": 0, "timeout_s": 5})
    reader = gone.read(part)
    bucket.store.delete_prefix("")
    with pytest.raises(RunError, match="is missing"):
        opened["ratio"].load()
    client = boto3.client("s3", endpoint_url=bucket.store.options["endpoint"])
    client.delete_bucket(Bucket=urlsplit(bucket.store.url).netloc)
    with pytest.raises((UserError, RunError)) as caught:
        reader["ratio"].load()
    assert "\n" not in str(caught.value)
    assert f"{part.prefix}/ratio/c/0/0/0" in str(caught.value)


def test_a_missing_bucket_is_one_line(s3_options):
    store = open_store("s3://no-such-bucket-here/lake", s3_options)
    for action in (
        lambda: store.write("x", b"1"),
        lambda: store.read("x"),
        lambda: list(store.list()),
    ):
        with pytest.raises(UserError, match="no such bucket") as caught:
            action()
        assert "\n" not in str(caught.value)


def test_long_listings_come_in_pages(bucket, monkeypatch):
    names = [f"a/{number:02d}/x" for number in range(7)]
    for name in [*names, "b"]:
        bucket.store.write(name, b"1")
    for page in (1, 3, 7, 8):
        monkeypatch.setattr(buckets, "_PAGE", page)
        assert list(bucket.store.list("a")) == names
        assert len(list(bucket.store.entries())) == 8


@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.parametrize("bad_network", [0.3], indirect=True)
def test_a_bad_network_changes_nothing(bucket, part, volume, tmp_path, bad_network):
    url, trouble = bad_network
    local = Lake(str(tmp_path))
    local.write(part, volume, record={}, files={"a": b"1"})
    shaky = Lake(bucket.store.url, {**bucket.store.options, "endpoint": url})
    for _ in range(5):
        with shaky.claim(part) as mine:
            assert mine
            shaky.write(part, volume, record={}, files={"a": b"1"})
        assert shaky.objects(part) == local.objects(part)
        assert bucket.verify(part) == []
        xr.testing.assert_identical(shaky.read(part).load(), local.read(part).load())
        assert shaky.complete_keys(part.stage) == {part.key}
        bucket.delete(part)
    assert set(trouble.seen) >= {"none", *KINDS}
    assert set(trouble.seen) & set(CONFLICTS)


@pytest.mark.parametrize("bad_network", [0.0], indirect=True)
def test_requests_of_a_subject_are_few(bucket, part, volume, bad_network):
    url, trouble = bad_network
    counted = Lake(bucket.store.url, {**bucket.store.options, "endpoint": url})
    # 12 MB of noise: more than the parts of 5 MB in which obstore would upload it unasked.
    noise = np.random.default_rng(1).normal(size=(150, 160, 130)).astype(np.float32)
    one = xr.Dataset({"ratio": (("z", "y", "x"), noise)})
    with counted.claim(part) as mine:
        assert mine
        counted.write(part, one, record={})
    written = sum(trouble.requests.values())
    # Claim: look, list, create, look, release; part: look, list, three objects, marker.
    assert written == 11
    counted.read(part)["ratio"].load()
    # Marker, group, array, volume; a block costs one more for the shard's index.
    assert sum(trouble.requests.values()) - written == 4
    before = trouble.bytes
    counted.read(part)["ratio"][:50, :53, :43].load()
    assert sum(trouble.requests.values()) - written == 9
    assert trouble.bytes - before < 1e6
