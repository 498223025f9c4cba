"""Integers behind scaled intensities, so that the unit changes no bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume

F64 = NDArray[np.float64]

_SAMPLED = 200_000
_MOST_STEPS = 2**16
_TOLERANCE = 0.02  # of a step; float32 is off by 0.004 at 65,536 steps
_DOUBLINGS = 17


def in_steps(image: Volume) -> tuple[Volume, float]:
    """Return an image as integer multiples of its quantisation step, and the step.

    Parameters
    ----------
    image : Volume
        Finite.

    Returns
    -------
    image : Volume
        Integers below 65,536 in float32; the image itself where it is not quantised.
    step : float
        The input over the output; 1 if unchanged.

    Notes
    -----
    Scanners store integers, and files scale them. Registration can amplify the last bit of a float
    to millimetres, so the same scan in other units ended elsewhere.
    """
    step = _step(image.data)
    if step is None or step == 1.0:
        return image, 1.0
    whole = np.rint(image.data.astype(np.float64) / step)
    if np.abs(whole * step - image.data).max(initial=0) > _TOLERANCE * step:
        return image, 1.0
    return image.with_data(whole.astype(np.float32)), step


def _step(data: NDArray[np.floating]) -> float | None:
    """Estimate the quantisation step from a sample of intensities; None where there is none."""
    flat = np.abs(data.reshape(-1)[:: max(1, data.size // _SAMPLED)]).astype(np.float64)
    levels = np.unique(np.append(flat, [0.0, float(np.abs(data).max(initial=0))]))
    if len(levels) < 3 or len(levels) > _MOST_STEPS:
        return None
    gaps = np.diff(levels)
    step = _refined(levels, float(gaps[gaps > gaps.max() * np.finfo(np.float32).eps].min()))
    if levels[-1] / step > _MOST_STEPS:
        return None
    return 1.0 if abs(step - 1.0) < np.finfo(np.float32).eps else step


def _refined(levels: F64, step: float) -> float:
    """Refine a step on successively larger multiples."""
    for power in range(_DOUBLINGS):
        k = min(int(np.searchsorted(levels, step * 2**power)), len(levels) - 1)
        count = round(levels[k] / step)
        if count:
            step = float(levels[k]) / count
    return step
