"""A graph on a scheduler that is lost: the walk ends, whatever it waits for."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from test_cluster import SlowToSend, a_scheduler, a_worker, kill_once_begun

from rt1t2_dask.cluster.executors import open_cluster
from rt1t2_dask.cluster.graph import Node
from rt1t2_dask.config.study import Cluster
from rt1t2_dask.errors import RunError

pytestmark = pytest.mark.cluster
LOST = "connection to the scheduler was lost"
PATIENCE_S = 60


def slow(began: Path, *_: None) -> None:
    began.touch()
    time.sleep(3)


def chain(began: Path, n: int = 100) -> list[Node]:
    keys = [f"slow-{k:08x}" for k in range(n)]
    return [Node(key, slow, (began,), tuple(keys[max(0, k - 1) : k])) for k, key in enumerate(keys)]


@pytest.mark.heavy
@pytest.mark.parametrize("slow_to_send", [False, True])
def test_a_scheduler_lost_within_a_graph_ends_the_run(tmp_path, slow_to_send):
    """While a call runs, and while its value is read."""
    began = tmp_path / "began"
    nodes = [Node("send-0", SlowToSend, (began,))] if slow_to_send else chain(began)
    with a_scheduler(tmp_path) as (scheduler, address), a_worker(address) as cluster:
        killer = threading.Thread(target=kill_once_begun, args=(scheduler, began))
        killer.start()
        with pytest.raises(RunError, match=LOST), open_cluster(cluster) as executor:
            executor.walk(nodes, lambda key, value: None)
        killer.join(PATIENCE_S)


@pytest.mark.heavy
@pytest.mark.parametrize("seconds_after", [0.0, 2.0, 14.0])
def test_a_graph_is_refused_once_the_scheduler_is_lost(tmp_path, seconds_after):
    """Dask looks for the scheduler for 10 s and then gives up: before, during and after."""
    with (
        a_scheduler(tmp_path) as (scheduler, address),
        pytest.raises(RunError, match=LOST),
        open_cluster(Cluster(kind="address", address=address)) as executor,
    ):
        scheduler.kill()
        scheduler.wait()
        time.sleep(seconds_after)
        executor.walk(chain(tmp_path / "began"), lambda key, value: None)
