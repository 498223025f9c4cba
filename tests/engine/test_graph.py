"""A plan as one Dask graph: failures, order, what runs again; on every scheduler the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from chains import CHAIN, SHARED, deadly, label, nothing, planned, refused, written

from rt1t2_dask.cluster.executors import open_cluster
from rt1t2_dask.cluster.graph import GraphExecutor, SerialExecutor
from rt1t2_dask.config.study import Cluster
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.work import (
    NOT_RUN,
    Outcome,
    complete_parts,
    missing_tasks,
    run_tasks,
    work_graph,
)
from rt1t2_dask.storage.parts import Lake, Part

PEOPLE = 29
FIRST_SHARE = 0.15


@pytest.fixture(scope="module")
def local() -> Iterator[GraphExecutor]:
    """Two worker processes."""
    with open_cluster(Cluster(kind="local", workers=2)) as executor:
        yield executor


@pytest.fixture(params=["synchronous", "threads", pytest.param("local", marks=pytest.mark.cluster)])
def executor(request: pytest.FixtureRequest) -> Iterator[GraphExecutor]:
    if request.param == "local":
        yield request.getfixturevalue("local")
        return
    with open_cluster(Cluster(kind=request.param, workers=2)) as opened:
        yield opened


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def test_one_persons_fault_is_that_persons_alone(executor, lake):
    tasks, told = planned(6, bad=[2, 4]), []
    failed = run_tasks(executor, lake, tasks, told.append, nothing)
    bad = [task for task in tasks if task.settings["fault"]]
    assert failed == {task.part: "no brain in it" for task in bad}
    assert list(failed) == [task.part for task in bad]
    ran = Counter(label(outcome.task) for outcome in told)
    up_to_bias = list(CHAIN).index("bias") + 1
    assert ran["person 2"] == ran["person 4"] == up_to_bias
    assert ran["person 0"] == len(CHAIN)
    assert [o.reason for o in told if o.reason] == ["no brain in it"] * 2
    assert len({o.task.part for o in told}) == len(told)


def test_what_needs_a_failed_part_says_so_once(lake):
    values = {}
    nodes = work_graph(lake, planned(1, bad=[0]), nothing)
    SerialExecutor().walk(list(nodes.values()), values.__setitem__)
    last = next(done for key, done in values.items() if key.startswith("parcels-"))
    assert not last.ran
    assert last.reason == f"{NOT_RUN}no brain in it"


def test_a_wrong_setting_ends_the_run(executor, lake):
    told: list[Outcome] = []
    with pytest.raises(UserError, match=r"checks\.least=3"):
        run_tasks(executor, lake, planned(6, bad=[0]), told.append, refused)
    assert run_tasks(executor, lake, planned(2), told.append, nothing) == {}


def test_the_first_person_is_whole_early(executor, lake):
    whole: Counter[str] = Counter()
    told = []

    def tell(outcome: Outcome) -> None:
        whole[label(outcome.task)] += 1
        told.append(max(whole[f"person {k}"] for k in range(PEOPLE)))

    run_tasks(executor, lake, planned(PEOPLE), tell, nothing)
    assert len(told) == len(SHARED) + PEOPLE * len(CHAIN)
    assert told.index(len(CHAIN)) + 1 < FIRST_SHARE * len(told)


def test_whole_parts_are_not_made_again(executor, lake):
    tasks, told = planned(3), []
    half = [task for task in tasks if label(task) != "person 2"]
    run_tasks(executor, lake, half, told.append, written)
    targets = [task.part for task in tasks]
    todo = missing_tasks(tasks, targets, complete_parts(lake, tasks))
    assert {label(task) for task in todo} == {"person 2"}
    again: list[Outcome] = []
    assert run_tasks(executor, lake, todo, again.append, written) == {}
    assert len(again) == len(CHAIN)
    assert all(outcome.made for outcome in again)
    assert missing_tasks(tasks, targets, complete_parts(lake, tasks)) == []


def contents(lake: Lake, tasks) -> dict[Part, bytes]:
    return {task.part: lake.store.read(task.part.marker) for task in tasks}


def test_order_and_workers_change_no_byte(executor, tmp_path):
    tasks = planned(4)
    here, there = Lake(str(tmp_path / "here")), Lake(str(tmp_path / "there"))
    run_tasks(SerialExecutor(), here, tasks, lambda outcome: None, written)
    people = sorted(range(4), reverse=True)
    backwards = [task for task in tasks if label(task) == "everybody"]
    backwards += [task for k in people for task in tasks if label(task) == f"person {k}"]
    run_tasks(executor, there, backwards, lambda outcome: None, written)
    assert contents(there, tasks) == contents(here, tasks)


@pytest.mark.cluster
def test_two_runs_on_one_scheduler_make_their_own_parts(local, tmp_path):
    """Their parts have the same keys, in lakes of their own."""
    for name in ("one", "other"):
        lake = Lake(str(tmp_path / name))
        run_tasks(local, lake, planned(2), lambda outcome: None, written)
        assert len(complete_parts(lake, planned(2))) == len(planned(2))


@pytest.mark.cluster
def test_more_parts_than_a_wave_holds(local, lake):
    """The later waves need parts of earlier ones that have failed, ended or still run."""
    tasks, told = planned(100, bad=[3, 70]), []
    failed = run_tasks(local, lake, tasks, told.append, nothing)
    assert len(failed) == 2
    ran = Counter(label(outcome.task) for outcome in told)
    assert sum(n == len(CHAIN) for n in ran.values()) == 98


@pytest.mark.heavy
@pytest.mark.cluster
@pytest.mark.slow
def test_what_kills_every_worker_takes_down_its_part_alone(lake):
    tasks, told = planned(3, bad=[1]), []
    with open_cluster(Cluster(kind="local", workers=2)) as executor:
        failed = run_tasks(executor, lake, tasks, told.append, deadly)
    assert len(failed) == 1
    part, reason = next(iter(failed.items()))
    assert part.stage == "bias"
    assert "its worker died or could not run it (KilledWorker" in reason
    ran = Counter(label(outcome.task) for outcome in told)
    assert ran["person 0"] == ran["person 2"] == len(CHAIN)
    assert ran["person 1"] == list(CHAIN).index("bias") + 1
