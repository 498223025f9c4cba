"""Kill a small study at random moments of each of its phases, and go on until it is done.

``python kills.py FOLDER --kills 100``: so many kills hit each phase. A killed run goes on by the
same command; every part that is marked must be whole at any time, and what comes out at the end
must be, byte for byte, what an undisturbed run gives. Prints a line a phase, JSON last.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from forked import Running, warm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from studies_of_maps import maps_words, write_maps_study

from rt1t2_dask.storage.parts import Lake, Part

PEOPLE = ("map", "smooth", "parcels")
# They name times and places.
UNEQUAL = {
    *("provenance.json", "report.html", "README.md", "dataset_description.json"),
    *("settings.yaml", "run.json"),
}
RATED = re.compile(rb'"key": "\w+"')
PATIENCE_S = 300.0


class TornError(AssertionError):
    """What must never be: another result than an undisturbed run's."""


def sealed(lake: Lake) -> dict[Part, dict[str, object]]:
    """Checksums of every object of every part that has its marker."""
    stages = {name.rstrip("/") for name in lake.store.children("parts")}
    parts = [Part(stage, key) for stage in stages for key in lake.complete_keys(stage)]
    return {part: dict(lake.objects(part)) for part in parts}


def written(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, but those that name times and places."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): RATED.sub(b"", path.read_bytes())
        for path in files
        if path.name not in UNEQUAL
    }


@dataclass
class Phase:
    """A part of a study's work, repeated from where it begins.

    Parameters
    ----------
    name : str
    words : callable
        The command line, of a folder.
    gone : callable
        Whether a stage's parts are still to be made where the phase begins.
    results : str
        The folder that it writes, below its own; empty where the lake alone counts.
    """

    name: str
    words: Callable[[Path], list[str]]
    gone: Callable[[str], bool]
    results: str = "out"
    hits: int = 0
    ends: int = 0
    codes: dict[int, int] = field(default_factory=dict)


def phases() -> list[Phase]:
    """The six phases that are killed."""

    def group(name: str) -> Callable[[str], bool]:
        return lambda stage: stage not in (*PEOPLE, "template") and not stage.startswith(name)

    later = ("cluster", "receptor", "pet", "threshold", "detectable", "autocorr")
    return [
        Phase("image", study_words, lambda stage: stage != "template"),
        Phase("block", study_words, lambda stage: stage not in (*PEOPLE, "template")),
        Phase("permutation", study_words, lambda stage: stage.startswith(("permute", *later))),
        Phase("write", study_words, lambda stage: False),
        Phase("publish", publish_words, lambda stage: False, "published"),
        Phase("share", share_words, lambda stage: stage.startswith("share"), "out-share/share"),
    ]


def study_words(folder: Path) -> list[str]:
    return [*maps_words(folder), "permute.n=600", "report.figures=false"]


def publish_words(folder: Path) -> list[str]:
    lake = f"storage.url={folder / 'lake'}"
    return ["lake=publish", f"to={folder / 'published'}", "cohort=small", lake]


def share_words(folder: Path) -> list[str]:
    own = [word for word in study_words(folder) if not word.startswith("output_dir=")]
    return [*own, f"output_dir={folder / 'out-share'}", "share=export", "share.site=a"]


def undisturbed(folder: Path) -> Path:
    """Run everything once, or take the runs that lie there."""
    whole = folder / "undisturbed"
    if not (whole / "done").exists():
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir(parents=True)
        write_maps_study(whole)
        for words in (study_words, share_words, publish_words):
            ended = Running(words(whole), whole).result(PATIENCE_S)
            if ended.code:
                raise TornError(f"the undisturbed run ended with {ended.code}: {ended.err[-500:]}")
        (whole / "done").touch()
    return whole


def begun(phase: Phase, whole: Path, work: Path) -> Path:
    """Lay a study where the phase begins."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(whole, work, ignore=shutil.ignore_patterns("out*", "published", "std*"))
    lake = Lake(str(work / "lake"))
    for part in sealed(lake):
        if phase.gone(part.stage):
            lake.delete(part)
    return work


def check(lake: Lake, expected: dict[Part, dict[str, object]], share: bool) -> None:
    """Every marked part is whole and what an undisturbed run makes."""
    for part, objects in sealed(lake).items():
        problems = lake.verify(part)
        if problems or (part in expected and objects != expected[part]):
            raise TornError(f"{part} differs: {problems}")
        if part not in expected and not share:
            raise TornError(f"{part} is none of an undisturbed run's")


def compare(phase: Phase, whole: Path, work: Path) -> None:
    """The end is that of an undisturbed run, and nothing half written or claimed is left."""
    if phase.results:
        ours, theirs = written(work / phase.results), written(whole / phase.results)
        if differing := [n for n in ours | theirs if ours.get(n) != theirs.get(n)]:
            raise TornError(f"{phase.name}: results differ: {differing[:8]}")
    left = [str(path) for path in work.rglob("*.tmp")]
    claims = [str(path) for path in (work / "lake" / "claims").rglob("*") if path.is_file()]
    if left or claims:
        raise TornError(f"{phase.name}: left over: {left[:3]} {claims[:3]}")


def killed(phase: Phase, folder: Path, kills: int, seed: int) -> None:
    """Kill a phase so many times; at each end compare, and begin again."""
    whole, work = undisturbed(folder), folder / phase.name
    rng = np.random.default_rng([seed, len(phase.name), sum(map(ord, phase.name))])
    expected = sealed(Lake(str(whole / "lake")))
    begun(phase, whole, work)
    length = _length(phase, whole, folder / f"{phase.name}-timed")
    while phase.hits < kills:
        running = Running(phase.words(work), work)
        if running.wait(float(rng.uniform(0, 1.1 * length))):
            _ended(phase, running, whole, work)
            begun(phase, whole, work)
            continue
        running.kill()
        phase.hits += running.code == -signal.SIGKILL
        check(Lake(str(work / "lake")), expected, phase.name == "share")
    running = Running(phase.words(work), work)
    running.wait(PATIENCE_S)
    _ended(phase, running, whole, work)


def _length(phase: Phase, whole: Path, work: Path) -> float:
    """Seconds that the phase takes undisturbed."""
    begun(phase, whole, work)
    ended = Running(phase.words(work), work).result(PATIENCE_S)
    if ended.code:
        raise TornError(f"{phase.name} ended with {ended.code}: {ended.err[-500:]}")
    shutil.rmtree(work)
    return ended.wall_s


def _ended(phase: Phase, running: Running, whole: Path, work: Path) -> None:
    ended = running.result(1)
    phase.codes[ended.code] = phase.codes.get(ended.code, 0) + 1
    phase.ends += 1
    if ended.code or "Traceback" in ended.err:
        raise TornError(f"{phase.name} went on to {ended.code}: {ended.err[-800:]}")
    compare(phase, whole, work)


def main(words: Sequence[str] | None = None) -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", type=Path)
    asked.add_argument("--kills", type=int, default=4)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--of", nargs="+", default=[])
    args = asked.parse_args(words)
    folder = args.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.pop("RT1T2_DEBUG", None)
    warm()
    done = {}
    for phase in phases():
        if args.of and phase.name not in args.of:
            continue
        began = time.monotonic()
        killed(phase, folder, args.kills, args.seed)
        done[phase.name] = {"kills": phase.hits, "ends": phase.ends,
                            "wall_s": round(time.monotonic() - began, 1)}  # fmt: skip
        sys.stdout.write(f"{phase.name}: {done[phase.name]}\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main()
