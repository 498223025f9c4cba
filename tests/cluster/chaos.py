"""SIGKILL at random moments of a small study: of a worker, the scheduler, the driver, of all.

python tests/cluster/chaos.py FOLDER [--study scans|maps] [--kills 20]
    [--of worker scheduler driver everything]

Four simulated people at 4 mm on a real scheduler and two workers: from their scans, or from the
ratio maps that their scans gave. A chain starts from a lake that lacks half of the people and the
group, is killed `CHAIN` times, each time by the number of new files in the lake (seeded), and is
then run to its end. Prints one line a chain, JSON last. Chains that are done are remembered in
FOLDER, so that the same command goes on after an end.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from chaos_site import PATIENCE_S, Site, environment, places, site

from rt1t2_dask.storage.claims import LEASE_S
from rt1t2_dask.storage.parts import Lake, Part

KINDS = ("worker", "scheduler", "driver", "everything")
CHAIN = 10
PEOPLE_LEFT = 2
SHARED = ("template", "head")
MOST_DELAY_S = 0.3
DONE, RUN_FAULT, WRONG_INPUT = 0, 1, 2
SCANS = (
    "+cohort=psp",
    "source.voxel_mm=4",
    *("source.groups.PSP.n=2", "source.groups.PSP.n_male=1"),
    *("source.groups.HC.n=2", "source.groups.HC.n_male=1"),
    *("permute.n=20", "receptors.n_permutations=20", "report.mosaics=1"),
    "report.figures=false",
)
MAPS = (
    *("+cohort=psp", "source=maps", "contrast.min_group_n=2"),
    *("permute.n=600", "permute.statistic=[max_t,cluster]", "receptors.n_permutations=20"),
    *("smooth.fwhm_mm=8", "report.mosaics=1", "report.figures=false"),
)


class TornError(AssertionError):
    """What must never be: a part that is not what an undisturbed run makes."""


def undisturbed(folder: Path, study: Sequence[str]) -> Path:
    """Run the study once, or take the run that lies there."""
    whole = folder / "undisturbed"
    if not (whole / "done").exists():
        whole.mkdir(parents=True, exist_ok=True)
        words = [*study, *places(whole), "cluster=synchronous"]
        subprocess.run(
            [sys.executable, "-m", "rt1t2_dask", *words],
            cwd=whole, env=environment(), check=True, stderr=(whole / "log").open("wb"),
        )  # fmt: skip
        (whole / "done").touch()
    return whole


def sealed(lake: Lake) -> dict[Part, dict[str, object]]:
    """Checksums of every object of every part that has its marker."""
    stages = {name.rstrip("/") for name in lake.store.children("parts")}
    parts = [Part(stage, key) for stage in stages for key in lake.complete_keys(stage)]
    return {part: dict(lake.objects(part)) for part in parts}


def stamps(lake: Lake) -> dict[Part, float]:
    return {part: lake.store.entry(part.marker).modified for part in sealed(lake)}


def results(folder: Path) -> dict[str, bytes]:
    """The group results that were written."""
    return {path.name: path.read_bytes() for path in sorted((folder / "out/group").glob("*.*"))}


def shorten(lake: Lake, whole: Path) -> int:
    """Take out some people and all of the group; returns how many parts are left to do."""
    said = json.loads((whole / "out/provenance.json").read_text())
    people = list(said["parts"].values())[-PEOPLE_LEFT:]
    shared = {part for part in sealed(lake) if part.stage in SHARED}
    kept = {
        Part(stage, key)
        for parts in list(said["parts"].values())[:-PEOPLE_LEFT]
        for stage, key in parts.items()
    }
    gone = sorted(set(sealed(lake)) - kept - shared)
    assert {Part(stage, key) for parts in people for stage, key in parts.items()} <= set(gone)
    for part in gone:
        lake.delete(part)
    return len(gone)


def files(folder: Path) -> int:
    """How many files the lake and the output show, half-written ones too."""
    return sum(len(names) for top in ("lake/parts", "out") for _, _, names in os.walk(folder / top))


def check(lake: Lake, expected: dict[Part, dict[str, object]], before: dict[Part, float]) -> None:
    """Every marked part is whole and what an undisturbed run makes; none was made again."""
    now = stamps(lake)
    repeated = [part for part, when in before.items() if now.get(part) != when]
    if repeated:
        raise TornError(f"finished parts were made again: {repeated}")
    for part, objects in sealed(lake).items():
        if lake.verify(part) or objects != expected[part]:
            raise TornError(f"{part} differs: {lake.verify(part)}")


def wait_until(site: Site, goal: int) -> bool:
    """Wait for so many files; False when the driver ended first."""
    end = time.monotonic() + PATIENCE_S
    while site.runs("driver") and time.monotonic() < end:
        if files(site.folder) >= goal:
            return True
        time.sleep(0.002)
    return False


def chain(folder: Path, study: Sequence[str], kinds: Sequence[str], seed: int) -> dict[str, Any]:
    """Kill a study as often as there are `kinds`, then run it to its end."""
    whole = undisturbed(folder, study)
    rng = np.random.default_rng([seed, *map(KINDS.index, kinds)])
    work = folder / f"{'-'.join(dict.fromkeys(kinds))}-{seed}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    shutil.copytree(whole / "lake", work / "lake")
    lake, expected = Lake(str(work / "lake")), sealed(Lake(str(whole / "lake")))
    missing, before = shorten(lake, whole), stamps(lake)
    most = files(whole) - files(work)
    goals = files(work) + np.sort(rng.choice(np.arange(1, most), len(kinds), replace=False))
    hits, codes = [], []
    with site(work, study) as running:
        for kind, goal in zip(kinds, goals, strict=True):
            running.ensure()
            if not running.runs("driver"):
                running.drive()
            if not wait_until(running, int(goal)):
                break
            time.sleep(float(rng.uniform(0, MOST_DELAY_S)))
            if not running.runs("driver"):
                break
            running.kill_kind(kind, rng)
            hits.append(kind)
            if kind == "scheduler":
                codes.append(running.wait())
            check(lake, expected, before)
            before |= stamps(lake)
        finish(running)
    check(lake, expected, before)
    compare(work, whole, lake, expected)
    ended(codes, (work / "driver.log").read_text())
    return {"kills": len(hits), "kinds": hits, "parts": missing}


def ended(codes: Sequence[int], log: str) -> None:
    """A driver that lost its scheduler says so, unless it needed none any more.

    It ends with 2 where the scheduler went before it was reached: the address is then wrong.
    """
    allowed = {DONE, RUN_FAULT} | ({WRONG_INPUT} if "no scheduler answers there" in log else set())
    if set(codes) - allowed:
        raise TornError(f"a driver without its scheduler ended with {codes}")


def finish(running: Site) -> None:
    """Run to the end, without any more trouble."""
    if running.runs("driver"):
        running.wait()
    running.ensure()
    running.drive()
    code = running.wait()
    if "Traceback" in (running.folder / "driver.log").read_text():
        raise TornError(f"a bare traceback: see {running.folder / 'driver.log'}")
    if code:
        raise TornError(f"the last run ended with {code}: see {running.folder / 'driver.log'}")
    end = time.monotonic() + LEASE_S
    while list(running.folder.glob("lake/claims/*/*")) and time.monotonic() < end:
        time.sleep(0.2)


def compare(work: Path, whole: Path, lake: Lake, expected: dict[Part, dict[str, object]]) -> None:
    """The end is that of an undisturbed run, to the bit, and nobody claims anything."""
    if sealed(lake) != expected:
        raise TornError(f"parts differ: {set(sealed(lake)) ^ set(expected)}")
    if claims := [str(path) for path in work.glob("lake/claims/*/*")]:
        raise TornError(f"claims are left: {claims}")
    ours, theirs = results(work), results(whole)
    if differing := [name for name in ours | theirs if ours.get(name) != theirs.get(name)]:
        raise TornError(f"results differ: {differing}")


def chains(folder: Path, study: Sequence[str], kind: str, kills: int) -> dict[str, int]:
    """Kill until `kills` kills have hit a running study, those remembered included."""
    remembered = folder / f"{kind}.jsonl"
    done = (
        [json.loads(line) for line in remembered.read_text().splitlines()]
        if remembered.exists()
        else []
    )
    while sum(row["kills"] for row in done) < kills:
        left = kills - sum(row["kills"] for row in done)
        began = time.monotonic()
        row = chain(folder, study, [kind] * min(CHAIN, left), len(done))
        done.append(row | {"wall_s": round(time.monotonic() - began)})
        with remembered.open("a") as out:
            out.write(json.dumps(done[-1]) + "\n")
        sys.stdout.write(f"{kind}: {done[-1]}\n")
        sys.stdout.flush()
    return {"kills": sum(row["kills"] for row in done), "chains": len(done)}


def scans(folder: Path) -> tuple[str, ...]:
    """The study from simulated scans."""
    return (*SCANS, f"source.root={folder / 'simulated'}")


def maps(folder: Path) -> tuple[str, ...]:
    """The study from the ratio maps that an undisturbed run from scans wrote."""
    root = folder / "ready-made"
    if not (root / "participants.tsv").exists():
        written = undisturbed(folder, scans(folder)) / "out"
        root.mkdir(exist_ok=True)
        for path in written.glob("sub-*/anat/*_space-*_desc-ratio_T1wT2wratio.nii.gz"):
            shutil.copy(path, root / f"{path.name.partition('_')[0]}_T1wT2wratio.nii.gz")
        shutil.copy(folder / "simulated/participants.tsv", root / "participants.tsv")
    return (*MAPS, f"source.root={root}")


STUDIES = {"scans": scans, "maps": maps}


def main(words: Sequence[str] | None = None) -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", type=Path)
    asked.add_argument("--study", default="scans", choices=STUDIES)
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--of", nargs="+", default=KINDS, choices=KINDS)
    args = asked.parse_args(words)
    folder = args.folder.absolute()
    own = folder / args.study
    own.mkdir(parents=True, exist_ok=True)
    study = STUDIES[args.study](folder / "scans")
    done = {kind: chains(own, study, kind, args.kills) for kind in args.of}
    sys.stdout.write(json.dumps({args.study: done}) + "\n")


if __name__ == "__main__":
    main()
