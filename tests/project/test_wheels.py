"""Every dependency has a wheel for each Python and system that is named; nothing is compiled."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest
from checkouts import ROOT, needs_checkout, run

pytestmark = [pytest.mark.heavy, pytest.mark.packaging, needs_checkout, pytest.mark.timeout(3600)]

SYSTEMS = {
    "linux": [f"manylinux_2_{n}_x86_64" for n in (28, 27, 26, 24, 17, 12, 5)],
    "macos": ["macosx_14_0_arm64"],
}
# Pure Python that its authors publish as source alone; pip builds it without a compiler.
SOURCE_ALONE = "antlr4-python3-runtime==4.9.3"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    pip("wheel", "--no-deps", "-w", str(folder), SOURCE_ALONE)
    (wheel,) = folder.iterdir()
    assert wheel.name.endswith("-none-any.whl")
    return folder


def pip(*words: str) -> None:
    run([sys.executable, "-m", "pip", words[0], "-q", *words[1:]])


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_all_wheels_are_there(python, system, built, tmp_path):
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    platforms = [word for tag in SYSTEMS[system] for word in ("--platform", tag)]
    pip(
        *("install", "--dry-run", "--ignore-installed", "--target", str(tmp_path / "nowhere")),
        *("--report", str(tmp_path / "report.json"), "--find-links", str(built)),
        *("--only-binary=:all:", "--implementation", "cp", "--python-version", python),
        *platforms,
        *asked,
    )
    chosen = json.loads((tmp_path / "report.json").read_text())["install"]
    assert len(chosen) > len(asked)
    assert all(item["download_info"]["url"].endswith(".whl") for item in chosen)
