"""Stage `head`: the whole-head template of the brain mask."""

from __future__ import annotations

import xarray as xr

from rt1t2_dask import assets
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.names import GREY, HEAD, SPACE, T1, TEMPLATES, WHITE
from rt1t2_dask.pipelines.templates.template import brain_mask, brain_of
from rt1t2_dask.simulate.head import build_head

HEAD_VOXEL_MM = 2.0


class HeadSettings(StageSettings):
    """The template space of the head."""

    space: str


def make(inputs: Inputs) -> Made:
    """Return a whole head in template space: the installed one, else one built round the brain."""
    space = inputs.settings_as(HeadSettings).space
    if space != SPACE:
        return _installed(inputs, space)
    t1w = inputs.asset(T1)
    if HEAD in inputs.task.assets:
        head, origin = inputs.asset(HEAD), HEAD
        brain = to_grid(brain_of(t1w), head.grid, order=0)
    else:
        model = build_head(t1w, inputs.asset(GREY), inputs.asset(WHITE))
        head = regrid(Volume(model.t1w, model.grid.affine), HEAD_VOXEL_MM)
        brain = to_grid(Volume(model.brain, model.grid.affine), head.grid, order=0)
        origin = "built round the ICBM152 brain"
    arrays = {"t1w": head, "brain": brain}
    dataset = xr.Dataset({name: to_array(name, v, space=SPACE) for name, v in arrays.items()})
    return Made(dataset, {"head": origin})


def _installed(inputs: Inputs, space: str) -> Made:
    """Return a template with its own head and brain mask."""
    name = TEMPLATES[space].t1
    head = regrid(inputs.asset(name), HEAD_VOXEL_MM)
    brain = to_grid(brain_mask(inputs, space), head.grid, order=0)
    arrays = {
        "t1w": to_array("t1w", head, space=space),
        "brain": to_array("brain", brain, space=space),
    }
    return Made(xr.Dataset(arrays), {"head": name})


def head_assets(space: str) -> tuple[str, ...]:
    """Return the assets of the head of a template space."""
    if space != SPACE:
        return TEMPLATES[space].names()
    return (T1, GREY, WHITE) + ((HEAD,) if assets.find(HEAD) else ())
