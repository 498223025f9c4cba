"""One process makes a part; the dead do not hold it, the living are waited for."""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from rt1t2_dask.storage import claims
from rt1t2_dask.storage.claims import live_claims, release_dead
from rt1t2_dask.storage.parts import Lake

SPAWN = multiprocessing.get_context("spawn")


def make(url, options, part, volume, seconds, made):
    lake = Lake(url, options)
    with lake.claim(part) as mine:
        if mine:
            made.put(os.getpid())
            time.sleep(seconds)
            lake.write(part, volume, record={})


def worker(lake, part, volume, seconds, made):
    arguments = (lake.store.url, lake.store.options, part, volume, seconds, made)
    process = SPAWN.Process(target=make, args=arguments)
    process.start()
    return process


def drained(queue):
    found = []
    while not queue.empty():
        found.append(queue.get())
    return found


def test_two_processes_make_a_part_once(lake, part, volume):
    made = SPAWN.Queue()
    processes = [worker(lake, part, volume, 0.5, made) for _ in range(3)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(drained(made)) == 1
    assert lake.verify(part) == []
    assert live_claims(lake.store) == set()


def test_a_killed_holder_is_followed_at_once(lake, part, volume):
    made = SPAWN.Queue()
    doomed = worker(lake, part, volume, 600, made)
    assert made.get(timeout=60) == doomed.pid
    assert live_claims(lake.store) == {f"{part.stage}/{part.key}"}
    os.kill(doomed.pid, signal.SIGKILL)
    start = time.monotonic()
    with lake.claim(part) as mine:
        assert mine
        assert time.monotonic() - start < claims.LEASE_S / 2
        lake.write(part, volume, record={})
    doomed.join()
    assert live_claims(lake.store) == set()
    assert lake.verify(part) == []


def other_host(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "another-host")


def test_a_claim_of_a_dead_host_ends_with_its_lease(lake, part, monkeypatch):
    with monkeypatch.context() as patch:
        other_host(patch)
        abandoned = claims._Claim(lake.store, f"{part.stage}/{part.key}", 0, lease_s=1.0)
        assert abandoned.create()
    start = time.monotonic()
    with lake.claim(part) as mine:
        assert mine
    assert 1.0 <= time.monotonic() - start < claims.LEASE_S / 2
    assert live_claims(lake.store) == set()


def test_a_beating_claim_outlives_its_lease(lake, part, volume, monkeypatch):
    holding, result = threading.Event(), []

    def hold():
        with lake.claim(part, lease_s=2.0) as mine:
            result.append(mine)
            holding.set()
            time.sleep(4.5)
            lake.write(part, volume, record={})

    with monkeypatch.context() as patch:
        other_host(patch)
        holder = threading.Thread(target=hold)
        holder.start()
        assert holding.wait(30)
    with lake.claim(part) as mine:
        result.append(mine)
    holder.join()
    assert result == [True, False]


def test_a_failed_holder_lets_the_next_try(lake, part):
    with pytest.raises(ZeroDivisionError), lake.claim(part) as mine:
        assert mine
        raise ZeroDivisionError
    with lake.claim(part) as mine:
        assert mine


def test_a_complete_part_needs_no_claim(lake, part, volume):
    lake.write(part, volume, record={})
    with lake.claim(part) as mine:
        assert not mine
        assert live_claims(lake.store) == set()


def test_only_one_waiter_takes_a_dead_claim_over(lake, part, volume, monkeypatch):
    with monkeypatch.context() as patch:
        other_host(patch)
        assert claims._Claim(lake.store, f"{part.stage}/{part.key}", 0, lease_s=0.5).create()
    taken = []

    def take():
        with lake.claim(part) as mine:
            if mine:
                taken.append(threading.get_ident())
                time.sleep(0.3)
                lake.write(part, volume, record={})

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert live_claims(lake.store) == set()


def test_claims_of_the_dead_are_cleared(lake, part, monkeypatch):
    def claim(name, lease_s=600.0):
        held = claims._Claim(lake.store, name, 0, lease_s)
        assert held.create()
        return held

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    claim("a/alive")
    with monkeypatch.context() as patch:
        other_host(patch)
        claim("a/elsewhere")
        claim("a/silent", lease_s=-600)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: ended.pid)
        claim("a/killed")
    assert release_dead(lake.store) == {"a/silent", "a/killed"}
    assert live_claims(lake.store) == {"a/alive", "a/elsewhere"}
    assert {path.partition("/")[0] for path in lake.store.list()} == {"claims"}


def test_an_unreadable_claim_ends_with_the_usual_lease(lake, part, monkeypatch):
    monkeypatch.setattr(claims, "LEASE_S", 0.5)
    lake.store.write(f"claims/{part.stage}/{part.key}.0", b'{"tok')
    start = time.monotonic()
    with lake.claim(part) as mine:
        assert mine
        assert time.monotonic() - start >= 0.5


def test_a_number_of_a_process_that_runs_again_is_not_alive(lake, part):
    claim = claims._Claim(lake.store, "a/b", 0, lease_s=600)
    stranger = json.loads(claim._content()) | {"started": "1"}
    assert claims._Watch().is_dead(0, json.dumps(stranger).encode())
    assert not claims._Watch().is_dead(0, claim._content())
