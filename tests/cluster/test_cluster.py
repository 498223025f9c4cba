"""Real worker processes, and the job scripts of batch systems as text."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from distributed import LocalCluster

from rt1t2_dask.cluster import open_cluster
from rt1t2_dask.cluster_environment import WORKER_ENVIRONMENT
from rt1t2_dask.cluster_jobs import job_script
from rt1t2_dask.config import Cluster
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.pipelines.reach import LakeReached


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


def test_a_worker_started_as_the_plan_says_does_not_watch_itself():
    with LocalCluster(n_workers=0, dashboard_address=None) as scheduler:
        cluster = Cluster(kind="address", address=scheduler.scheduler_address)
        script = job_script(cluster)
        assert script is not None
        here = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parent),
        }
        worker = subprocess.Popen(
            ["bash", "-c", script], env=os.environ | here, start_new_session=True
        )
        try:
            with open_cluster(cluster) as executor:
                assert_quiet(executor.submit(surroundings).result(timeout=60))
        finally:
            os.killpg(worker.pid, signal.SIGTERM)
            worker.wait(timeout=60)


def test_adaptive_processes_come_when_there_is_work(caplog):
    caplog.set_level("INFO", logger="rt1t2_dask.cluster")
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
    reached = LakeReached(str(tmp_path / "lake"), {})
    said = reached()
    assert said is not None
    assert "all machines share" in said
    reached.mark()
    assert reached() is None


@pytest.mark.skipif(find_spec("bokeh") is None, reason="bokeh is not installed")
def test_performance_report_is_saved_and_the_dashboard_is_named(tmp_path, caplog):
    caplog.set_level("INFO", logger="rt1t2_dask.cluster")
    path = tmp_path / "performance.html"
    chosen = Cluster(kind="local", workers=1, dashboard=True, performance_report=str(path))
    with open_cluster(chosen) as executor:
        executor.submit(process_id).result()
    assert "dashboard: http://127.0.0.1" in caplog.text
    assert "Dask Performance Report" in path.read_text()


@pytest.mark.skipif(find_spec("bokeh") is not None, reason="bokeh is installed")
def test_without_bokeh_it_is_said_what_to_install():
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
    pytest.importorskip("dask_jobqueue")
    script = job_script(
        Cluster(
            kind=kind,
            memory_gb=4,
            queue="short",
            account="brain",
            walltime="02:30:00",
            prologue=("module load python/3.11",),
            directives=("--exclusive",),
        )
    )
    assert script is not None
    for line in [*lines, "module load python/3.11", "--exclusive", "OMP_NUM_THREADS=1"]:
        assert line in script
    worker = script.index("distributed.cli.dask_worker")
    assert script.index("OMP_NUM_THREADS=1") < worker
    assert "--nthreads 1" in script[worker:]


def test_only_batch_systems_have_a_job_script():
    assert job_script(Cluster(kind="local")) is None


def test_kubernetes_needs_an_image():
    with (
        pytest.raises(UserError, match=r"cluster\.image is missing"),
        open_cluster(Cluster(kind="kubernetes")),
    ):
        pass
