"""Permutations as parts: blocks, batches, early stop, and workers that die."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from distributed import Client

from rt1t2_dask.cluster.dask_executor import ScheduledExecutor
from rt1t2_dask.cluster.graph import GraphExecutor, SerialExecutor
from rt1t2_dask.config.study import Permute
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.engine.task import Inputs, Parents
from rt1t2_dask.pipelines.engine.volumes import to_array, to_volume
from rt1t2_dask.pipelines.engine.work import run_tasks
from rt1t2_dask.pipelines.permutations.data import Memory, Residualised
from rt1t2_dask.pipelines.permutations.plan import permute_tasks
from rt1t2_dask.pipelines.voxelwise.plan import plan_copy
from rt1t2_dask.stats.design import Design, two_sample
from rt1t2_dask.stats.glm import fit as glm
from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Lake, Part

GROUPS = ["a"] * 6 + ["b"] * 7
NAMES = ("null_positive", "null_negative", "null_extent", "null_mass", "null_tfce")


def permute(n=600, **changes):
    settings = {
        "n": n, "method": "freedman_lane", "statistic": ("max_t", "cluster", "tfce"),
        "forming_p": 0.01, "seed": 4, "tail": "none", "early_stop": None,
    }  # fmt: skip
    return Permute(**settings | changes)


def study(folder: Path, shape=(20, 22, 24), effect=0.0):
    """Write maps and their contrast into a lake: simulated noise, a corner missing in one."""
    lake, rng = Lake(str(folder)), np.random.default_rng(0)
    rows = []
    brain = np.zeros(shape, bool)
    brain[2:-2, 2:-2, 2:-2] = True
    for k, group in enumerate(GROUPS):
        data = rng.normal(1.5, 0.1, shape).astype(np.float32)
        data[8:12, 8:12, 8:12] += effect if group == "a" else 0
        data[~brain] = np.nan
        if k == 3:
            data[2:6, 2:6, 2:6] = np.nan
        rows.append(written(lake, "smooth", {"smoothed": data}, {"row": k}))
    t = np.where(brain, np.float32(1), np.float32(np.nan))
    record = {"dof": 11, "group_variance": None}
    parents = {"row": tuple(rows), "contrast": written(lake, "contrast", {"stat_t": t}, record)}
    return lake, two_sample(GROUPS, "a", "b"), parents


def written(lake: Lake, stage: str, arrays: dict[str, np.ndarray], record) -> Part:
    part = Part(stage, part_key(stage, "test", record, {}))
    volumes = {n: to_array(n, Volume(a, np.eye(4)), space="X") for n, a in arrays.items()}
    lake.write(part, xr.Dataset(volumes), record=record)
    return part


def planned(design: Design, parents: Parents, settings: Permute, variance="equal"):
    common = {
        "design": as_settings(design), "variance": variance, "min_group_n": 2,
        "min_group_share": 0.5, "space": "X",
    }  # fmt: skip
    return permute_tasks(settings, design, common, parents)


def run(executor: GraphExecutor, lake: Lake, tasks) -> xr.Dataset:
    told = []
    assert run_tasks(executor, lake, tasks, told.append) == {}
    return lake.read(tasks[-1].part).load()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One process makes everything."""
    lake, design, parents = study(tmp_path_factory.mktemp("alone"))
    tasks = planned(design, parents, permute())
    return lake, tasks, run(SerialExecutor(), lake, tasks)


@pytest.mark.heavy
def test_blocks_give_the_bits_of_the_whole(alone):
    lake, tasks, expected = alone
    inputs = Inputs(lake, tasks[1])
    whole, blocks = Residualised(inputs, 3e9), Residualised(inputs, 2e5)
    whole.read()
    assert whole.memory.kept
    assert not blocks.memory.kept
    assert len(list(blocks.blocks())) > 5
    orders = whole.plan(40).span(0, 40)
    one, many = whole.relabel(orders), blocks.relabel(orders)
    np.testing.assert_array_equal(one.exceed, many.exceed)
    for name, tails in one.tails.items():
        np.testing.assert_allclose(many.tails[name].both, tails.both, rtol=1e-12)
    np.testing.assert_array_equal(one.tails["max_t"].positive, expected["null_positive"][:40])


def test_groups_with_variances_of_their_own(alone):
    """Signs are flipped, the table's z is permuted, blocks change nothing, Smith is refused."""
    lake, tasks, _ = alone
    design, parents = two_sample(GROUPS, "a", "b"), dict(tasks[0].parents)
    own = planned(design, parents, permute(), "welch")
    assert own[0].settings.exchange == "sign"
    inputs = Inputs(lake, own[1])
    whole, blocks = Residualised(inputs, 3e9), Residualised(inputs, 2e5)
    whole.read()
    orders = whole.plan(20).span(0, 20)
    one, many = whole.relabel(orders), blocks.relabel(orders)
    np.testing.assert_array_equal(one.exceed, many.exceed)
    np.testing.assert_array_equal(one.tails["max_t"].both, many.tails["max_t"].both)
    data = whole.rows.read(whole._blocks[0])
    z = next(whole.blocks())[1].z
    np.testing.assert_allclose(z, glm.fit(data, design, "welch", min_group_n=2).z, atol=0.05)
    with pytest.raises(UserError, match="freedman_lane"):
        planned(design, parents, permute(method="smith"), "welch")


def test_what_does_not_fit_is_refused_with_numbers():
    with pytest.raises(UserError, match=r"needs 0\.\d+ GB per worker.*cluster\.memory_gb"):
        Memory(2000, 235_000, True, 3e8).require()


def test_two_thousand_people_at_2_mm_fit_one_gigabyte():
    memory = Memory(2000, 235_000, True, 1e9)
    memory.require()
    assert not memory.kept


def test_more_relabelings_keep_the_batches_that_are_there(alone):
    _, tasks, _ = alone
    design, parents = two_sample(GROUPS, "a", "b"), dict(tasks[0].parents)
    more = planned(design, parents, permute(n=1200))
    assert [t.part for t in more[:3]] == [t.part for t in tasks[:3]]
    assert tasks[-2].settings.last == 600


def test_early_stop_leaves_out_what_earlier_rounds_make_needless(tmp_path):
    """Rounds hold 1, 1, 2 and 4 batches; what a batch holds is decided by its parents alone."""
    lake, design, parents = study(tmp_path)
    tasks = planned(design, parents, permute(n=1500, early_stop=3, statistic=("max_t",)))
    found = run(SerialExecutor(), lake, tasks)
    batches = tasks[1:-1]
    records = [lake.record(t.part) for t in batches]
    before = [len(t.parents["batch"]) for t in batches]
    assert before == [0, 1, 2, 2, 4, 4]
    counts = [0 if r["skipped"] else r["reached"]["max_t"] for r in records]
    assert [r["skipped"] for r in records] == [sum(counts[:k]) >= 3 for k in before]
    assert any(r["skipped"] for r in records)
    needed = int(np.argmax(np.cumsum(counts) >= 3)) + 1
    assert found.sizes["permutation"] == 256 * needed


def test_an_effect_is_found_by_every_statistic(tmp_path):
    lake, design, parents = study(tmp_path, effect=0.6)
    tasks = planned(design, parents, permute(n=256, tail="gpd"))
    found = run(SerialExecutor(), lake, tasks)
    for name in ("fwe", "fwe_tfce"):
        assert found[name].to_numpy()[8:12, 8:12, 8:12].max() > 2
    assert np.nanmedian(found["fwe"]) < 1


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dask", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, text=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )


@pytest.mark.heavy
@pytest.mark.cluster
def test_same_bits_where_a_worker_is_killed(alone, tmp_path):
    _, _, expected = alone
    lake, design, parents = study(tmp_path / "lake")
    tasks = planned(design, parents, permute())
    file = tmp_path / "scheduler.json"
    place = ("--scheduler-file", str(file))
    processes = [start("scheduler", *place, "--port", "0", "--no-dashboard")]
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
    processes += [start("worker", *place, *options) for _ in range(2)]
    try:
        with Client(scheduler_file=str(file), timeout="120s") as client:
            client.wait_for_workers(2, timeout=180)
            pids = client.run(os.getpid)
            executor = ScheduledExecutor(client)
            futures = run_with_a_death(executor, lake, tasks, min(pids.values()))
        for name in NAMES:
            np.testing.assert_array_equal(futures[name], expected[name])
        np.testing.assert_array_equal(futures["exceedances"], expected["exceedances"])
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run_with_a_death(executor: GraphExecutor, lake: Lake, tasks, victim: int) -> xr.Dataset:
    """Kill a worker as soon as the first part is there."""
    finished = []

    def tell(outcome):
        if not finished:
            os.kill(victim, 9)
        finished.append((time.monotonic(), outcome))

    failed = run_tasks(executor, lake, tasks, tell)
    assert failed == {}
    assert lake.is_complete(tasks[-1].part)
    assert tasks[-1].parents["batch"] == tuple(task.part for task in tasks[1:-1])
    return lake.read(tasks[-1].part).load()


@pytest.mark.parametrize("most", [240, 5])
def test_a_copy_by_voxel_gives_the_same_nulls(most, tmp_path, monkeypatch):
    lake, design, parents = study(tmp_path, effect=0.1)
    inside = np.isfinite(to_volume(lake.read(parents["contrast"])["stat_t"]).data)
    template = written(lake, "template_out", {"brain": inside.astype(np.float32)}, {})
    tasks = planned(design, parents, permute(50))
    wanted = [run(SerialExecutor(), lake, tasks), lake.record(tasks[0].part)]
    monkeypatch.setattr("rt1t2_dask.pipelines.voxelwise.runs.MOST_TOGETHER", most)
    copies = plan_copy(design.n, {}, {"row": parents["row"], "template_out": template}, {}, 1e4)
    copied = {"copy": tuple(task.part for task in copies), "contrast": parents["contrast"]}
    tasks = planned(design, copied, permute(50))
    found = run(SerialExecutor(), lake, [*copies, *tasks])
    assert len(copies) == (1 if most == 240 else 3)
    xr.testing.assert_identical(found, wanted[0])
    assert lake.record(tasks[0].part) == wanted[1]
