"""Stages `tissue_shares` and `smooth_shares`: shares of tissue in every voxel of template space."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from rt1t2_dask.images.brain.tissue import CSF, GREY, WHITE
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array
from rt1t2_dask.pipelines.images.smooth import SmoothSettings
from rt1t2_dask.pipelines.images.tissue import SHARES, warp_of

SMOOTHED = "smoothed_share"
LABELS = {"csf": CSF, "grey": GREY, "white": WHITE}


def make(inputs: Inputs) -> Made:
    """Carry grey matter, white matter and CSF to template space, each voxel's shares of them."""
    space = inputs.dataset("normalise")["displacement"].attrs["space"]
    brain = inputs.volume("template_out", "brain")
    within, warp = brain.data.astype(bool), warp_of(inputs)
    carried = {
        name: to_grid(own, brain.grid, warp=warp, order=1, within=within).data
        for name, own in _on_t1w(inputs).items()
    }
    # Where the brain ends, or at a lesion, the shares of what is there add up to less than one.
    known = np.maximum(sum(carried.values()), np.finfo(np.float32).eps)
    arrays = {
        f"{name}_template": to_array(
            f"{name}_template", Volume(carried[name] / known, brain.affine), space=space
        )
        for name in ("grey", "white")
    }
    return Made(xr.Dataset(arrays))


def _on_t1w(inputs: Inputs) -> dict[str, Volume]:
    """Return the shares that were brought, else one where a voxel has the label."""
    given = [inputs.optional_volume("ingest", name) for name in SHARES]
    brought = dict(zip(LABELS, given, strict=True))
    if all(own is not None for own in given):
        return {name: own for name, own in brought.items() if own is not None}
    tissue = inputs.volume("tissue", "tissue")
    labels = LABELS.items()
    return {name: tissue.with_data((tissue.data == k).astype(np.float32)) for name, k in labels}


class ShareSettings(SmoothSettings):
    """The smoothing of the ratio, and of which tissues the share is."""

    covariate: Literal["grey", "tissue"]


def make_smooth(inputs: Inputs) -> Made:
    """Smooth a share as the ratio is, over the voxels where that was measured."""
    settings = inputs.settings_as(ShareSettings)
    space = inputs.dataset("tissue_shares")["grey_template"].attrs["space"]
    share = inputs.volume("tissue_shares", "grey_template")
    if settings.covariate == "tissue":
        white = inputs.volume("tissue_shares", "white_template").data
        share = share.with_data(share.data + white)
    measured = np.isfinite(inputs.volume("ratio", "ratio").data)
    seen = share.with_data(np.where(measured, share.data, np.float32(np.nan)))
    smoothed = smooth(seen, settings.fwhm_mm, settings.edge, measured)
    return Made(xr.Dataset({SMOOTHED: to_array(SMOOTHED, smoothed, space=space)}))
