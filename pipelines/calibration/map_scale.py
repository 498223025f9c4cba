"""The scale of the maps of a contrast: planned, and detected."""

from __future__ import annotations

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.stats.scale import Scale

# Spline interpolation rings a little below zero at the edge of a map; in signed maps, such as the
# standardised ratio, tens of percent are negative.
SIGNED_SHARE = 0.01


def scale_of(config: Config) -> Scale:
    """Return the scale of a run's maps; that of ready-made ones is found when they are read."""
    if config.source.ready_made:
        return Scale.RATIO
    return scale_of_kind(config.calibration.kind)


def scale_of_kind(kind: str, among: str = Scale.RATIO) -> Scale:
    """Return the scale of a calibration's maps, the study's being of the scale ``among``."""
    if kind == "gm_median":
        return Scale.SIGNED
    return Scale.RATIO if among == Scale.SIGNED else Scale(among)


def joint_scale(inputs: Inputs, role: str) -> str:
    """Return the scale of the maps behind all parts under a role: signed if any of them is."""
    scales = [inputs.record(role, k)["scale"] for k in range(len(inputs.parts(role)))]
    return Scale.SIGNED.value if Scale.SIGNED.value in scales else str(scales[0])


def scale_of_maps(inputs: Inputs, planned: str) -> str:
    """Return the scale of the maps of all rows: as planned, but signed if any map is.

    Returns
    -------
    str
        A value of `Scale`. A map is signed if more than 1 % of its measured brain voxels are
        negative.
    """
    maps = (*inputs.parts("row"), *inputs.parts("partner"))
    shares = (inputs.lake.record(part).get("negative_share", 0.0) for part in maps)
    if any(share > SIGNED_SHARE for share in shares):
        return Scale.SIGNED.value
    return planned
