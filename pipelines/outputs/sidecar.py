"""The JSON sidecar of one person's map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from typing import Any

from rt1t2_dask import __version__
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.calibration.plan import EB_GAIN
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import CALIBRATE, COREGISTER, NORMALISE
from rt1t2_dask.pipelines.outputs.dataset import bids_uri
from rt1t2_dask.storage.parts import Lake

LIBRARIES = ("numba", "numpy", "scipy")
SPLINE = "fourth-degree B-spline, clipped to the image's range"
IN_TEMPLATE = (
    "T1w: template to T1w by deformation, then affine; T2w: the same, then rigid T1w to T2w. "
    "Composed; each image was interpolated once."
)
RAW = "none: the raw ratio; gain is estimated and corrected by a study of the whole cohort"
ON_T1W = "T1w: not resampled; T2w: rigid T1w to T2w, interpolated once."


@cache
def versions() -> tuple[tuple[str, str], ...]:
    """Return the versions of this package and of the libraries that decide a map."""
    return ("rt1t2_dask", __version__), *((name, version(name)) for name in LIBRARIES)


TRANSMIT_SLOPE = "transmit_slope"
"""In the record of a ratio that was corrected for the transmit field."""


def describe(lake: Lake, config: Config, plan: PersonPlan, desc: str, space: str) -> dict[str, Any]:
    """Describe the processing of a map.

    Parameters
    ----------
    desc : str
        ``ratio`` or ``smoothed``.
    space : str
        Name of the template space, or ``T1w``.
    """
    sidecar: dict[str, Any] = {
        "Description": "Calibrated T1w/T2w ratio; NaN where not measured",
        "Units": "1",
        "SpatialReference": "the T1w image" if space == "T1w" else space,
        "simulated": config.simulated,
        "Sources": sources(config, plan),
        "SourcesChosen": {
            role: file.chosen
            for task in plan.tasks.values()
            for role, file in task.each_file()
            if file.chosen
        },
        "Parts": {stage: task.part.key for stage, task in plan.tasks.items()},
        "SoftwareVersions": dict(versions()),
        "Settings": {stage: s for stage, task in plan.tasks.items() if (s := _settings(task))},
    }
    if NORMALISE.name in plan.tasks:
        sidecar["Transforms"] = ON_T1W if space == "T1w" else IN_TEMPLATE
        sidecar["Interpolation"] = SPLINE
        sidecar |= _transforms(lake, plan)
    if CALIBRATE.name in plan.tasks:
        sidecar["Calibration"] = _calibration(lake, config, plan)
    if plan.map is not None and TRANSMIT_SLOPE in (record := lake.record(plan.map)):
        sidecar["TransmitSlope"] = record[TRANSMIT_SLOPE]
    if desc == "smoothed":
        sidecar["Smoothing"] = config.smooth.model_dump()
    return sidecar


def _calibration(lake: Lake, config: Config, plan: PersonPlan) -> dict[str, Any]:
    """Return how intensities were calibrated, and the gain that the study corrected."""
    done = dict(lake.record(plan.part(CALIBRATE)))
    if config.calibration.kind != EB_GAIN:
        return done
    if plan.gain is None:
        return done | {"kind": EB_GAIN, "gain": RAW}
    text = asdict(plan.gain)
    return done | {"kind": EB_GAIN, **{k: None if v != v else v for k, v in text.items()}}


def sources(config: Config, plan: PersonPlan, roles: Sequence[str] | None = None) -> list[str]:
    """Return the input files as BIDS URIs, optionally of some roles only."""
    return [
        bids_uri(config, file.root, file.path)
        for task in plan.tasks.values()
        for role, file in task.each_file()
        if roles is None or role in roles
    ]


def mask(config: Config, plan: PersonPlan, desc: str) -> dict[str, Any]:
    """Describe a mask: ``brain`` or ``lesion``."""
    what = {"brain": "Brain, including ventricles and sulci", "lesion": "Lesion, as supplied"}
    return {
        "Type": "Brain" if desc == "brain" else "Lesion",
        "Description": f"{what[desc]}; 1 inside, on the T1w grid",
        "SpatialReference": "orig",
        "Sources": sources(config, plan, ("t1w", "brain_mask") if desc == "brain" else (desc,)),
        "simulated": config.simulated,
    }


def _settings(task: Task) -> Mapping[str, Any]:
    return task.settings.plain()


def _transforms(lake: Lake, plan: PersonPlan) -> dict[str, Any]:
    """Return the matrices; the deformation field lies in the part of the stage `normalise`."""
    rigid = lake.read(plan.part(COREGISTER))["rigid"].to_numpy()
    affine = lake.read(plan.part(NORMALISE))["affine"].to_numpy()
    return {
        "T1wToT2w": rigid.tolist(),
        "TemplateToT1wAffine": affine.tolist(),
        "Deformation": f"parts/{NORMALISE.name}/{plan.part(NORMALISE).key}, array displacement",
    }
