"""Stages `transmit`, `transmit_slope`, `transmit_corrected`: the ratio corrected for B1+."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table, to_array
from rt1t2_dask.pipelines.images.tissue import warp_of
from rt1t2_dask.ratio.transmit import Asymmetry, asymmetry, denoised, factor, fit_slope, relative

FILE, KEY = "transmit", "transmit_slope"
PAIRS = ("difference", "field", "across")
LEAST_TISSUE = 0.9
LEAST_SEEN = 0.9
ON_T1W, IN_TEMPLATE = "transmit_t1w", "transmit_template"


class SlopeSettings(StageSettings):
    """The slope that was given; fitted where there is none."""

    slope: float | None = None


def make_field(inputs: Inputs) -> Made:
    """Carry a person's transmit map to the T1w's grid and to template space.

    The map's header places it in the scanner's space, as that of the T1w.
    """
    file = inputs.file(FILE)
    assert file is not None
    ratio = inputs.volume("ratio", "ratio")
    on_t1w = inputs.volume("ratio", "ratio_t1w")
    brain = np.isfinite(on_t1w.data)
    scanned = from_bytes(file.read(), "transmit map", kind="map")
    carried = to_grid(denoised(scanned), on_t1w.grid, order=1, outside=np.nan)
    here = relative(carried, brain)
    seen = float(np.isfinite(here.data[brain]).mean())
    if seen < LEAST_SEEN:
        raise SubjectError(
            f"the transmit map covers {seen:.0%} of the brain; {LEAST_SEEN:.0%} are needed.",
            "Take a map of the whole head, or leave the subject out with cohort.exclude.",
        )
    warp, within = warp_of(inputs), np.isfinite(ratio.data)
    there = to_grid(here, ratio.grid, warp=warp, order=1, outside=np.nan, within=within)
    space = inputs.dataset("ratio")["ratio"].attrs["space"]
    arrays = {
        IN_TEMPLATE: to_array(IN_TEMPLATE, there, space=space),
        ON_T1W: to_array(ON_T1W, here),
    }
    white = inputs.volume("template_out", "white").data
    grey = inputs.volume("template_out", "grey").data
    pairs = asymmetry(ratio, there, grey + white >= LEAST_TISSUE)
    for name in PAIRS:
        arrays[f"transmit_{name}"] = table(f"transmit_{name}", getattr(pairs, name))
    record = {"median": float(np.nanmedian(here.data[brain])), "seen": seen}
    return Made(xr.Dataset(arrays), record)


def make_slope(inputs: Inputs) -> Made:
    """Fit the slope to how people differ in their left-right asymmetry."""
    people = [
        Asymmetry(*(inputs.array("transmit", f"transmit_{name}", k) for name in PAIRS))
        for k in range(len(inputs.parts("transmit")))
    ]
    found = fit_slope(people)
    record = {"slope": found.slope, "se": found.se}
    record |= {"before": found.asymmetry_before, "after": found.asymmetry_after}
    return Made(xr.Dataset(), record | {"people": len(people)})


def make_corrected(inputs: Inputs) -> Made:
    """Divide a person's ratio by the field's effect, in template space and on the T1w's grid."""
    slope = inputs.settings_as(SlopeSettings).slope
    if slope is None:
        slope = float(inputs.record("slope")["slope"])
    dataset = inputs.dataset("ratio").load()
    space = dataset["ratio"].attrs["space"]
    arrays = {}
    for name, field in {"ratio": IN_TEMPLATE, "ratio_t1w": ON_T1W}.items():
        ratio, transmit = inputs.volume("ratio", name), inputs.volume("transmit", field)
        divided = (ratio.data / factor(transmit.data, slope)).astype(np.float32)
        where = {"space": space} if name == "ratio" else {}
        arrays[name] = to_array(name, Volume(divided, ratio.affine), **where)
    if "lesion_template" in dataset:
        lesion = inputs.volume("ratio", "lesion_template")
        arrays["lesion_template"] = to_array("lesion_template", lesion, space=space)
    measured = int(np.isfinite(arrays["ratio"].to_numpy()).sum())
    record = {**inputs.record("ratio"), "voxels_measured": measured, KEY: slope}
    return Made(xr.Dataset(arrays), record)
