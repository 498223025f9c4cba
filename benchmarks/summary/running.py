"""Run programs one by one, each in a process of its own, and keep what they said."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from summary.figures import parsed
from summary.programs import TOP, Program

Record = dict[str, Any]
ROOT = TOP.parent


def run_all(programs: Iterable[Program], into: Path, *, quick: bool) -> list[Record]:
    """Run each program; one that fails does not stop the rest."""
    return [run(program, into, quick=quick) for program in programs]


def run(program: Program, into: Path, *, quick: bool) -> Record:
    """Run one program; its output goes to ``<name>.log``, its figures to ``<name>.json``."""
    lacking, log = program.lacks(quick=quick), into / f"{program.name}.log"
    began = time.perf_counter()
    if lacking:
        code, found = None, []
    else:
        print(f"{program.name}: {log}", flush=True)
        code = _logged(program.command(into, quick=quick), log)
        found = parsed(program.name, log.read_text())
    record: Record = {
        "program": program.name,
        "state": f"needs {', '.join(lacking)}" if lacking else state(code, found),
        "quick": quick,
        "wall_s": round(time.perf_counter() - began, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs",
        "figures": [figure.row() for figure in found],
    }
    (into / f"{program.name}.json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"{program.name}: {record['state']}, {record['wall_s']:g} s", flush=True)
    return record


def state(code: int | None, found: list[Any]) -> str:
    """Return how a run ended."""
    if code:
        return f"failed with exit code {code}"
    return "done" if found else "no figures"


def kept(into: Path) -> list[Record]:
    """Read the records that a folder holds, of this run and of earlier ones."""
    records = [json.loads(path.read_text()) for path in sorted(into.glob("*.json"))]
    return [record for record in records if "program" in record]


def _logged(command: list[str], log: Path) -> int:
    with log.open("w") as out:
        done = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, check=False)
    return done.returncode


def _commit() -> str:
    words = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
