"""Stage `brain`: the brain mask on the T1w grid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from rt1t2_dask.config import Config
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images import deepbet
from rt1t2_dask.images.brain import Brain, extract, locate
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.volumes import table, to_array


def brain_settings(config: Config) -> Mapping[str, str | float]:
    """Give what decides the brain mask; nothing for the default.

    Raises
    ------
    UserError
        The chosen program is not installed.
    """
    if config.brain.method == "template":
        return {}
    version = deepbet.installed_version()
    return {"method": "deepbet", "deepbet": version, "timeout_s": config.normalise.timeout_s}


def _make(inputs: Inputs) -> Made:
    t1w = inputs.volume("bias", "t1w_corrected")
    head, model = (inputs.volume("head", name) for name in ("t1w", "brain"))
    template_brain = model.with_data(model.data.astype(np.bool_))
    brought = _mask(inputs, "brain_mask")
    if brought is not None:
        found = Brain(_usable(brought), locate(t1w, head, template_brain))
    elif "deepbet" in inputs.settings:
        mask = deepbet.extract(t1w, inputs.settings["timeout_s"])
        found = Brain(t1w.with_data(mask), locate(t1w, head, template_brain))
    else:
        found = extract(t1w, head, template_brain, _mask(inputs, "lesion"))
    arrays = {
        "brain": to_array("brain", found.mask),
        "head_affine": table("head_affine", found.affine),
    }
    volume_ml = found.mask.data.sum() * found.mask.grid.voxel_volume_mm3 / 1000
    record = {
        "brain_ml": float(volume_ml),
        "brain_mask": _origin(inputs, brought),
        "head_likeness": found.pose.likeness,
    }
    return Made(xr.Dataset(arrays), record)


def _origin(inputs: Inputs, brought: Volume | None) -> str:
    return "brought" if brought is not None else inputs.settings.get("method", "registration")


def _mask(inputs: Inputs, name: str) -> Volume | None:
    found = inputs.optional_volume("ingest", name)
    return None if found is None else found.with_data(found.data.astype(np.bool_))


def _usable(brought: Volume) -> Volume:
    if not brought.data.any():
        raise SubjectError(
            "The brain mask is empty.",
            "Bring one that is not, or remove the file to have the mask made here.",
        )
    return brought


BRAIN = Stage(
    "brain",
    _make,
    libraries=("SimpleITK", "picsl-greedy"),
    needs=("ingest", "bias", "head"),
)
