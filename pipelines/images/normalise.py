"""Stage `normalise`: the deformation field from the template to the person."""

from __future__ import annotations

import xarray as xr

from rt1t2_dask.config.study import Config
from rt1t2_dask.images.registration import ants_syn, greedy
from rt1t2_dask.images.registration.normalise import to_template
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table, to_array
from rt1t2_dask.pipelines.images.precomputed_transform import NormaliseSettings, make_given


def normalise_settings(config: Config) -> NormaliseSettings:
    """Return what decides the deformation field.

    Raises
    ------
    UserError
        The selected program is not installed.
    """
    kind, voxel_mm = config.normalise.kind, config.registration_voxel_mm
    if config.precomputed_transform:
        return NormaliseSettings(kind=kind, voxel_mm=voxel_mm, space=config.space)
    return NormaliseSettings(
        kind=kind,
        voxel_mm=voxel_mm,
        fill=config.lesion.fill,
        timeout_s=config.normalise.timeout_s,
        antspyx=ants_syn.installed_version() if kind == "ants_syn" else "",
        greedy=greedy.installed_version() if kind == "greedy" else "",
    )


def make(inputs: Inputs) -> Made:
    """Register the template to the person, or sample the transform that was brought."""
    settings = inputs.settings_as(NormaliseSettings)
    if settings.kind == "derivatives":
        return make_given(inputs)
    assert settings.fill is not None
    brain = inputs.volume("brain", "brain")
    lesion = inputs.optional_volume("ingest", "lesion")
    warp = to_template(
        inputs.volume("bias", "t1w_corrected"),
        brain.with_data(brain.data.astype(bool)),
        inputs.volume("template", "t1w"),
        exclude=None if lesion is None else lesion.with_data(lesion.data.astype(bool)),
        start=inputs.array("brain", "head_affine"),
        voxel_mm=settings.voxel_mm,
        method=settings.kind,
        fill=settings.fill,
        white=inputs.volume("template", "white"),
        timeout_s=settings.timeout_s,
    )
    assert warp.displacement is not None and warp.grid is not None
    field = Volume(warp.displacement, warp.grid.affine)
    space = inputs.dataset("template")["t1w"].attrs["space"]
    arrays = {
        "affine": table("affine", warp.affine),
        "displacement": to_array("displacement", field, space=space),
    }
    return Made(xr.Dataset(arrays))
