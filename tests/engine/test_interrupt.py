"""Ctrl-C, as a terminal sends it: to every process of the run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rt1t2_dask.storage.keys import checksum


@pytest.mark.heavy
@pytest.mark.cluster
@pytest.mark.slow
def test_ctrl_c_leaves_everything_whole_and_says_how_to_go_on(maps_study, maps_arguments, tmp_path):
    maps_study()
    words = [word for word in maps_arguments if not word.startswith("cluster=")]
    words = [sys.executable, "-m", "rt1t2_dask", *words, "cluster=local", "cluster.workers=1"]
    log = tmp_path / "log.txt"
    env = {k: v for k, v in os.environ.items() if k != "RT1T2_DEBUG"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            words, cwd=tmp_path, env=env, stdout=out, stderr=out, start_new_session=True,
            preexec_fn=heed_ctrl_c,
        )  # fmt: skip
        lake = tmp_path / "lake"
        began = time.monotonic()
        while not list(lake.glob("parts/map/*.json")) and time.monotonic() - began < 300:
            time.sleep(0.1)
        assert process.poll() is None, log.read_text()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130, log.read_text()
    text = log.read_text()
    last = text.strip().splitlines()[-1]
    assert last == (
        "rt1t2-dask: stopped; finished parts are kept, run the same command to continue"
    )
    assert "Traceback" not in text
    assert parts_are_whole(lake) >= 1
    assert not (tmp_path / "out").exists()
    after = [p for p in lake.rglob("*") if ".tmp" in p.name]
    assert after == []
    dry = subprocess.run(
        [*words, "dry_run=true"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "parts to compute" in dry.stdout


def heed_ctrl_c() -> None:
    """Tests that a shell runs in the background ignore Ctrl-C, and so would what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def parts_are_whole(lake: Path) -> int:
    """Compare every object with what its part's marker says of it."""
    markers = list(lake.glob("parts/*/*.json"))
    for marker in markers:
        for name, seal in json.loads(marker.read_text())["objects"].items():
            content = (marker.with_suffix("") / name).read_bytes()
            assert checksum(content) in json.dumps(seal), name
    return len(markers)
