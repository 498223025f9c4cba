"""One behaviour for folders and buckets; errors a person can act on."""

import errno
import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.base import AwayError, UnreadableError
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store, open_store


@pytest.fixture
def store(lake: Lake) -> Store:
    return lake.store


def test_objects_come_back(store):
    store.write("a/one", b"1")
    store.write("a/b/two", b"22")
    store.write("ab", b"")
    assert store.read("a/b/two") == b"22"
    assert list(store.list()) == ["a/b/two", "a/one", "ab"]
    assert list(store.list("a")) == ["a/b/two", "a/one"]
    assert store.children("a") == {"b/", "one"}
    assert store.children() == {"a/", "ab"}
    assert store.size("a") == 3
    assert store.exists("a/one")
    assert not store.exists("a")
    assert not store.exists("a/o")


def test_nothing_there(store):
    assert list(store.list("none")) == []
    assert store.children("none") == set()
    with pytest.raises(FileNotFoundError, match="none/x does not exist"):
        store.read("none/x")
    store.delete("none/x")
    store.delete_prefix("none")


def test_delete(store):
    for name in ("a/1", "a/2/3", "b/1"):
        store.write(name, b"x")
    store.delete("a/1")
    assert list(store.list()) == ["a/2/3", "b/1"]
    store.delete_prefix("a")
    assert list(store.list()) == ["b/1"]


def test_the_ends_of_an_object(store):
    store.write("a", b"0123456789")
    store.write("b", b"")
    assert (store.start("a", 3), store.end("a", 3)) == (b"012", b"789")
    assert store.start("a", 99) == store.end("a", 99) == b"0123456789"
    assert store.start("b", 3) == store.end("b", 3) == b""
    with pytest.raises(FileNotFoundError):
        store.end("none", 3)


def test_links_to_folders_are_followed_and_circles_are_not(tmp_path):
    store = open_store(str(tmp_path / "here"))
    store.write("a/1", b"x")
    (tmp_path / "there" / "deep").mkdir(parents=True)
    (tmp_path / "there" / "deep" / "2").write_bytes(b"yy")
    (tmp_path / "there" / "deep" / "up").symlink_to(tmp_path / "there")
    (tmp_path / "here" / "b").symlink_to(tmp_path / "there")
    (tmp_path / "here" / "a" / "all").symlink_to(tmp_path / "here")
    (tmp_path / "here" / "again").symlink_to("a")
    assert list(store.list()) == ["a/1", "b/deep/2"]
    assert list(store.list("b")) == ["b/deep/2"]
    assert list(store.list("again")) == ["again/1"]


def test_two_folders_outside_that_link_to_each_other_are_walked_once(tmp_path):
    for name, other in (("one", "two"), ("two", "one")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x")
        (tmp_path / name / "other").symlink_to(tmp_path / other)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "one")
    found = list(open_store(str(tmp_path / "here")).list())
    assert found == ["link/file", "link/other/file"]


def test_a_link_that_leads_nowhere_is_listed_and_said(tmp_path):
    store = open_store(str(tmp_path))
    (tmp_path / "x").symlink_to("gone/y")
    (tmp_path / "self").symlink_to("self")
    assert [(e.path, e.size, e.here) for e in sorted(store.entries(), key=str)] == [
        ("self", 0, False),
        ("x", 0, False),
    ]
    assert not store.exists("x")
    for read in (store.read, store.entry, lambda path: store.start(path, 1)):
        with pytest.raises(
            AwayError, match="x is a link to gone/y, which does not exist"
        ) as caught:
            read("x")
    assert pickle.loads(pickle.dumps(caught.value)).target == "gone/y"
    with pytest.raises(AwayError):
        store.read("x/below")
    assert [entry.path for entry in store.entries("x")] == ["x"]
    assert list(open_store(str(tmp_path / "x")).list()) == []


def test_a_file_is_no_folder(tmp_path):
    store = open_store(str(tmp_path))
    store.write("a", b"x")
    assert list(store.list("a")) == []
    assert store.children("a") == set()
    with pytest.raises(FileNotFoundError):
        store.read("a/b")
    with pytest.raises(UserError, match=r"file exists\. .*storage\.url"):
        store.write("a/b", b"x")


def test_what_may_not_be_read_is_one_line(tmp_path, request):
    store = open_store(str(tmp_path))
    store.write("a/b", b"x")
    with pytest.raises(UnreadableError, match=r"is a directory\. Name a file"):
        store.read("a")
    tmp_path.chmod(0o755)
    (tmp_path / "a" / "b").chmod(0)
    request.getfixturevalue("ordinary_user")
    with pytest.raises(UnreadableError, match=r"permission denied\. Allow reading it"):
        store.read("a/b")


def test_create_is_exclusive(store):
    assert store.create("claim", b"first")
    assert not store.create("claim", b"second")
    assert store.read("claim") == b"first"


def test_create_on_disks_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    store = open_store(str(tmp_path))
    assert store.create("a/claim", b"first")
    assert not store.create("a/claim", b"second")
    assert store.read("a/claim") == b"first"
    assert store.children("a") == {"claim"}


def test_one_of_many_creators_wins(store):
    start, won = threading.Barrier(8), []

    def race(number):
        start.wait()
        if store.create("claim", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("claim") == b"%d" % won[0]


def test_pickled_store_works(store):
    store.write("x", b"1")
    assert pickle.loads(pickle.dumps(store)).read("x") == b"1"


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x"])
def test_paths_stay_inside(store, path):
    with pytest.raises(ValueError, match="not a path inside a store"):
        store.write(path, b"")


def test_local_urls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_store("here").write("x", b"1")
    assert open_store(f"file://{tmp_path}/here").read("x") == b"1"
    assert open_store("here").url == str(tmp_path / "here")


def test_a_half_written_file_is_not_listed(tmp_path):
    store = open_store(str(tmp_path))
    store.write("a/x", b"1")
    (tmp_path / "a" / ".y.0123.tmp").write_bytes(b"half")
    assert list(store.list()) == ["a/x"]
    assert store.children("a") == {"x"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_one_line(tmp_path, monkeypatch):
    store = open_store(str(tmp_path))

    def write_to_full_disk(_):
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    monkeypatch.setattr(os, "fsync", write_to_full_disk)
    with pytest.raises(RunError, match="no space left on device") as caught:
        store.write("parts/x", b"data")
    assert "storage.url" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "parts/x") in str(caught.value)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("action", ["write", "create"])
def test_place_that_cannot_be_written_is_one_line(tmp_path, action):
    (tmp_path / "lake").write_bytes(b"a file where the lake should be")
    store = open_store(str(tmp_path / "lake"))
    with pytest.raises(UserError, match=r"storage\.url") as caught:
        getattr(store, action)("parts/x", b"data")
    assert "\n" not in str(caught.value)


@pytest.fixture
def ordinary_user() -> Iterator[None]:
    """Root may write anywhere: act as nobody for a while."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    yield
    os.seteuid(was)


@pytest.mark.parametrize("action", ["write", "create"])
def test_read_only_folder_is_one_line(tmp_path, action, request):
    tmp_path.chmod(0o500)
    request.getfixturevalue("ordinary_user")
    with pytest.raises(UserError, match=r"permission denied\. .*storage\.url") as caught:
        getattr(open_store(str(tmp_path)), action)("parts/x", b"data")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("ftp://host/x", {}, "ftp:// is not a known scheme"),
        ("s3:///x", {}, "has no bucket"),
        ("s3://key:secret@bucket/x", {}, "must not contain credentials"),
        ("s3://bucket", {"secret_access_key": "x"}, "no storage option secret_access_key"),
        ("gs://bucket", {"region": "x"}, "no storage option region"),
    ],
)
def test_wrong_places_are_refused(url, options, message):
    with pytest.raises(UserError, match=message):
        open_store(url, options)


def test_unset_options_are_ignored():
    assert open_store("s3://bucket", {"region": None}).options == {}


@pytest.mark.parametrize(
    ("url", "options"), [("gs://bucket/a", {}), ("az://container/a", {"account": "someone"})]
)
def test_other_clouds_open(url, options):
    store = pickle.loads(pickle.dumps(open_store(url, {"anonymous": True, **options})))
    assert store.describe().startswith(f"{url} (")
    assert store.zarr("b").read_only


def test_azure_needs_an_account(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(UserError, match=r"az://container/a: .*Account must be specified"):
        open_store("az://container/a").read("x")
