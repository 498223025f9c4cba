"""SIGKILL at any moment of a write leaves a part whole or absent, and a rerun completes it."""

import multiprocessing
import signal
import time

import numpy as np
import pytest

from rt1t2_dask.storage.claims import release_dead
from rt1t2_dask.storage.parts import Lake, Part

SPAWN = multiprocessing.get_context("spawn")
PARTS = [Part("smooth", f"{number:032x}") for number in range(6)]


def write_all(url, options, volume, started):
    lake = Lake(url, options)
    started.set()
    for number, part in enumerate(PARTS):
        with lake.claim(part) as mine:
            if mine:
                lake.write(part, volume + number, record={"number": number})


@pytest.fixture
def undisturbed(tmp_path, volume):
    lake = Lake(str(tmp_path / "undisturbed"))
    write_all(lake.store.url, {}, volume, multiprocessing.Event())
    return {part: lake.objects(part) for part in PARTS}


def kill_after(lake, volume, objects):
    """Kill a writer as soon as the lake shows this many objects more; False if it was done."""
    goal = objects + sum(1 for _ in lake.store.entries("parts"))
    started = SPAWN.Event()
    arguments = (lake.store.url, lake.store.options, volume, started)
    writer = SPAWN.Process(target=write_all, args=arguments)
    writer.start()
    started.wait(60)
    while writer.is_alive() and sum(1 for _ in lake.store.entries("parts")) < goal:
        time.sleep(0.002)
    writer.kill()
    writer.join()
    return writer.exitcode == -signal.SIGKILL


@pytest.mark.heavy
@pytest.mark.slow
def test_killed_writers_leave_whole_parts_only(lake, volume, undisturbed):
    rng = np.random.default_rng(11)
    interrupted = []
    for objects in rng.integers(1, 30, 4):
        kept = {part for part in PARTS if lake.is_complete(part)}
        killed = kill_after(lake, volume, int(objects))
        complete = {part for part in PARTS if lake.is_complete(part)}
        interrupted.append(killed and len(complete) < len(PARTS))
        assert kept <= complete
        for part in complete:
            assert lake.verify(part) == []
            assert lake.objects(part) == undisturbed[part]
        unmarked, *gone = rng.permutation(len(PARTS))[:3]
        lake.store.delete(PARTS[unmarked].marker)
        for number in gone:
            lake.delete(PARTS[number])
    assert any(interrupted)
    write_all(lake.store.url, lake.store.options, volume, SPAWN.Event())
    assert {part: lake.objects(part) for part in PARTS} == undisturbed
    assert [line for part in PARTS for line in lake.verify(part)] == []
    release_dead(lake.store)
    assert list(lake.store.list("claims")) == []
