"""Read spoilt files of every kind, each under a limit of time and memory.

``python fuzz.py --cases 100000 --seed 0``: the same seed gives the same cases. Batches run in
forked processes, so that a crash, a hang or an appetite for memory is one case's fault and not the
end. Prints a line a reader, then every fault with the words that make it again; JSON last.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import resource
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
from cases import Case, Reader, fault_of, told

BATCH = 200
MOST_BYTES_MORE = 1 << 30
HANG_S = 120.0
FAULTS_KEPT = 40
_NUMBER = struct.Struct("<q")


def case_of(reader: Reader, seed: int, number: int) -> Case:
    """Return one case: it depends on nothing but these."""
    return reader.make(np.random.default_rng([seed, crc32(reader.name.encode()), number]))


def limited() -> None:
    """Allow this process a gigabyte more than it has, and no core dump."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MOST_BYTES_MORE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def work(reader: Reader, seed: int, first: int, stop: int, beat: mmap.mmap, out: int) -> None:
    """Try cases in a child; writes a line of JSON for each fault."""
    limited()
    sound = None if reader.sound is None else told(reader.read(reader.sound))
    for number in range(first, stop):
        beat[:8] = _NUMBER.pack(number)
        case = case_of(reader, seed, number)
        fault = fault_of(reader, case, sound)
        if fault:
            said = {"number": number, "how": case.how, "fault": fault}
            os.write(out, (json.dumps(said) + "\n").encode())


def batch(reader: Reader, seed: int, first: int, stop: int) -> list[dict[str, object]]:
    """Try cases; what kills or stops a child is its case's fault, and the rest goes on."""
    faults: list[dict[str, object]] = []
    while first < stop:
        beat = mmap.mmap(-1, 8)
        beat[:8] = _NUMBER.pack(first)
        ended, lines = _child(reader, seed, first, stop, beat)
        faults += [json.loads(line) for line in lines if line]
        if not ended:
            break
        number = _NUMBER.unpack(beat[:8])[0]
        how = case_of(reader, seed, number).how
        faults.append({"number": number, "how": how, "fault": ended})
        first = number + 1
    return faults


def _child(
    reader: Reader, seed: int, first: int, stop: int, beat: mmap.mmap
) -> tuple[str, list[bytes]]:
    into, out = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(into)
        code = 1
        try:
            work(reader, seed, first, stop, beat, out)
            code = 0
        finally:
            os._exit(code)
    os.close(out)
    with os.fdopen(into, "rb") as pipe:
        os.set_blocking(pipe.fileno(), False)
        ended, said = _watched(child, pipe.fileno(), beat)
    return ended, said.split(b"\n")


def _watched(child: int, pipe: int, beat: mmap.mmap) -> tuple[str, bytes]:
    """Wait for a child; kills it where it stands still."""
    said, seen, since = b"", b"", time.monotonic()
    while True:
        said += _available(pipe)
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            said += _available(pipe)
            code = os.waitstatus_to_exitcode(status)
            return ("" if code == 0 else f"the process ended with {code}"), said
        if beat[:8] != seen:
            seen, since = beat[:8], time.monotonic()
        if time.monotonic() - since > HANG_S:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return f"stood still for {HANG_S:g} s", said
        time.sleep(0.005)


def _available(pipe: int) -> bytes:
    said = b""
    try:
        while data := os.read(pipe, 1 << 16):
            said += data
    except BlockingIOError:
        pass
    return said


def tried(reader: Reader, seed: int, cases: int, first: int = 0) -> dict[str, object]:
    """Try a reader with so many cases."""
    began, faults = time.monotonic(), []
    for start in range(first, first + cases, BATCH):
        faults += batch(reader, seed, start, min(start + BATCH, first + cases))
    kinds = Counter(str(fault["fault"])[:60] for fault in faults)
    return {
        "reader": reader.name,
        "cases": cases,
        "wall_s": round(time.monotonic() - began, 1),
        "faults": len(faults),
        "kinds": dict(kinds.most_common(12)),
        "first": faults[:FAULTS_KEPT],
    }


def shares(readers: Sequence[Reader], cases: int) -> dict[str, int]:
    """Divide cases among readers, at least one each."""
    total = sum(reader.share for reader in readers)
    return {reader.name: max(1, round(cases * reader.share / total)) for reader in readers}


def main(words: Sequence[str] | None = None) -> int:
    from every_reader import readers

    asked = argparse.ArgumentParser()
    asked.add_argument("--cases", type=int, default=3000)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--first", type=int, default=0)
    asked.add_argument("--of", nargs="+", default=[])
    args = asked.parse_args(words)
    every = readers()
    chosen = [r for r in every if not args.of or any(r.name.startswith(own) for own in args.of)]
    numbers = shares(chosen, args.cases)
    done = []
    for reader in chosen:
        done.append(tried(reader, args.seed, numbers[reader.name], args.first))
        sys.stdout.write(json.dumps({k: v for k, v in done[-1].items() if k != "first"}) + "\n")
        sys.stdout.flush()
    total = {"cases": sum(numbers.values()), "faults": sum(int(str(d["faults"])) for d in done)}
    sys.stdout.write(json.dumps(total | {"found": [d for d in done if d["faults"]]}) + "\n")
    return 1 if total["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
