"""Images that everybody's parts read are read once by a process, and never written to."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.stages import BRAIN
from rt1t2_dask.storage.parts import Lake, Part

PARENTS = {role: Part(role, "0" * 32) for role in ("ingest", "bias", "head")}


@pytest.fixture
def inputs(tmp_path) -> Inputs:
    return with_images(Lake(str(tmp_path / "lake")), 1.0)


def with_images(lake: Lake, value: float) -> Inputs:
    image = Volume(np.full((4, 5, 6), value, np.float32), np.eye(4))
    for part in PARENTS.values():
        lake.write(part, xr.Dataset({"t1w": to_array("t1w", image)}), record={})
    return Inputs(lake, BRAIN.task({"pose": True}, PARENTS))


def test_a_shared_image_is_read_once(inputs):
    once = inputs.volume("head", "t1w")
    inputs.lake.delete(PARENTS["head"])
    assert inputs.volume("head", "t1w") is once
    inputs.lake.delete(PARENTS["ingest"])
    with pytest.raises(FileNotFoundError):
        inputs.volume("ingest", "t1w")


def test_nobody_can_change_it_for_the_next(inputs):
    image = inputs.volume("head", "t1w")
    with pytest.raises(ValueError, match="read-only"):
        image.data[0, 0, 0] = 2


def test_each_lake_has_its_own(inputs, tmp_path):
    assert inputs.volume("head", "t1w").data.max() == 1
    other = with_images(Lake(str(tmp_path / "other")), 2.0)
    assert other.volume("head", "t1w").data.max() == 2
