"""A small study killed at random moments of each phase ends as an undisturbed one, to the byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.chaos
HERE = Path(__file__).parent
KILLS = int(os.environ.get("RT1T2_CHAOS_KILLS", "2"))


@pytest.mark.timeout(36_000)
def test_every_phase_survives_kills(tmp_path):
    done = subprocess.run(
        [sys.executable, HERE / "kills.py", str(tmp_path / "kills"), "--kills", str(KILLS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: own["kills"] for name, own in found.items()} == dict.fromkeys(found, KILLS)
    assert set(found) == {"image", "block", "permutation", "write", "publish", "share"}
