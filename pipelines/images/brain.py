"""Stage `brain`: the brain mask on the T1w grid."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain import deepbet
from rt1t2_dask.images.brain.mask import Brain, check_lesion, extract, register
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table, to_array

OUTSIDE = "lesion_outside_share"


class BrainSettings(StageSettings):
    """Whether a doubtful pose is refused, and what decides deepbet's mask where that is taken."""

    pose: bool
    method: str = "registration"
    deepbet: str = ""
    timeout_s: float = 0.0


def brain_settings(config: Config) -> BrainSettings:
    """Return what decides the brain mask: whether a doubtful pose is refused, and deepbet's.

    Raises
    ------
    UserError
        The selected program is not installed.
    """
    if config.brain.method == "template":
        return BrainSettings(pose=config.checks.pose)
    return BrainSettings(
        pose=config.checks.pose,
        method="deepbet",
        deepbet=deepbet.installed_version(),
        timeout_s=config.normalise.timeout_s,
    )


def make(inputs: Inputs) -> Made:
    """Find the brain and the pose of the head."""
    found = _found(inputs)
    registered = found.registered
    arrays = {
        "brain": to_array("brain", found.mask),
        "head_affine": table("head_affine", found.affine),
    }
    lesion = _mask(inputs, "lesion")
    outside = {} if lesion is None else {OUTSIDE: check_lesion(lesion, found.mask)}
    volume_ml = found.mask.data.sum() * found.mask.grid.voxel_volume_mm3 / 1000
    record = {
        "brain_ml": float(volume_ml),
        "brain_mask": _origin(inputs),
        "head_similarity": registered.pose.similarity,
        "head_margin": registered.pose.margin,
        "head_ncc": registered.ncc,
        "head_reach": registered.reach,
        "face_seen": registered.face,
    }
    return Made(xr.Dataset(arrays), record | outside)


def _found(inputs: Inputs) -> Brain:
    """Find the mask, or take the one brought; the head's pose is judged either way."""
    t1w, settings = inputs.volume("bias", "t1w_corrected"), inputs.settings_as(BrainSettings)
    head, brain = template_head(inputs)
    brought = _mask(inputs, "brain_mask")
    if brought is None and not settings.deepbet:
        return extract(t1w, head, brain, _mask(inputs, "lesion"), refuse=settings.pose)
    if brought is not None:
        mask = _usable(brought)
    else:
        mask = t1w.with_data(deepbet.extract(t1w, settings.timeout_s))
    registered = register(t1w, head, brain)
    if settings.pose:
        registered.check()
    return Brain(mask, registered)


def template_head(inputs: Inputs) -> tuple[Volume, Volume]:
    """Read the template head and its boolean brain mask."""
    head, brain = (inputs.volume("head", name) for name in ("t1w", "brain"))
    return head, brain.with_data(brain.data.astype(np.bool_))


def _origin(inputs: Inputs) -> str:
    brought = "brain_mask" in inputs.dataset("ingest")
    return "brought" if brought else inputs.settings_as(BrainSettings).method


def _mask(inputs: Inputs, name: str) -> Volume | None:
    found = inputs.optional_volume("ingest", name)
    return None if found is None else found.with_data(found.data.astype(np.bool_))


def _usable(brought: Volume) -> Volume:
    if not brought.data.any():
        raise SubjectError(
            "The brain mask is empty.",
            "Replace it, or remove the file to compute the mask here.",
        )
    return brought
