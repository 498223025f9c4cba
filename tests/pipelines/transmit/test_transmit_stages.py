"""Transmit maps as parts: carried to the ratio's grids, a slope for everybody, corrected ratios."""

from __future__ import annotations

import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import xarray as xr

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.local_files import local_file
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.volumes import table, to_array, to_volume
from rt1t2_dask.pipelines.engine.work import make_part
from rt1t2_dask.pipelines.transmit.stages import CORRECTED, SLOPE, TRANSMIT
from rt1t2_dask.ratio.transmit import factor
from rt1t2_dask.storage.parts import Lake, Part

SHAPE, MM, SPACE = (29, 24, 20), 6.0, "MNI152NLin2009aSym"
AFFINE = np.diag([MM, MM, MM, 1.0])
AFFINE[:3, 3] = (-84.0, -70.0, -60.0)
T1W_SHAPE = (23, 21, 17)
COARSE = np.diag([12.0, 12.0, 12.0, 1.0])
COARSE[:3, 3] = (-108.0, -94.0, -84.0)
SLOPE_TRUE = 0.7


def field_at(mm: np.ndarray, tilt: float) -> np.ndarray:
    return 1.05 + tilt * mm[..., 0] / 80 - 0.1 * mm[..., 2] / 80


def places(shape, affine) -> np.ndarray:
    return nib.affines.apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))


class Scanned:
    """A lake with template, ratios seen through a field, and transmit maps in percent."""

    def __init__(self, folder: Path, n: int = 6) -> None:
        self.folder, self.lake = folder, Lake(str(folder / "lake"))
        half = Volume(np.full(SHAPE, 0.5, np.float32), AFFINE)
        brain = Volume(np.ones(SHAPE, np.uint8), AFFINE)
        shared = {"brain": brain, "grey": half, "white": half}
        arrays = {name: to_array(name, own) for name, own in shared.items()}
        self.template = self.write("template", 0, xr.Dataset(arrays))
        still = Volume(np.zeros((*SHAPE, 3), np.float32), AFFINE)
        moved = to_array("displacement", still, space=SPACE)
        affine = table("affine", np.eye(4))
        arrays = xr.Dataset({"displacement": moved, "affine": affine})
        self.normalise = self.write("normalise", 0, arrays)
        mm = places(SHAPE, AFFINE)
        self.truth = (1.5 + 0.3 * np.cos(mm[..., 0] / 30)).astype(np.float32)
        self.tilts = np.linspace(0.02, 0.14, n)

    def write(self, stage: str, number: int, dataset: xr.Dataset) -> Part:
        part = Part(stage, f"{number:032x}")
        self.lake.write(part, dataset, record={"ratio_limit": 4.0, "voxels_beyond_limit": 3})
        return part

    def ratio(self, k: int, lesion: bool = False) -> Part:
        noise = np.random.default_rng(k).normal(0, 0.02, SHAPE)
        seen = (
            self.truth
            * np.exp(noise)
            * factor(field_at(places(SHAPE, AFFINE), self.tilts[k]), SLOPE_TRUE)
        )
        own = Volume(seen.astype(np.float32), AFFINE)
        arrays = {"ratio": to_array("ratio", own, space=SPACE)}
        arrays["ratio_t1w"] = to_array("ratio_t1w", own)
        if lesion:
            marked = Volume(np.ones(SHAPE, np.uint8), AFFINE)
            arrays["lesion_template"] = to_array("lesion_template", marked, space=SPACE)
        return self.write("ratio", k, xr.Dataset(arrays))

    def file(self, k: int, affine=COARSE, shape=(19, 18, 16)):
        data = 100 * field_at(places(shape, affine), self.tilts[k])
        path = self.folder / f"{k}_TB1map.nii.gz"
        nib.Nifti1Image(data.astype(np.float32), affine).to_filename(path)
        return local_file(str(path), "transmit.image")

    def field(self, ratio: Part, file) -> Task:
        parents = {"ratio": ratio, "normalise": self.normalise, "template_out": self.template}
        return TRANSMIT.task({}, parents, {"transmit": file})

    def make(self, task: Task) -> None:
        assert make_part(self.lake, task).reason is None


@pytest.fixture
def scanned(tmp_path) -> Scanned:
    return Scanned(tmp_path)


def test_ratios_come_back_as_without_the_field(scanned):
    ratios = [scanned.ratio(k, lesion=k == 0) for k in range(6)]
    fields = [scanned.field(ratio, scanned.file(k)) for k, ratio in enumerate(ratios)]
    for task in fields:
        scanned.make(task)
    slope = SLOPE.task({}, {"transmit": tuple(task.part for task in fields)})
    scanned.make(slope)
    found = scanned.lake.record(slope.part)
    assert found["slope"] == pytest.approx(SLOPE_TRUE, abs=0.02)
    assert found["after"] < found["before"]
    for k, (ratio, field) in enumerate(zip(ratios, fields, strict=True)):
        parents = {"ratio": ratio, "transmit": field.part, "slope": slope.part}
        task = CORRECTED.task({}, parents)
        scanned.make(task)
        made = scanned.lake.read(task.part)
        for name in ("ratio", "ratio_t1w"):
            divided = to_volume(made[name]).data
            x, y, z = divided.shape
            relative = divided / scanned.truth[:x, :y, :z]
            assert np.abs(np.log(relative)).mean() < 0.02
            assert np.nanmean(relative[:8]) == pytest.approx(np.nanmean(relative[-8:]), abs=0.01)
        assert ("lesion_template" in made) == (k == 0)
        record = scanned.lake.record(task.part)
        assert record["transmit_slope"] == found["slope"]
        assert record["voxels_beyond_limit"] == 3


def test_a_slope_that_was_given_is_taken(scanned):
    ratio = scanned.ratio(1)
    field = scanned.field(ratio, scanned.file(1))
    scanned.make(field)
    task = CORRECTED.task({"slope": 0.5}, {"ratio": ratio, "transmit": field.part})
    scanned.make(task)
    seen = to_volume(scanned.lake.read(ratio)["ratio"]).data
    expected = seen / factor(field_at(places(SHAPE, AFFINE), scanned.tilts[1]), 0.5)
    np.testing.assert_allclose(
        to_volume(scanned.lake.read(task.part)["ratio"]).data, expected, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("shift", "said"), [(100.0, "covers [0-9]+% of the brain"), (900.0, "no value in the brain")]
)
def test_a_map_of_another_place_is_refused(scanned, shift, said):
    affine = COARSE.copy()
    affine[2, 3] += shift
    task = scanned.field(scanned.ratio(0), scanned.file(0, affine))
    reason = make_part(scanned.lake, task).reason
    assert reason is not None
    assert re.search(said, reason)
