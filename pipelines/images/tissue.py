"""Stage `tissue`: grey matter, white matter and CSF on the T1w grid."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.images.brain.tissue import segment
from rt1t2_dask.images.brain.tissue_probabilities import from_probabilities
from rt1t2_dask.images.registration.inverse import read_at
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import grid_of, to_array

SHARES = ("csf_share", "grey_share", "white_share")


def make(inputs: Inputs) -> Made:
    """Segment the brain, or take the tissues that were brought."""
    t1w = inputs.volume("bias", "t1w_corrected")
    brain = inputs.volume("brain", "brain").data.astype(bool)
    lesion = inputs.optional_volume("ingest", "lesion")
    exclude = None if lesion is None else lesion.data.astype(bool)
    given = [inputs.optional_volume("ingest", name) for name in SHARES]
    brought = [share.data for share in given if share is not None]
    if len(brought) == len(SHARES):
        found = from_probabilities(t1w, brain, np.stack(brought), exclude)
    else:
        maps = tissue_maps(inputs)
        priors = np.stack(read_at(maps, warp_of(inputs), t1w.grid, brain), axis=1)
        found = segment(t1w, brain, priors, exclude)
    volumes = {f"{name}_ml": ml for name, ml in found.volumes_ml.items()}
    record = {**volumes, "t1w_means": found.means, "t1w_sds": found.sds}
    return Made(xr.Dataset({"tissue": to_array("tissue", found.labels)}), record)


def tissue_maps(inputs: Inputs) -> list[Volume]:
    """Return the template's CSF, grey and white matter, 0 to 1."""
    brain, grey, white = (inputs.volume("template", name) for name in ("brain", "grey", "white"))
    fluid = np.clip(brain.data - grey.data - white.data, 0, 1)
    return [grey.with_data(fluid.astype(np.float32)), grey, white]


def warp_of(inputs: Inputs) -> Warp:
    """Read a person's deformation."""
    field = inputs.dataset("normalise")["displacement"]
    displacement = inputs.volume("normalise", "displacement").data
    return Warp(inputs.array("normalise", "affine"), displacement, grid_of(field[..., 0]))
