"""Whole command lines over hostile datasets, settings and words.

``python commands.py FOLDER --count 500``: each ends with 0, 1 or 2, one line of ours where it is
not 0, no traceback, and no file outside its output folder and lake. Prints faults; JSON last.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import words
from cases import unsafe
from forked import Ended, run, warm
from image_readers import nifti_case
from mutators import Rng, spoilt
from text_readers import keys

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from studies_of_maps import COHORT, maps_words, write_maps_study

SECONDS, PROGRESS = 240.0, 25
MOST_BYTES = 3 << 30
OURS = "rt1t2-dask: "
# Caches of libraries, which they would make anywhere.
CACHES = (".cache", ".config", "__pycache__")


def table(folder: Path, rng: Rng) -> str:
    path = folder / "maps" / "participants.tsv"
    rows = [line.split("\t") for line in path.read_text(errors="replace").splitlines()] or [["x"]]
    path.write_bytes(words.written(words.changed_table(rows, rng), rng))
    return "table"


def cohort(folder: Path, rng: Rng) -> str:
    path = folder / "studies" / "cohort" / "small.yaml"
    path.write_bytes(words.yaml_text(COHORT.format(covariates="[age]", exclude="[]"), rng))
    return "cohort"


def image(folder: Path, rng: Rng) -> str:
    path = folder / "maps" / "sub-01_T1wT2wratio.nii.gz"
    path.write_bytes(
        nifti_case(rng).content if rng.random() < 0.6 else spoilt(path.read_bytes(), rng)
    )
    return "image"


def sidecars(folder: Path, rng: Rng) -> str:
    tree = {"sex": {"Levels": {"M": "male", "F": "female"}}, "simulated": True, "Name": "x"}
    for name in ("participants.json", "dataset_description.json"):
        (folder / "maps" / name).write_bytes(words.json_text(tree, rng))
    return "sidecars"


def lake(folder: Path, rng: Rng) -> str:
    """Spoil an object of the lake, or lay a strange file into it."""
    files = sorted(path for path in (folder / "lake").rglob("*") if path.is_file())
    path = files[int(rng.integers(len(files)))]
    if rng.random() < 0.2:
        (path.parent / str(words.pick(rng, (".DS_Store", "Thumbs.db", "x.json")))).write_bytes(b"x")
    else:
        path.write_bytes(spoilt(path.read_bytes(), rng))
    return f"lake {path.relative_to(folder / 'lake').parts[0]}"


def output(folder: Path, rng: Rng) -> str:
    """Spoil a file of an output folder that a run finds."""
    files = sorted(path for path in (folder / "out").rglob("*") if path.is_file())
    path = (
        files[int(rng.integers(len(files)))]
        if rng.random() < 0.5
        else folder / "out/provenance.json"
    )
    path.write_bytes(spoilt(path.read_bytes(), rng))
    return "output folder"


CHANGES: Sequence[Callable[[Path, Rng], str]] = (table, cohort, image, sidecars, lake, output)
ACTIONS = (
    ["check=true"], ["check=true"], ["dry_run=true"], [], [], ["lake=status"], ["lake=verify"],
    ["lake=gc", "dry_run=true"], ["share=export", "share.site=a"],
)  # fmt: skip


def command_line(folder: Path, rng: Rng) -> tuple[list[str], str]:
    """Spoil one to three things of a study; return a command line over it, and what was done."""
    done = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        done.append(CHANGES[int(rng.integers(len(CHANGES)))](folder, rng))
    action = ACTIONS[int(rng.integers(len(ACTIONS)))]
    base = [*maps_words(folder), "report.threshold_sensitivity=false", *action]
    if action[:1] and action[0].startswith("lake="):
        base = [*action, f"storage.url={folder / 'lake'}"]
    if rng.random() < 0.2:
        base = words.command_words(keys(), base, rng)
        done.append("words")
    return base, ", ".join([*done, " ".join(action)])


def fault_of(ended: Ended, before: dict[str, bytes], folder: Path) -> str | None:
    """Describe what is wrong with how a command line ended."""
    said = [line for line in ended.err.split("\n") if line]
    ours = [line for line in said if line.startswith(OURS)]
    if ended.code not in (0, 1, 2):
        return f"exit {ended.code}: {ended.err[-600:]}"
    if "Traceback" in ended.err + ended.out or "RT1T2_DEBUG" in ended.err:
        return f"an error of a library: {ended.err[-900:]}"
    if ended.code == 2 and len(ours) != 1 and not ended.out:
        return f"{len(ours)} lines of ours: {ended.err[-600:]}"
    if any(map(unsafe, [*said, *ended.out.split("\n")])):
        return f"control characters: {ended.err[-300:]!r}"
    if max(map(len, said), default=0) > 6000:
        return f"a line of {max(map(len, said))} characters: {ended.err[:200]!r}"
    after = outside(folder)
    if changed := sorted(n for n in before | after if before.get(n) != after.get(n)):
        return f"files outside the output folder: {changed[:5]}"
    return None


def outside(folder: Path) -> dict[str, bytes]:
    """Return every file that a run may not write: all but lake, outputs and its own words."""
    found = {}
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        mine = parts[0] in ("lake", "out") or path.name in ("stdout", "stderr")
        if path.is_file() and not mine and not set(parts) & set(CACHES):
            found["/".join(parts)] = path.read_bytes()
    return found


def finished(folder: Path) -> Path:
    """Run the sound study once; its lake and outputs lie in every hostile one."""
    whole = folder / "sound"
    if not (whole / "done").exists():
        whole.mkdir(parents=True, exist_ok=True)
        write_maps_study(whole, 6, 7)
        ended = run(maps_words(whole), whole)
        assert ended.code == 0, ended.err[-2000:]
        (whole / "done").touch()
    return whole


def tried(folder: Path, number: int, seed: int) -> dict[str, object] | None:
    """Try one command line; return its fault."""
    rng = np.random.default_rng([seed, 77, number])
    place = folder / "tried"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(finished(folder), place, ignore=shutil.ignore_patterns("std*", "done"))
    if rng.random() < 0.5:
        shutil.rmtree(place / "out" / "group")
    (place / "work").mkdir()
    (place / "tmp").mkdir()
    own, how = command_line(place, rng)
    before = outside(place)
    # What goes without saying in a command line: the folder it is given from.
    start = partial(run, own, place / "work", SECONDS, most_bytes=MOST_BYTES)
    ended = start(environment={"TMPDIR": str(place / "tmp")})
    shutil.rmtree(place / "work" / "outputs", ignore_errors=True)
    fault = fault_of(ended, before, place)
    known = {"number": number, "how": how, "code": ended.code, "wall_s": round(ended.wall_s, 1)}
    return known | {"fault": fault, "words": own if fault else []}


def main(asked_words: Sequence[str] | None = None) -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", type=Path)
    asked.add_argument("--count", type=int, default=10)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--first", type=int, default=0)
    args = asked.parse_args(asked_words)
    os.environ.pop("RT1T2_DEBUG", None)
    warm()
    began, codes, faults = time.monotonic(), Counter[str](), []
    for number in range(args.first, args.first + args.count):
        done = tried(args.folder.absolute(), number, args.seed)
        assert done is not None
        codes[str(done["code"])] += 1
        if (number + 1) % PROGRESS == 0:
            sys.stderr.write(f"{number + 1}: {dict(codes)}, {len(faults)} faults\n")
        if done["fault"]:
            faults.append(done)
            sys.stdout.write(json.dumps(done)[:3000] + "\n")
            sys.stdout.flush()
    total = {"count": args.count, "codes": dict(codes), "faults": len(faults),
             "wall_s": round(time.monotonic() - began)}  # fmt: skip
    sys.stdout.write(json.dumps(total) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
