"""Real worker processes, and the job scripts of batch systems as text."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import Client

from rt1t2_dask.cluster.environment import WORKER_ENVIRONMENT
from rt1t2_dask.cluster.executors import open_cluster
from rt1t2_dask.cluster.jobs import _job, job_script
from rt1t2_dask.cluster.script import script
from rt1t2_dask.config.study import Cluster
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.pipelines.engine.access import LakeAccess


def process_id() -> int:
    return os.getpid()


def surroundings() -> tuple[bool, str, dict[str, str]]:
    import dask

    stacks, tick = (
        dask.config.get(f"distributed.{name}")
        for name in ("worker.profile.enabled", "admin.tick.interval")
    )
    return bool(stacks), str(tick), dict(os.environ)


def assert_quiet(found: tuple[bool, str, dict[str, str]]) -> None:
    stacks, tick, environment = found
    assert not stacks
    assert tick == "500ms"
    assert environment.items() >= WORKER_ENVIRONMENT.items()
    assert "MALLOC_TRIM_THRESHOLD_" not in environment


class Lacking:
    def __call__(self) -> str | None:
        return "no credentials were found"


def test_work_is_done_in_another_process():
    with open_cluster(Cluster(kind="local", workers=1)) as executor:
        assert executor.submit(process_id).result() != os.getpid()


@pytest.mark.parametrize("adaptive", [False, True])
def test_workers_do_not_watch_themselves(adaptive):
    with open_cluster(Cluster(kind="local", workers=1, adaptive=adaptive)) as executor:
        assert_quiet(executor.submit(surroundings).result(timeout=60))


def test_a_worker_started_as_the_plan_says_does_not_watch_itself(tmp_path):
    with (
        a_scheduler(tmp_path) as (_, address),
        a_worker(address) as cluster,
        open_cluster(cluster) as executor,
    ):
        assert_quiet(executor.submit(surroundings).result(timeout=60))


def environment() -> dict[str, str]:
    """Ours, where this module and the program's commands are found."""
    here = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    return os.environ | here


def wait_until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not there() and time.monotonic() < end:
        time.sleep(0.1)


@contextmanager
def a_scheduler(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    said = folder / "scheduler.json"
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(said)]
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", *words], env=environment()
    )
    try:
        wait_until(lambda: said.exists() and said.read_text().strip().endswith("}"))
        yield scheduler, json.loads(said.read_text())["address"]
    finally:
        scheduler.kill()
        scheduler.wait()


@contextmanager
def a_worker(address: str) -> Iterator[Cluster]:
    cluster = Cluster(kind="address", address=address)
    script = job_script(cluster)
    assert script is not None
    worker = subprocess.Popen(["bash", "-c", script], env=environment(), start_new_session=True)
    try:
        yield cluster
    finally:
        os.killpg(worker.pid, signal.SIGTERM)
        worker.wait(timeout=60)


class SlowToSend:
    def __init__(self, began: Path) -> None:
        self.began = began

    def __reduce__(self) -> tuple[type, tuple[str]]:
        self.began.touch()
        time.sleep(6)
        return str, ("sent",)


@pytest.mark.heavy
@pytest.mark.parametrize("report", [None, "performance.html"])
def test_a_scheduler_lost_while_a_result_is_read_ends_the_run(tmp_path, report):
    began = tmp_path / "began"
    asked = {"performance_report": report and str(tmp_path / report)}
    with (
        a_scheduler(tmp_path) as (scheduler, address),
        a_worker(address) as cluster,
        pytest.raises(RunError, match="connection to the scheduler was lost"),
        open_cluster(cluster.model_copy(update=asked)) as executor,
    ):
        answer = executor.submit(SlowToSend, began)
        kill_once_begun(scheduler, began)
        answer.result(timeout=30)


def test_dask_writes_nothing_of_a_broken_connection(tmp_path):
    """Its own modules put tracebacks into the user's log, some of them as mere information."""
    with (
        a_scheduler(tmp_path) as (_, address),
        open_cluster(Cluster(kind="address", address=address)),
    ):
        for name in ("batched", "client", "comm.tcp", "core", "worker"):
            assert not logging.getLogger(f"distributed.{name}").isEnabledFor(logging.ERROR)


class SlowCheck:
    def __init__(self, began: Path) -> None:
        self.began = began

    def __call__(self) -> str | None:
        self.began.touch()
        time.sleep(6)
        return None


def kill_once_begun(scheduler: subprocess.Popen[bytes], began: Path) -> None:
    wait_until(began.exists)
    scheduler.kill()


def test_a_scheduler_lost_while_workers_are_checked_ends_the_run(tmp_path):
    began = tmp_path / "began"
    with a_scheduler(tmp_path) as (scheduler, address), a_worker(address) as cluster:
        with Client(address) as client:
            client.wait_for_workers(1, timeout=60)
        killer = threading.Thread(target=kill_once_begun, args=(scheduler, began))
        killer.start()
        with (
            pytest.raises(RunError, match="connection to the scheduler was lost"),
            open_cluster(cluster, SlowCheck(began)),
        ):
            pass
        killer.join()


@pytest.mark.parametrize("seconds_after", [0.0, 2.0, pytest.param(14.0, marks=pytest.mark.heavy)])
def test_work_is_refused_once_the_scheduler_is_lost(tmp_path, seconds_after):
    """Dask looks for the scheduler for 10 s and then gives up: before, during and after."""
    with (
        a_scheduler(tmp_path) as (scheduler, address),
        pytest.raises(RunError, match="connection to the scheduler was lost"),
        open_cluster(Cluster(kind="address", address=address)) as executor,
    ):
        scheduler.kill()
        scheduler.wait()
        time.sleep(seconds_after)
        executor.submit(process_id).result(timeout=30)


def test_adaptive_processes_come_when_there_is_work(caplog):
    caplog.set_level("INFO", logger="rt1t2_dask.cluster.executors")
    with open_cluster(Cluster(kind="local", workers=1, adaptive=True)) as executor:
        assert executor.submit(process_id).result(timeout=60) != os.getpid()
    assert "at most 1 worker" in caplog.text


def test_a_worker_that_lacks_something_is_named():
    local = Cluster(kind="local", workers=1)
    with (
        pytest.raises(RunError, match=r"1 workers cannot work; tcp://127.0.0.1:\d+: no credent"),
        open_cluster(local, Lacking()),
    ):
        pass


def test_a_worker_without_the_lake_says_what_to_share(tmp_path):
    reached = LakeAccess(str(tmp_path / "lake"), {})
    said = reached()
    assert said is not None
    assert "shared by all machines" in said
    reached.mark()
    assert reached() is None


def test_performance_report_is_saved_and_the_dashboard_is_named(tmp_path, caplog):
    caplog.set_level("INFO", logger="rt1t2_dask.cluster.executors")
    path = tmp_path / "performance.html"
    chosen = Cluster(kind="local", workers=1, dashboard=True, performance_report=str(path))
    with open_cluster(chosen) as executor:
        executor.submit(process_id).result()
    assert "dashboard: http://127.0.0.1" in caplog.text
    assert "Dask Performance Report" in path.read_text()


def test_without_bokeh_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr("rt1t2_dask.cluster.executors.find_spec", lambda name: None)
    with (
        pytest.raises(UserError, match=r"rt1t2-dask\[dashboard\]"),
        open_cluster(Cluster(kind="local", workers=1, dashboard=True)),
    ):
        pass


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (
            "slurm",
            ["#SBATCH -p short", "#SBATCH -A brain", "#SBATCH -t 02:30:00", "#SBATCH --mem=4G"],
        ),
        ("pbs", ["#PBS -q short", "#PBS -A brain", "#PBS -l walltime=02:30:00", "mem=3815MB"]),
    ],
)
def test_job_scripts_hold_what_was_asked(kind, lines):
    script = job_script(asked(kind))
    assert script is not None
    for line in [*lines, "module load python/3.11", "--exclusive", "OMP_NUM_THREADS=1"]:
        assert line in script
    worker = script.index("distributed.cli.dask_worker")
    assert script.index("OMP_NUM_THREADS=1") < worker
    assert "--nthreads 1" in script[worker:]


def asked(kind: str, **more: object) -> Cluster:
    words: dict[str, object] = {
        "kind": kind,
        "memory_gb": 4,
        "queue": "short",
        "account": "brain",
        "walltime": "02:30:00",
        "prologue": ("module load python/3.11",),
        "directives": ("--exclusive",),
    }
    return Cluster.model_validate(words | more)


@pytest.mark.parametrize("kind", ["slurm", "pbs"])
@pytest.mark.parametrize("memory_gb", [None, 0.005, 0.02, 0.5, 4, 11, 250])
@pytest.mark.parametrize("queue", [None, "short"])
def test_a_job_is_written_as_dask_jobqueue_would(kind, memory_gb, queue, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    monkeypatch.delenv("PBS_ACCOUNT", raising=False)
    cluster = asked(kind, memory_gb=memory_gb, queue=queue, account=None)
    assert script(kind, _job(cluster)) == job_script(cluster)


@pytest.mark.parametrize("kind", ["slurm", "pbs"])
def test_a_plan_needs_no_dask_jobqueue_and_a_run_does(kind):
    """In a process of its own, where the package cannot be imported."""
    code = f"""
import importlib.util, sys
sys.modules["dask_jobqueue"] = None
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "dask_jobqueue" else find(name, *a)
from rt1t2_dask.cluster.jobs import job_script, require_jobs
from rt1t2_dask.config.study import Cluster
from rt1t2_dask.errors import UserError
print(job_script(Cluster(kind="{kind}", queue="short")))
try:
    require_jobs(Cluster(kind="{kind}"))
except UserError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "short" in done
    assert "distributed.cli.dask_worker" in done
    assert "pip install 'rt1t2-dask[jobqueue]'" in done


def test_only_batch_systems_have_a_job_script():
    assert job_script(Cluster(kind="local")) is None


def test_kubernetes_needs_an_image():
    with (
        pytest.raises(UserError, match=r"cluster\.image is missing"),
        open_cluster(Cluster(kind="kubernetes")),
    ):
        pass
