"""What is asked of the operating system is asked in one module, on every system."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from checkouts import ROOT

from rt1t2_dask import machine

ALONE = r"os\.(sysconf|kill|getpgid|fork|uname|sched_getaffinity)\b|import (fcntl|pwd|resource)\b"


def test_no_other_module_asks_what_some_systems_lack():
    tops = ("rt1t2_dask", "pipelines", "storage")
    found = {
        path.relative_to(ROOT).as_posix()
        for top in tops
        for path in (ROOT / top).rglob("*.py")
        if re.search(ALONE, path.read_text())
    }
    assert found == {"rt1t2_dask/machine.py"}


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="POSIX alone")
def test_memory_is_what_posix_says():
    said = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    assert machine.memory_gigabytes() == pytest.approx(said, rel=0.02)
    assert 1 <= machine.cores() <= (os.cpu_count() or 1)


@pytest.fixture(params=["proc", "no_proc", "no_signals"])
def system(request, monkeypatch) -> str:
    """A system with /proc, one without, and one whose signals end processes."""
    if request.param != "proc":
        monkeypatch.setattr(machine, "PROC", Path("/no/such/folder"))
    if request.param == "no_signals":
        monkeypatch.setattr(machine, "SIGNALS_ASK", False)
    return request.param


def test_a_process_runs_until_it_has_ended(system):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = machine.start_time(child.pid)
        assert started
        assert machine.is_running(child.pid, started)
        assert not machine.is_running(child.pid, "another start")
        child.kill()
        while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        assert not machine.is_running(child.pid, started)  # not yet waited for
    assert not machine.is_running(child.pid, started)
    assert machine.start_time(child.pid) == ""


def test_this_process_runs(system):
    assert machine.is_running(os.getpid(), machine.start_time(os.getpid()))
