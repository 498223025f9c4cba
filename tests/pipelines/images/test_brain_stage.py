"""Stage `brain` on a SIMULATED head: a brought mask is taken as it is, an empty one refused."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import xarray as xr
from known_head import make_head, template
from PIL import Image

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.mask import LEAST_NCC
from rt1t2_dask.images.quality.judge import beyond
from rt1t2_dask.images.registration.head_pose import LEAST_MARGIN
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.stages import BRAIN
from rt1t2_dask.pipelines.quality.refused import refused
from rt1t2_dask.storage.parts import Lake, Part


@pytest.fixture(scope="module")
def head():
    return make_head(3, 4.0)


def inputs_with(lake: Lake, head, mask: Volume | None, lesion: Volume | None = None) -> Inputs:
    model = template(2.0)
    whole = regrid(model["t1w"], 4.0)
    brain = to_grid(model["brain"], whole.grid, order=0)
    own = {"t1w": head.t1w} | ({} if mask is None else {"brain_mask": mask})
    own |= {} if lesion is None else {"lesion": lesion}
    parts = {
        "ingest": own,
        "bias": {"t1w_corrected": head.t1w},
        "head": {"t1w": whole, "brain": brain},
    }
    parents = {role: Part(role, "0" * 32) for role in parts}
    for role, images in parts.items():
        arrays = {name: to_array(name, image) for name, image in images.items()}
        lake.write(parents[role], xr.Dataset(arrays), record={})
    return Inputs(lake, BRAIN.task({"pose": True}, parents))


@pytest.mark.heavy
def test_a_brought_mask_is_taken_and_the_pose_still_found(head, tmp_path):
    box = np.zeros(head.t1w.data.shape, dtype=bool)
    box[15:35, 20:40, 20:40] = True
    made = BRAIN.make(inputs_with(Lake(str(tmp_path)), head, head.t1w.with_data(box)))
    np.testing.assert_array_equal(made.dataset["brain"].to_numpy().T, box)
    assert made.record["brain_mask"] == "brought"
    assert made.record["head_similarity"] > 0.3
    assert np.abs(made.dataset["head_affine"].to_numpy()[:3, :3] - np.eye(3)).max() < 0.3


def test_an_empty_brought_mask_is_the_subjects_error(head, tmp_path):
    nothing = head.t1w.with_data(np.zeros(head.t1w.data.shape, dtype=bool))
    with pytest.raises(SubjectError, match="empty"):
        BRAIN.make(inputs_with(Lake(str(tmp_path)), head, nothing))


def test_without_one_the_mask_is_made(head, tmp_path):
    made = BRAIN.make(inputs_with(Lake(str(tmp_path)), head, None))
    assert made.record["brain_mask"] == "registration"
    found = made.dataset["brain"].to_numpy().T
    assert found[head.white.data].mean() > 0.99


@pytest.mark.heavy
def test_a_lesion_wholly_outside_the_brain_is_the_subjects_error(head, tmp_path):
    brain, corner = np.zeros((2, *head.t1w.data.shape), dtype=bool)
    brain[15:35, 20:40, 20:40] = corner[:2, :2, :2] = True
    own = [head.t1w.with_data(mask) for mask in (brain, corner)]
    with pytest.raises(SubjectError, match=r"\(8 voxels\) lies outside .* at least \d+ mm"):
        BRAIN.make(inputs_with(Lake(str(tmp_path / "out")), head, *own))
    corner[14:16, 20, 20] = True
    made = BRAIN.make(inputs_with(Lake(str(tmp_path / "in")), head, *own))
    assert made.record["lesion_outside_share"] == 0.9


def snowed(head) -> Volume:
    noise = np.random.default_rng(0).normal(100, 10, head.t1w.data.shape)
    return head.t1w.with_data(noise.astype(np.float32))


def assert_pictured(lake: Lake, inputs: Inputs, why: str) -> None:
    with Image.open(BytesIO(refused(lake, inputs.task, True, "sub-01", why))) as drawn:
        assert min(drawn.size) > 100


@pytest.mark.heavy
def test_a_refused_scan_is_pictured(head, tmp_path):
    lake = Lake(str(tmp_path))
    assert_pictured(lake, inputs_with(lake, head, None), "why")


@pytest.mark.heavy
def test_what_is_no_head_is_refused_and_passes_where_the_user_says_so(head, tmp_path):
    lake = Lake(str(tmp_path))
    inputs = inputs_with(lake, replace(head, t1w=snowed(head)), None)
    with pytest.raises(SubjectError, match="does not look like a head") as told:
        BRAIN.make(inputs)
    assert_pictured(lake, inputs, str(told.value))
    made = BRAIN.make(Inputs(lake, BRAIN.task({"pose": False}, inputs.task.parents)))
    limits = {"head_margin": (LEAST_MARGIN, None), "head_ncc": (LEAST_NCC, None)}
    assert beyond(made.record, limits)
