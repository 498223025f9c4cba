"""Stage `normalise`: the deformation field from the template to the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from rt1t2_dask.config.study import Config
from rt1t2_dask.images.registration import ants_syn
from rt1t2_dask.images.registration.normalise import to_template
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.stage import Inputs, Made, Stage
from rt1t2_dask.pipelines.engine.volumes import table, to_array
from rt1t2_dask.pipelines.images.precomputed_transform import make_precomputed


def normalise_settings(config: Config) -> Mapping[str, Any]:
    """Return the settings of the deformation field.

    Raises
    ------
    UserError
        The selected program is not installed.
    """
    settings: dict[str, Any] = {
        "kind": config.normalise.kind,
        "voxel_mm": config.registration_voxel_mm,
        "fill": config.lesion.fill,
        "timeout_s": config.normalise.timeout_s,
    }
    if config.precomputed_transform:
        return {k: settings[k] for k in ("kind", "voxel_mm")} | {"space": config.space}
    if config.normalise.kind == "ants_syn":
        settings["antspyx"] = ants_syn.installed_version()
    return settings


def _make(inputs: Inputs) -> Made:
    if inputs.settings["kind"] == "derivatives":
        return make_precomputed(inputs)
    brain = inputs.volume("brain", "brain")
    lesion = inputs.optional_volume("ingest", "lesion")
    warp = to_template(
        inputs.volume("bias", "t1w_corrected"),
        brain.with_data(brain.data.astype(bool)),
        inputs.volume("template", "t1w"),
        exclude=None if lesion is None else lesion.with_data(lesion.data.astype(bool)),
        start=inputs.array("brain", "head_affine"),
        voxel_mm=inputs.settings["voxel_mm"],
        method=inputs.settings["kind"],
        fill=inputs.settings["fill"],
        white=inputs.volume("template", "white"),
        timeout_s=inputs.settings["timeout_s"],
    )
    assert warp.displacement is not None and warp.grid is not None
    field = Volume(warp.displacement, warp.grid.affine)
    space = inputs.dataset("template")["t1w"].attrs["space"]
    arrays = {
        "affine": table("affine", warp.affine),
        "displacement": to_array("displacement", field, space=space),
    }
    return Made(xr.Dataset(arrays))


NORMALISE = Stage(
    "normalise",
    _make,
    libraries=("numba", "picsl-greedy", "scipy"),
    needs=("ingest", "bias", "brain", "template"),
)
