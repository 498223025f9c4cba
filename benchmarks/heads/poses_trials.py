"""Is a head taken, and what is no head refused? Real heads seen otherwise, painted ones, things.

Every trial runs the steps that may refuse: a first look, the check of contrasts, the bias field,
the pose and its judgement; for pairs the rigid registration and its checks. Numbers of each trial
are kept in a file, one JSON a line: run again, it goes on, and judges anew by the present limits.

    python -m benchmarks.heads.poses_trials TRIALS.jsonl [most trials]
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from heads import poses_scans as scans
from heads.template_head import Head, built_head, template_head
from summary.figures import conclude

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.bias import correct
from rt1t2_dask.images.brain import mask as brain
from rt1t2_dask.images.brain.foreground import foreground
from rt1t2_dask.images.quality import qc
from rt1t2_dask.images.registration import coregister, mirror
from rt1t2_dask.images.registration.head_pose import Pose
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Volume

HEADS = {"installed": template_head, "built": built_head}
THINGS_EACH = 6
Record = dict[str, Any]


def trials() -> Iterator[tuple[str, str, str]]:
    """Name every trial: what, how it is seen, which template head."""
    for head in HEADS:
        for name in scans.REAL:
            for view in scans.WHOLE:
                yield name, view, head
    for k in range(1, scans.PAINTED + 1):
        for j, view in enumerate(scans.WHOLE):
            yield f"label{k}", view, list(HEADS)[(k + j) % 2]
    for thing in scans.THINGS:
        for k in range(THINGS_EACH):
            yield f"{thing} {k}", "thing", list(HEADS)[k % 2]
    for j, name in enumerate(scans.REAL):
        for k, wrong in enumerate(("T2w twice", "nothing a", "nothing b", "swapped", "mirrored")):
            yield name, wrong, list(HEADS)[(j + k) % 2]


def shuffled(every: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Mix the trials in runs of three, so that a part of them stands for the whole."""
    runs = [every[k : k + 3] for k in range(0, len(every), 3)]
    order = np.random.default_rng(0).permutation(len(runs))
    return [trial for k in order for trial in runs[k]]


def numbers_of(name: str, view: str, head: str) -> Record:
    """Run one trial: the numbers it is judged by, or why it was refused before."""
    rng = np.random.default_rng(zlib.crc32(f"{name}/{view}".encode()))
    try:
        t1w, t2w = _scans(name, view, rng)
        looks = [qc.inspect(scan, "scan") for scan in (t1w, t2w)]
        if name in scans.REAL or name.startswith("label"):
            qc.check_contrasts(*looks)
        if view in ("mirrored", "swapped"):
            found = coregister.rigid(t1w, t2w)
            mirror.check_not_mirrored(
                mirror.compare_mirrored(*coregister.working_pair(t1w, t2w), found.matrix)
            )
        return _pose(t1w, HEADS[head]())
    except (SubjectError, RuntimeError, ValueError) as error:
        return {"refused": f"{type(error).__name__}: {error}"[:160]}


def _scans(name: str, view: str, rng: np.random.Generator) -> scans.Pair:
    if view == "thing":
        scan = scans.THINGS[name.split()[0]](rng)
        return scan, scan
    t1w, t2w = scans.pair(name)
    if view in scans.WHOLE:
        return scans.WHOLE[view](t1w, rng), t2w
    if view == "mirrored":
        return t1w, t2w.with_data(np.ascontiguousarray(t2w.data[::-1]))
    if view == "swapped":
        return t2w, t1w
    if view == "T2w twice":
        return scans.turned_anyhow(t2w, rng), t2w
    return scans.next_to_nothing(t1w, rng), t2w


def _pose(t1w: Volume, head: Head) -> Record:
    flat = correct(t1w, foreground(t1w)).corrected
    found = brain.register(flat, head.t1w, head.brain)
    return {
        "similarity": found.pose.similarity,
        "rival": found.pose.rival,
        "ncc": found.ncc,
        "reach": found.reach,
        "matrix": found.pose.matrix.tolist(),
    }


def refused(record: Record) -> str:
    """Say why a trial is refused by the present limits; empty if it is taken."""
    if "refused" in record:
        return str(record["refused"])
    pose = Pose(np.array(record["matrix"]), record["similarity"], record["rival"])
    found = brain.Registered(pose, Warp(pose.matrix), record["ncc"], record["reach"])
    return "; ".join(found.doubts())


def summary(records: list[Record]) -> dict[str, float]:
    """Count false refusals (of whole heads) and false acceptances (of all else)."""
    whole = [r for r in records if r["view"] in scans.WHOLE]
    other = [r for r in records if r["view"] not in scans.WHOLE]
    lost, taken = [r for r in whole if refused(r)], [r for r in other if not refused(r)]
    for word, rows in (("REFUSED", lost), ("TAKEN", taken)):
        for r in rows:
            print(word, r["name"], r["view"], r["head"], refused(r))
    return {
        "whole_heads": len(whole),
        "false_refusals_n": len(lost),
        "false_refusals": len(lost) / max(len(whole), 1),
        "others": len(other),
        "false_acceptances_n": len(taken),
        "false_acceptances": len(taken) / max(len(other), 1),
        "cpu_s_median": float(np.median([r["cpu_s"] for r in records])),
    }


def main(file: Path, most: int) -> None:
    """Run what is not in the file yet, then judge everything in it."""
    records = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    done = {(r["name"], r["view"], r["head"]) for r in records}
    todo = [trial for trial in shuffled(list(trials())) if trial not in done][:most]
    with file.open("a") as out:
        for name, view, head in todo:
            start = time.process_time()
            record: Record = {"name": name, "view": view, "head": head} | numbers_of(
                name, view, head
            )
            record["cpu_s"] = round(time.process_time() - start, 2)
            records.append(record)
            print(json.dumps(record), file=out, flush=True)
            print(f"{name}, {view}, {head}: {refused(record) or 'taken'}", flush=True)
    conclude("poses_trials", summary(records))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
