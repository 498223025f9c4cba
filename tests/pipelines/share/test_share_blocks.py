"""Sums to share as parts of a lake: the same bits for any blocks, and no part made twice."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import xarray as xr

from rt1t2_dask.cluster.graph import SerialExecutor
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.volumes import table, to_array
from rt1t2_dask.pipelines.engine.work import complete_parts, missing_tasks, run_tasks
from rt1t2_dask.pipelines.share.graph import share_tasks
from rt1t2_dask.pipelines.voxelwise import runs
from rt1t2_dask.sites.cells import Patterns, count, divide
from rt1t2_dask.sites.shared import rounded
from rt1t2_dask.storage.parts import Lake, Part

SHAPE = (76, 74, 9)  # four inner chunks
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
N, LEAST, REGIONS = 26, 4, 7
LABELS = np.array(["pat", "hc"])[np.arange(N) % 3 // 2]
AGE = np.round(np.random.default_rng(1).uniform(30, 80, N), 1)
MATRIX = np.column_stack([np.ones(N), AGE])
GROUPS = ("pat", "hc")
MEMBERS = {name: np.flatnonzero(name == LABELS) for name in GROUPS}


def volumes() -> np.ndarray:
    rng = np.random.default_rng(2)
    found = rng.normal(1.5, 0.1, (N, *SHAPE)).astype(np.float32)
    for k in range(0, N, 4):
        found[k, 10:40, 10:50, 3:6] = np.nan
    found[3, rng.random(SHAPE) < 0.01] = np.nan
    return found


MAPS = volumes()
MEANS = np.random.default_rng(3).normal(1.5, 0.1, (N, REGIONS))
MEANS[5, 2] = np.nan
MASK = np.zeros(SHAPE, bool)
MASK[3:74, 2:71, 1:8] = True


def part(stage: str, number: int) -> Part:
    return Part(stage, f"{number:032x}")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Write maps, regional means and the template as the stages before leave them."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    brain = to_array("brain", Volume(MASK.astype(np.uint8), AFFINE))
    lake.write(part("template", 0), xr.Dataset({"brain": brain}), record={})
    for k in range(N):
        smoothed = to_array("smoothed", Volume(MAPS[k], AFFINE))
        lake.write(part("smooth", k), xr.Dataset({"smoothed": smoothed}), record={})
        arrays = {"parcels": table("parcels", MEANS[k])}
        arrays["region"] = table("region", np.arange(REGIONS))
        lake.write(part("parcels", k), xr.Dataset(arrays), record={})
    return lake


def tasks_of(blocks=1, cells=None, matrix=MATRIX, last=None, **scale):
    about = {"groups": list(GROUPS), "minimum_people": LEAST, "space": "X", "scale": "ratio"}
    settings = {"group": LABELS.tolist(), "matrix": matrix.tolist(), "about": about, "export": "k"}
    parents = {
        "row": (*(part("smooth", k) for k in range(N - 1)), last or part("smooth", N - 1)),
        "parcels": tuple(part("parcels", k) for k in range(N)),
        "template_out": part("template", 0),
    }
    voxels = (blocks - 0.5) * runs.BLOCK_BYTES / (4 * N)
    found = share_tasks({**settings, **scale}, cells, parents, {}, voxels)
    assert sum(task.stage == "share_block" for task in found) == blocks
    return found


def run(lake, tasks):
    """Make what is missing; return the parts that were made."""
    todo = missing_tasks(tasks, [tasks[-1].part], complete_parts(lake, tasks))
    made: list[Part] = []
    assert run_tasks(SerialExecutor(), lake, todo, lambda o: made.append(o.task.part)) == {}
    return made


def shared(lake, tasks):
    run(lake, tasks)
    return lake.read(tasks[-1].part).compute(), lake.record(tasks[-1].part)


def cells_expected(maps) -> dict[str, list[np.ndarray]]:
    tally: dict[bytes, int] = {}
    count(np.isfinite(maps[:, MASK]), tally)
    patterns = Patterns.of(tally, N)
    return {g: divide(own, patterns, MATRIX, LEAST) for g, own in MEMBERS.items()}


def sums_expected(values, cells):
    """Add person by person, cell by cell."""
    cross, squares = np.zeros((2, 2, values.shape[1])), np.zeros((2, values.shape[1]))
    present = [~np.isnan(values[cell]).any(axis=0) for g in GROUPS for cell in cells[g]]
    for k, group in enumerate(GROUPS):
        for cell in cells[group]:
            there = ~np.isnan(values[cell]).any(axis=0)
            for person in cell:
                cross[k][:, there] += MATRIX[person][:, None] * values[person, there]
                squares[k, there] += values[person, there] ** 2
    return np.stack(present), cross, squares


def differences_expected(maps):
    """Subtract shifted images."""
    found = np.zeros((2, 6, int(MASK.sum())))
    shifts = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    for k, group in enumerate(GROUPS):
        for person in MEMBERS[group]:
            brain = np.where(MASK, maps[person].astype(np.float64), np.nan)
            padded = np.pad(brain, [(0, 1)] * 3, constant_values=np.nan)
            four = [np.roll(padded, [-s for s in shift], (0, 1, 2)) for shift in shifts]
            for p, (a, b) in enumerate(pairs):
                found[k, p] += ((four[a] - four[b]) ** 2)[:-1, :-1, :-1][MASK]
    return found


OWN = {"share_patterns", "share_cells", "share_block", "share_differences", "share"}
FACTORS = np.round(np.random.default_rng(4).uniform(0.8, 1.2, N), 3).tolist()


@pytest.mark.heavy
@pytest.mark.parametrize("scale", [{}, {"scale": "log", "factors": FACTORS}], ids=["ratio", "log"])
def test_the_sums_are_those_of_people_one_by_one(scale, filled):
    maps, means = MAPS, MEANS
    if scale:
        factors = np.array(FACTORS)
        maps = np.log(MAPS * factors[:, None, None, None].astype(np.float32))
        means = np.log(MEANS * factors[:, None])
    cells = cells_expected(maps)
    assert max(map(len, cells.values())) > 1
    arrays, record = shared(filled, tasks_of(2, **scale))
    assert record["cells"] == {g: [c.tolist() for c in own] for g, own in cells.items()}
    assert record["voxels"] == MASK.sum()
    rtol = 1e-6 if scale else 1e-12
    for prefix, values in (("share_", maps[:, MASK]), ("share_region_", means)):
        present, cross, squares = sums_expected(values.astype(np.float64), cells)
        np.testing.assert_array_equal(arrays[f"{prefix}present"], present)
        np.testing.assert_allclose(arrays[f"{prefix}cross"], cross, rtol=rtol, atol=10 * rtol)
        np.testing.assert_allclose(arrays[f"{prefix}squares"], squares, rtol=rtol)
    found, wanted = arrays["share_differences"].to_numpy(), differences_expected(maps)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_allclose(found, wanted, rtol=2.0**-11)
    grams = [MATRIX[c].T @ MATRIX[c] for g in GROUPS for c in cells[g]]
    np.testing.assert_allclose(arrays["share_grams"], grams)
    assert arrays.attrs["cells"] == [g for g in GROUPS for _ in cells[g]]


@pytest.mark.heavy
def test_any_number_of_blocks_gives_the_same_bytes(filled):
    made = [tasks_of(blocks) for blocks in (1, 2, 5)]
    for tasks in made:
        run(filled, tasks)
    voxels = [filled.record(t.part)["voxels"] for t in made[2] if t.stage == "share_block"]
    assert sum(n > 0 for n in voxels) == 4
    assert sum(voxels) == MASK.sum()
    first = made[0][-1].part
    for tasks in made[1:]:
        assert filled.whole(tasks[-1].part) == filled.whole(first)
        assert filled.record(tasks[-1].part) == filled.record(first)


def test_differences_of_one_run_are_added_in_the_order_of_people(filled):
    found, _ = shared(filled, tasks_of())
    wanted = rounded(differences_expected(MAPS))
    np.testing.assert_array_equal(found["share_differences"], wanted)


def test_runs_of_people_give_the_same_sums(filled, tmp_path, monkeypatch):
    whole, about = shared(filled, tasks_of())
    shutil.copytree(filled.store.url, tmp_path / "lake", ignore=lambda _, names: OWN & set(names))
    monkeypatch.setattr(runs, "MOST_TOGETHER", 5)
    tasks = tasks_of()
    assert sum(task.stage == "share_differences" for task in tasks) == 6
    arrays, record = shared(Lake(str(tmp_path / "lake")), tasks)
    assert record == about
    for name in whole:
        rtol = 2.0**-10 if name == "share_differences" else 1e-12
        np.testing.assert_allclose(arrays[name], whole[name], rtol=rtol, err_msg=name)
    assert (arrays["share_present"] == 0).any()


@pytest.mark.parametrize("whole", [1, 5])
def test_after_a_kill_only_parts_in_flight_are_made_again(whole, filled):
    tasks = tasks_of(3)
    run(filled, tasks)
    wanted = filled.whole(tasks[-1].part)
    for task in tasks[whole:]:
        filled.store.delete(task.part.marker)
    assert sorted(run(filled, tasks)) == sorted(task.part for task in tasks[whole:])
    assert filled.whole(tasks[-1].part) == wanted


def test_a_map_on_another_grid_is_refused(filled):
    moved = to_array("smoothed", Volume(MAPS[0], AFFINE + np.eye(4, k=3)))
    other = part("smooth", 99)
    filled.write(other, xr.Dataset({"smoothed": moved}), record={})
    tasks = tasks_of(2, last=other)
    with pytest.raises(UserError, match=r"map 26 of 26 has .* Resample all maps to one grid"):
        run(filled, tasks)


def test_cells_of_an_earlier_export_are_taken(filled):
    cells = {name: [own.tolist()] for name, own in MEMBERS.items()}
    arrays, record = shared(filled, tasks_of(cells=cells))
    assert record["cells"] == cells
    assert arrays["share_present"].shape[0] == 2
    for k, group in enumerate(GROUPS):
        whole = np.isfinite(MAPS[MEMBERS[group]][:, MASK]).all(axis=0)
        assert record["kept"][group][0] == pytest.approx(whole.mean())
        np.testing.assert_array_equal(arrays["share_present"][k], whole)


def test_another_covariate_reads_the_same_patterns_and_differences():
    def keys(tasks, stage):
        return [task.part for task in tasks if task.stage == stage]

    one, other = tasks_of(2), tasks_of(2, matrix=MATRIX * 2)
    for stage in ("share_patterns", "share_differences"):
        assert keys(one, stage) == keys(other, stage)
    for stage in ("share_cells", "share_block", "share"):
        assert not set(keys(one, stage)) & set(keys(other, stage))
