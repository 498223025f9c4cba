"""Lakes to test on: a folder, and a bucket of a real S3 server on loopback."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import numpy as np
import pytest
import xarray as xr
from bad_network import Trouble, relayed

from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Lake, Part

SECRET = "s3cr3t-of-this-worker"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


@contextmanager
def served() -> Iterator[str]:
    """A real S3 server on loopback; gives its URL."""
    port = free_port()
    command = [sys.executable, "-c", "from moto.server import main; main()"]
    server = subprocess.Popen(
        [*command, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def s3_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def s3_options(s3_server: str, s3_environment: None) -> dict[str, object]:
    return {"endpoint": s3_server, "region": "us-east-1"}


@pytest.fixture
def bucket_url(
    s3_server: str, s3_options: dict[str, object], request: pytest.FixtureRequest
) -> str:
    name = f"b{abs(hash(request.node.nodeid)) % 10**12}"
    boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1").create_bucket(Bucket=name)
    return f"s3://{name}/lake"


@pytest.fixture
def bad_network(s3_server: str, request: pytest.FixtureRequest) -> Iterator[tuple[str, Trouble]]:
    """A relay with the share of bad answers that the test names; its URL and what it saw."""
    with relayed(s3_server, request.param) as relay:
        yield relay


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.cloud)])
def lake(request: pytest.FixtureRequest) -> Lake:
    if request.param == "local":
        return Lake(str(request.getfixturevalue("tmp_path") / "lake"))
    url = request.getfixturevalue("bucket_url")
    return Lake(url, request.getfixturevalue("s3_options"))


@pytest.fixture
def volume() -> xr.Dataset:
    """A simulated ratio map with a NaN rim, beside small arrays of every kind."""
    rng = np.random.default_rng(4)
    data = rng.normal(1.2, 0.2, (60, 70, 55)).astype(np.float32)
    data[:8] = np.nan
    return xr.Dataset(
        {
            "ratio": (("z", "y", "x"), data, {"units": "1", "affine": np.diag([2.0, 2, 2, 1])}),
            "field": (("axis", "z", "y", "x"), np.stack([data] * 3)),
            "counts": (("row", "column"), np.arange(6).reshape(2, 3)),
            "mask": ("row", np.array([True, False])),
            "p": ("row", np.array([0.25, np.nan])),
            "fwhm": ((), 10.0),
        },
        coords={"x": np.arange(55) * 2.0, "row": [3, 1], "age": ("row", [61.5, np.nan])},
        attrs={"space": "MNI152NLin2009aSym", "simulated": True},
    )


@pytest.fixture
def part() -> Part:
    return Part("ratio", part_key("ratio", "1", {"fwhm_mm": 10.0}, {"t1w": "0" * 64}))
