"""Whole command lines over hostile files end with one line; RT1T2_CHAOS_COMMANDS=500 for long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.chaos
HERE = Path(__file__).parent
COUNT = os.environ.get("RT1T2_CHAOS_COMMANDS", "10")


@pytest.mark.timeout(36_000)
def test_every_command_line_ends_with_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, HERE / "commands.py", str(tmp_path), "--count", COUNT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-3000:]
