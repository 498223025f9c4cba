"""The files of the cortex: GIFTI of each hemisphere and CIFTI-2 of both, with sidecars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.bids.surfaces import HEMISPHERES
from rt1t2_dask.pipelines.analysis import PersonFile
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.outputs.tables import json_bytes
from rt1t2_dask.pipelines.surface.person_stages import SURFACE, SURFACE_SMOOTH
from rt1t2_dask.pipelines.surface.plan import SurfaceContrast
from rt1t2_dask.pipelines.surface.sample import RATIO, SMOOTHED, THICKNESS
from rt1t2_dask.pipelines.surface.template import SIDES, by_side, mesh_words, space_of, template
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.surface.cifti import dscalar_bytes
from rt1t2_dask.surface.gifti import shape_bytes

Float = NDArray[np.floating[Any]]
PEOPLE = {
    RATIO: ("desc-ratio_T1wT2wratio", "T1w/T2w ratio between white and pial surface"),
    SMOOTHED: ("desc-smoothed_T1wT2wratio", "the same, smoothed along the cortex"),
    THICKNESS: ("thickness", "distance of white and pial surface"),
}
GROUP = {
    "t": "stat-t_statmap",
    "effect": "stat-effect_statmap",
    "hedges_g": "stat-d_statmap",
    "n": "stat-n_statmap",
}
CORRECTED = {
    "p_fwe": "FWE",
    "p_fwe_extent": "FWEarea",
    "p_fwe_mass": "FWEmass",
    "p_fwe_tfce": "FWEtfce",
}


def person_files(lake: Lake, plan: PersonPlan, mesh: str, simulated: bool) -> Iterator[PersonFile]:
    """Yield a person's maps on the common mesh."""
    person = plan.person
    stem = f"{person.folder}/anat/{person.label}"
    sampled, smoothed = (lake.read(plan.part(s)) for s in (SURFACE, SURFACE_SMOOTH))
    for name, (desc, words) in PEOPLE.items():
        values = (smoothed if name == SMOOTHED else sampled)[name].to_numpy()
        gain = 1.0 if name == THICKNESS else factor_of(plan)
        yield from _files(stem, desc, values * gain, words, mesh, simulated)


def contrast_files(
    lake: Lake, name: str, plan: SurfaceContrast, mesh: str, simulated: bool
) -> Iterator[PersonFile]:
    """Yield the maps of a contrast on the common mesh."""
    stem = f"group/contrast-{name}"
    fitted = lake.read(plan.contrast.part)
    for stat, desc in GROUP.items():
        if f"surface_{stat}" in fitted:
            values = fitted[f"surface_{stat}"].to_numpy()
            words = f"{stat} of contrast {name}"
            yield from _files(stem, desc, values, words, mesh, simulated)
    if plan.permute is None:
        return
    tested = lake.read(plan.permute.part)
    for stat, desc in CORRECTED.items():
        if f"surface_{stat}" in tested:
            words = f"-log10 family-wise p of contrast {name} over both hemispheres ({desc})"
            values = tested[f"surface_{stat}"].to_numpy()
            own = f"desc-{desc}_stat-p_statmap"
            yield from _files(stem, own, values, words, mesh, simulated)


def _files(
    stem: str, desc: str, values: Float, words: str, mesh: str, simulated: bool
) -> Iterator[PersonFile]:
    """Yield a map as GIFTI of each hemisphere, as CIFTI-2, and its sidecar."""
    masks = [template(side, mesh).cortex for side in SIDES]
    for side, half in by_side(np.asarray(values, np.float32)).items():
        path = f"{stem}_space-{space_of(mesh)}_hemi-{HEMISPHERES[side]}_{desc}.shape.gii"
        yield PersonFile(path, shape_bytes({desc: half}, side))
    both = f"{stem}_space-{space_of(mesh)}_{desc}"
    yield PersonFile(f"{both}.dscalar.nii", dscalar_bytes({desc: np.asarray(values)}, *masks))
    yield PersonFile(f"{both}.json", json_bytes(_sidecar(words, mesh, len(masks[0]), simulated)))


def _sidecar(words: str, mesh: str, vertices: int, simulated: bool) -> Mapping[str, Any]:
    return {
        "Description": f"{words}; NaN where not measured and on the medial wall",
        "Density": f"{vertices} vertices a hemisphere ({mesh_words(mesh)}), left before right",
        "simulated": simulated,
    }
