"""What lies inside a lesion changes no number outside it: bias, ratio, smoothing, statistics."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.transform import compose, translation
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.engine.volumes import table, to_array
from rt1t2_dask.pipelines.registry import stage_named
from rt1t2_dask.storage.parts import Lake, Part

GRID = Grid((36, 40, 34), compose(np.diag([4.0, 4, 4, 1]), translation((-70, -90, -60))))
LESION = np.array([-20.0, 0.0, 8.0])
RADIUS_MM = 12.0


def scans(inside: float, vessel: float = 1.0) -> dict[str, Volume]:
    """A head of two tissues with a smooth field; lesion and vessel are so many times the tissue."""
    away = np.linalg.norm(GRID.world() - LESION, axis=-1)
    world = GRID.world()
    head = np.linalg.norm(world / np.array([65, 80, 60]), axis=-1) < 1
    waves = 1 + 0.25 * np.cos(world[..., 0] / 9) * np.cos(world[..., 1] / 11)
    field = np.exp(0.2 * np.sin(world[..., 2] / 50) + 0.1 * world[..., 0] / 70)
    lesion = (away < RADIUS_MM) & head
    hurt = np.where(lesion, inside, 1.0) * np.where(vessel_mask(), vessel, 1.0)
    t1w = 100 * waves * field * head * hurt + 1
    t2w = 60 / waves * head / hurt + 1
    return {
        "t1w": Volume(t1w.astype(np.float32), GRID.affine),
        "t2w": Volume(t2w.astype(np.float32), GRID.affine),
        "lesion": Volume(lesion, GRID.affine),
        "head": Volume(head, GRID.affine),
    }


def vessel_mask() -> np.ndarray:
    """Mark eight voxels far from the lesion and from the head's edge."""
    mask = np.zeros(GRID.shape, bool)
    mask[22:24, 22:24, 18:20] = True
    return mask


def make(lake: Lake, stage: str, settings: dict, parents: dict[str, Part]) -> Part:
    own = stage_named(stage)
    read = {role.name: parents[role.name] for role in own.reads if role.name in parents}
    task = replace(own.task(settings, read), part=named(stage))
    made = own.make(Inputs(lake, task))
    lake.write(task.part, made.dataset, record=made.record, files=made.files)
    return task.part


def named(stage: str) -> Part:
    return Part(stage, hashlib.md5(stage.encode()).hexdigest())


def put(lake: Lake, name: str, arrays: dict, record: dict | None = None) -> Part:
    part = named(name)
    lake.write(part, xr.Dataset(arrays), record=record or {}, files={})
    return part


@pytest.fixture(scope="module")
def maps(tmp_path_factory) -> dict[float, dict[str, xr.Dataset]]:
    """Stages bias, ratio and smooth by what the lesion holds, all else equal."""
    return {inside: run(tmp_path_factory.mktemp("lake"), inside) for inside in (0.2, 1.7)}


def run(folder, inside: float, vessel: float = 1.0, kind: str = "none") -> dict[str, xr.Dataset]:
    lake, seen = Lake(str(folder)), scans(inside, vessel)
    images = {name: to_array(name, seen[name]) for name in ("t1w", "t2w", "lesion")}
    brain = seen["head"]
    field = Volume(np.zeros((*GRID.shape, 3), np.float32), GRID.affine)
    parents = {
        "ingest": put(lake, "ingest", images, {"bias_corrected": [], "step_quotient": 1.0}),
        "coregister": put(lake, "coregister", {"rigid": table("rigid", np.eye(4))}),
        "brain": put(lake, "brain", {"brain": to_array("brain", brain)}),
        "normalise": put(
            lake,
            "normalise",
            {
                "affine": table("affine", np.eye(4)),
                "displacement": to_array("displacement", field, space="here"),
            },
        ),
        "calibrate": put(lake, "calibrate", {}, {"kind": kind}),
        "template_out": put(
            lake, "template", {"brain": to_array("brain", brain), "grey": to_array("grey", brain)}
        ),
    }
    parents["bias"] = make(lake, "bias", {}, {k: parents[k] for k in ("ingest", "coregister")})
    parents["ratio"] = make(lake, "ratio", {}, parents)
    settings = {"fwhm_mm": 10, "edge": "normalised"}
    parents["smooth"] = make(lake, "smooth", settings, {"ratio": parents["ratio"]})
    return {name: lake.read(parents[name]).load() for name in ("bias", "ratio", "smooth")}


@pytest.mark.heavy
def test_the_bias_field_does_not_see_the_lesion(maps):
    low, high = (maps[k]["bias"]["t1w_corrected"].to_numpy() for k in (0.2, 1.7))
    outside = ~scans(1.0)["lesion"].data.T
    np.testing.assert_allclose(low[outside], high[outside], rtol=1e-5)


@pytest.mark.parametrize("name", ["ratio", "ratio_t1w"])
def test_the_ratio_is_missing_in_the_lesion_and_the_same_around_it(maps, name):
    low, high = (maps[k]["ratio"][name].to_numpy() for k in (0.2, 1.7))
    lesion = scans(1.0)["lesion"].data.T
    assert np.isnan(low[lesion]).all()
    assert (np.isnan(low) == np.isnan(high)).all()
    measured = np.isfinite(low)
    assert measured.sum() > 0.85 * (scans(1.0)["head"].data & ~lesion.T).sum()
    np.testing.assert_allclose(low[measured], high[measured], rtol=1e-4)


def test_smoothing_carries_nothing_out_of_the_lesion(maps):
    low, high = (maps[k]["smooth"]["smoothed"].to_numpy() for k in (0.2, 1.7))
    np.testing.assert_allclose(low, high, rtol=1e-4)
    assert np.isnan(low[scans(1.0)["lesion"].data.T]).all()


@pytest.mark.parametrize("kind", ["none", "gm_median"])
def test_a_flow_void_is_not_measured_and_carries_nothing_out(maps, tmp_path, kind):
    """The T1w 4 times as bright and the T2w a quarter: a ratio 16 times the tissue's."""
    made = run(tmp_path / kind, 0.2, vessel=4.0, kind=kind)
    where = vessel_mask().T
    for name in ("ratio", "ratio_t1w"):
        assert np.isnan(made["ratio"][name].to_numpy()[where]).all()
    lake = Lake(str(tmp_path / kind))
    record = lake.record(named("ratio"))
    assert record["voxels_beyond_limit"] == where.sum()
    smoothed = made["smooth"]["smoothed"].to_numpy()
    assert np.isnan(smoothed[where]).all()
    if kind == "none":
        assert record["ratio_limit"] < 16
        plain = maps[0.2]["smooth"]["smoothed"].to_numpy()
        both = np.isfinite(plain) & np.isfinite(smoothed)
        np.testing.assert_allclose(smoothed[both], plain[both], rtol=0.08)


def test_spms_smoothing_would_have_lowered_the_rim(maps):
    ratio = maps[0.2]["ratio"]["ratio"].to_numpy()
    image = Volume(ratio, np.diag([4.0, 4, 4, 1]))
    whole = smooth(image, 10, "normalised").data
    away = np.linalg.norm(GRID.world() - LESION, axis=-1).T
    rim = (away > RADIUS_MM + 2) & (away < RADIUS_MM + 5) & np.isfinite(whole)
    assert np.median(smooth(image, 10, "spm").data[rim] / whole[rim]) < 0.95
