"""A full disk and a read-only lake stop a study with one line; nothing is torn, and it goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.storage.parts import Lake, Part

pytestmark = pytest.mark.slow
AMPLE = "size=256m"


def mounted(*words: str) -> bool:
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk of its own, whose size and rights change while it is in use."""
    place = tmp_path / "disk"
    place.mkdir()
    if not mounted("-t", "tmpfs", "-o", AMPLE, "tmpfs", str(place)):
        pytest.skip("needs the right to mount a small disk")

    def change(options: str) -> Path:
        assert mounted("-o", f"remount,{options}", str(place))
        return place

    yield change
    subprocess.run(["umount", "-l", str(place)], check=True)


def sealed(lake: Lake) -> dict[Part, dict[str, object]]:
    stages = {name.rstrip("/") for name in lake.store.children("parts")}
    parts = [Part(stage, key) for stage in stages for key in lake.complete_keys(stage)]
    return {part: dict(lake.objects(part)) for part in parts}


def moved(words: list[str], **places: Path) -> list[str]:
    names = {"lake": "storage.url=", "out": "output_dir="}
    gone = tuple(names[name] for name in places)
    kept = [word for word in words if not word.startswith(gone)]
    return kept + [f"{names[name]}{path}" for name, path in places.items()]


def fails_in_one_line(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert command(words) == code
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("rt1t2-dask:")]
    assert len(said) == 1
    return said[0]


@pytest.mark.heavy
def test_a_full_lake_is_one_line_and_goes_on(
    maps_study, maps_arguments, small_disk, tmp_path, capsys
):
    maps_study(2, 2)
    assert command(maps_arguments) == 0
    whole = Lake(str(tmp_path / "lake"))
    first, every = whole.store.size("parts/template"), whole.store.size("parts")
    disk = small_disk(f"size={(first + every) // 2 // 1024}k")
    words = moved(maps_arguments, lake=disk / "lake", out=tmp_path / "second")
    said = fails_in_one_line(words, 1, capsys)
    assert "no space left on device. Free space there, or choose another location" in said
    lake = Lake(str(disk / "lake"))
    made = sealed(lake)
    assert 0 < len(made) < len(sealed(whole))
    assert [line for part in made for line in lake.verify(part)] == []
    small_disk(AMPLE)
    assert command(words) == 0
    assert sealed(lake) == sealed(whole)
    assert list(lake.store.list("claims")) == []
    assert not list(disk.rglob("*.tmp"))


@pytest.mark.heavy
def test_a_full_output_is_one_line_and_goes_on(
    maps_study, maps_arguments, small_disk, tmp_path, capsys
):
    maps_study(2, 2)
    disk = small_disk("size=100k")
    words = moved(maps_arguments, out=disk / "out")
    assert "no space left on device" in fails_in_one_line(words, 1, capsys)
    small_disk(AMPLE)
    assert command(words) == 0
    assert (disk / "out/report.html").exists()
    assert not list(disk.rglob("*.tmp"))


def test_a_read_only_lake_is_one_line_for_a_run_and_for_its_plan(
    maps_study, maps_arguments, small_disk, capsys
):
    maps_study(2, 2)
    disk = small_disk("ro")
    words = moved(maps_arguments, lake=disk / "lake")
    for asked in (words, [*words, "dry_run=true"]):
        said = fails_in_one_line(asked, 2, capsys)
        assert "cannot be written (read-only file system); choose another folder" in said
    assert list(disk.iterdir()) == []
