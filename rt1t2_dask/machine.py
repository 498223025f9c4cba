"""What the operating system knows of this machine and its processes: Linux, macOS, Windows."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from functools import cache
from pathlib import Path

import psutil

PROC = Path("/proc")
_MARK = re.compile(r"([0-9a-f]{6})-(\d+)-([0-9a-f]{6})")
# On Windows the same call would end the process that it asks about.
SIGNALS_ASK = os.name == "posix"


def memory_gigabytes() -> float:
    """Return the memory of this machine."""
    return float(psutil.virtual_memory().total) / 1e9


def cores() -> int:
    """Count the cores that this process may use; where the system does not tell, all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_running(pid: int, started: str) -> bool:
    """Return whether a process of this machine runs, and is the one that started then.

    Parameters
    ----------
    pid : int
        Its number, which others may have had before and may have later.
    started : str
        What `start_time` told of it.
    """
    if SIGNALS_ASK:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True  # another user's, of whom a system may hide all else
    return start_time(pid) == started


def host() -> str:
    """Return the name of this machine; of a container, which can share one, with its processes'."""
    try:
        space = str((PROC / "self" / "ns" / "pid").readlink())
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def mark() -> str:
    """Return a name of this process for files that are to go with it: letters, digits and -."""
    return _mark(os.getpid())


@cache
def _mark(pid: int) -> str:
    return f"{_short(host())}-{pid}-{_short(start_time(pid))}"


def has_ended(name: str) -> bool:
    """Return whether a name holds the mark of a process of this machine that runs no more."""
    found = _MARK.search(name)
    if found is None or found[1] != _short(host()):
        return False
    return _short(start_time(int(found[2]))) != found[3]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def start_time(pid: int) -> str:
    """Return when a process started, in words to be compared; "" where it has ended."""
    known = (PROC / "self" / "stat").exists()
    return _of_proc(PROC / str(pid) / "stat") if known else _of_system(pid)


def _of_proc(stat: Path) -> str:
    # In clock ticks since the start of the machine: unlike the time of day never set anew.
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    state, started = fields[0], fields[19]
    return "" if state in "ZX" else started


def _of_system(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return "" if ended else repr(process.create_time())
    except psutil.Error:
        return ""
