"""Blocks of patients: the same bits however voxels are divided, whoever else is compared."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from maps_in_lake import Study, cohort

from rt1t2_dask.atlas import grey_labels
from rt1t2_dask.pipelines.deviation.block import extremes_of, maps_of
from rt1t2_dask.pipelines.deviation.results import patients_table
from rt1t2_dask.pipelines.deviation.stages import BLOCK, CONTROLS, DEVIATION
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.report.deviation_page import Patient, sentences
from rt1t2_dask.report.sections.deviation import Compared, said
from rt1t2_dask.stats.clusters.smoothness import fwhm_voxels
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.deviation import extremes, left_out
from rt1t2_dask.stats.glm.noise import standardised_residuals
from rt1t2_dask.storage.parts import Part

CONTROLS_N, PATIENTS = 9, 2
LEAST = 6


@pytest.fixture(scope="module")
def maps():
    volumes, mask = cohort(CONTROLS_N + PATIENTS, 0.01)
    age = np.random.default_rng(3).normal(0, 10, len(volumes))
    return volumes, mask, np.column_stack([np.ones(len(volumes)), age])


def made(folder, volumes, mask, matrix, blocks, controls=CONTROLS_N, more=()):
    study = Study(folder, volumes, mask)
    told = {"matrix": matrix.tolist(), "controls": controls, "least": LEAST, "planned": "ratio"}
    tasks = [
        BLOCK.task({**told, "block": k, "blocks": blocks}, study.parents) for k in range(blocks)
    ]
    parents = {**study.parents, "block": tuple(task.part for task in tasks)}
    joined = CONTROLS.task(
        {"matrix": matrix[:controls].tolist(), "p": 0.001, "extent_mm3": 0}, parents
    )
    study.make([*tasks, *([joined] if more else [])])
    return study, Inputs(study.lake, joined)


def test_blocks_give_the_bits_of_one_fit(maps, tmp_path):
    volumes, mask, matrix = maps
    data = volumes[:, mask]
    for blocks in (1, 3):
        _, inputs = made(tmp_path / str(blocks), volumes, mask, matrix, blocks)
        for k in range(PATIENTS):
            own = [*range(CONTROLS_N), CONTROLS_N + k]
            wanted = left_out(data[own], matrix[own], LEAST)
            found = maps_of(inputs, slice(k, k + 1))
            np.testing.assert_array_equal(found["t"][0], wanted.t[-1].astype(np.float32))
            np.testing.assert_array_equal(found["dof"][0], wanted.dof[-1].astype(np.float32))
            expected = data[own[-1]] - wanted.difference[-1]
            np.testing.assert_allclose(found["expected"][0], expected, rtol=1e-6)
            ends = extremes(wanted.t, wanted.dof)
            np.testing.assert_array_equal(extremes_of(inputs, k), ends)


def test_another_patient_changes_nothing(maps, tmp_path):
    volumes, mask, matrix = maps
    order = [*range(CONTROLS_N), CONTROLS_N + 1, CONTROLS_N]
    _, one = made(tmp_path / "a", volumes, mask, matrix, 2)
    _, other = made(tmp_path / "b", volumes[order], mask, matrix[order], 2)
    for name, values in maps_of(one, slice(0, 1)).items():
        np.testing.assert_array_equal(values, maps_of(other, slice(1, 2))[name])


def test_gain_and_logarithm_are_those_of_contrasts(maps, tmp_path):
    volumes, mask, matrix = maps
    factors = np.linspace(0.8, 1.3, len(volumes)).tolist()
    study = Study(tmp_path, volumes, mask)
    told = {
        "matrix": matrix.tolist(), "controls": CONTROLS_N, "least": LEAST, "planned": "log",
        "factors": factors, "scale": "log", "block": 0, "blocks": 1,
    }  # fmt: skip
    task = BLOCK.task(told, study.parents)
    _, record = study.make([task])
    assert record["scale"] == "log"
    joined = CONTROLS.task(
        {"matrix": matrix.tolist(), "p": 0.01, "extent_mm3": 0},
        {**study.parents, "block": (task.part,)},
    )
    data = np.log(volumes[:, mask] * np.float32(factors)[:, None])
    own = [*range(CONTROLS_N), CONTROLS_N]
    wanted = left_out(data[own], matrix[own], LEAST).t[-1]
    found = maps_of(Inputs(study.lake, joined), slice(0, 1))["t"][0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_patient_without_a_measured_voxel_is_said_to_have_none(maps, tmp_path):
    volumes, mask, matrix = maps
    volumes = volumes[: CONTROLS_N + 1].copy()
    volumes[-1] = np.nan
    matrix = matrix[: CONTROLS_N + 1]
    told = {"least": LEAST, "planned": "ratio", "block": 0, "blocks": 1, "controls": CONTROLS_N}
    study = Study(tmp_path, volumes, mask)
    parents, limits = study.parents, {"p": 0.001, "extent_mm3": 0}
    alone = {**parents, "row": parents["row"][:-1]}
    own = BLOCK.task({**told, "matrix": matrix[:-1].tolist()}, alone)
    with_patient = BLOCK.task({**told, "matrix": matrix.tolist()}, parents)
    controls = CONTROLS.task(
        {"matrix": matrix[:-1].tolist(), **limits}, {**alone, "block": (own.part,)}
    )
    region = np.array(grey_labels())
    parcels = []
    for k in range(len(volumes)):
        means = np.full(len(region), 1.5 + 0.01 * k if k < CONTROLS_N else np.nan)
        part = Part("parcels", f"{9000 + k:032x}")
        arrays = {n: table(n, own) for n, own in (("parcels", means), ("region", region))}
        study.lake.write(part, xr.Dataset(arrays), record={})
        parcels.append(part)
    patient = DEVIATION.task(
        {"place": 0, "matrix": matrix.tolist(), "least": LEAST, "space": "X", **limits},
        {
            "row": parents["row"][-1:], "template_out": parents["template_out"],
            "block": (with_patient.part,), "controls": controls.part, "parcels": tuple(parcels),
        },
    )  # fmt: skip
    dataset, record = study.make([own, with_patient, controls, patient])
    assert record["voxels"] == 0 and record["method"] == "random field"
    assert np.isnan(dataset["deviation_t"].to_numpy()).all()
    plan = SimpleNamespace(patients={"sub-x": patient})
    rows = patients_table(study.lake, plan)
    assert np.isnan(rows["p_fwe"].to_numpy(float)).all()
    shown = Compared(rows, pd.DataFrame({"largest_t": []}), {}, ("mean",), 0.001, 0)
    assert said(shown).startswith("0 of 1 patient deviate")
    about = Patient("sub-x", record, None, pd.DataFrame(), pd.DataFrame())
    assert sentences(about, shown) == ["No voxel of this map could be compared with the controls."]


def test_controls_alone_are_each_left_out_and_tell_the_smoothness(maps, tmp_path):
    volumes, mask, matrix = maps
    volumes, matrix = volumes[:CONTROLS_N], matrix[:CONTROLS_N]
    study, inputs = made(tmp_path, volumes, mask, matrix, 2, more=True)
    data = volumes[:, mask]
    wanted = left_out(data, matrix, LEAST)
    np.testing.assert_array_equal(maps_of(inputs)["t"], wanted.t.astype(np.float32))
    complete = np.isfinite(data).all(axis=0)
    inside = mask.copy()
    inside[mask] = complete
    names = ("mean", "age")
    design = Design(matrix, names, np.array(["c"] * CONTROLS_N), np.array([1, 0]), np.arange(9))
    residuals = standardised_residuals(data[:, complete], design)
    fwhm = fwhm_voxels(residuals, inside, design.dof, design.n)
    record = study.lake.record(inputs.task.part)
    np.testing.assert_allclose(record["fwhm_voxels"], fwhm, rtol=1e-5)
    text = study.lake.file(inputs.task.part, "controls.tsv").decode().splitlines()
    assert len(text) == CONTROLS_N + 1
    first = dict(zip(text[0].split("\t"), text[1].split("\t"), strict=True))
    share = float(first["share_higher"])
    z = extremes(wanted.t, wanted.dof)[0]
    assert 0 <= share < 0.01
    assert float(first["largest_t"]) in (
        pytest.approx(np.nanmax(wanted.t[0]), rel=1e-5),
        pytest.approx(np.nanmin(wanted.t[0]), rel=1e-5),
    )
    assert np.abs(z).max() > 3
