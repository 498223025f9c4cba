"""Copies of this checkout, with symbolic links or as git writes it where there are none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SIX_PEOPLE = (
    "+cohort=psp",
    "source.voxel_mm=4",
    *("source.groups.PSP.n=3", "source.groups.PSP.n_male=1"),
    *("source.groups.HC.n=3", "source.groups.HC.n_male=2"),
    *("permute.n=20", "receptors.n_permutations=20"),
    *("report.mosaics=1", "report.figures=false"),
)

needs_checkout = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")


def copied(into: Path, *, links: bool) -> Path:
    """Copy what git knows, or would add, of the working tree."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink() and links:
            target.symlink_to(source.readlink())
        elif source.is_symlink():
            target.write_text(str(source.readlink()))
        elif source.exists():
            shutil.copy(source, target)
    return into


def built(tree: Path, into: Path) -> dict[str, int]:
    """Build a wheel; return the checksums of its files by name."""
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(into), str(tree)])
    with zipfile.ZipFile(next(into.glob("*.whl"))) as wheel:
        return {file.filename: file.CRC for file in wheel.infolist()}


def environment(place: Path) -> Path:
    """Make a fresh virtual environment; return its folder of programs."""
    run([sys.executable, "-m", "venv", str(place)])
    return place / "bin"


def run(words: list[str], folder: Path | None = None) -> str:
    """Run a command away from this checkout; fail with what it said."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words, cwd=folder, env=outside, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
