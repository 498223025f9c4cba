"""The head that the pipeline registers to, made by the pipeline's own stage functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.images.names import GREY, HEAD, T1, WHITE
from rt1t2_dask.pipelines.templates.head import HEAD_VOXEL_MM
from rt1t2_dask.pipelines.templates.template import brain_of
from rt1t2_dask.simulate.head import build_head


@dataclass(frozen=True)
class Head:
    """A whole head and its boolean brain mask on one grid."""

    t1w: Volume
    brain: Volume


@cache
def template_head() -> Head:
    """Give the installed head template with the ICBM152 brain mask, as stage `head` does."""
    head = asset(HEAD)
    brain = to_grid(brain_of(asset(T1)), head.grid, order=0)
    return Head(head, brain.with_data(brain.data.astype(bool)))


def asset(name: str) -> Volume:
    """Read an installed asset."""

    found = assets.resolve(name)
    return from_bytes(assets.read(found), name)


@cache
def built_head() -> Head:
    """Give the head built round the ICBM152 brain, as stage `head` does where none is installed."""
    model = build_head(asset(T1), asset(GREY), asset(WHITE))
    head = regrid(Volume(model.t1w, model.grid.affine), HEAD_VOXEL_MM)
    brain = to_grid(Volume(model.brain, model.grid.affine), head.grid, order=0)
    return Head(head, brain.with_data(brain.data.astype(bool)))
