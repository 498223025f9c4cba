"""Tissue classes from precomputed probability maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.tissue import CSF, GREY, LESION, WHITE, Tissues
from rt1t2_dask.images.volume import Volume

LEAST_SHARE = 0.5
_NAMES = ("csf", "grey", "white")
_LABELS = np.array([CSF, GREY, WHITE], dtype=np.uint8)

Mask = NDArray[np.bool_]


def from_probabilities(
    t1w: Volume, brain: Mask, probabilities: NDArray[np.float32], exclude: Mask | None = None
) -> Tissues:
    """Return the most probable class of each voxel of the brain.

    Parameters
    ----------
    t1w : Volume
        Bias-corrected.
    brain : ndarray of bool, shape (x, y, z)
    probabilities : ndarray, shape (3, x, y, z)
        Probabilities in [0, 1] of CSF, grey and white matter, on the T1w grid.
    exclude : ndarray of bool, optional
        Lesions: labelled as such and left out of volumes and means.

    Raises
    ------
    SubjectError
        Less than half of the brain has a class.
    """
    inside = brain if exclude is None else brain & ~exclude
    known = inside & (probabilities.sum(axis=0) > LEAST_SHARE)
    if known.sum() < LEAST_SHARE * max(int(inside.sum()), 1):
        raise SubjectError(
            f"the tissue probabilities cover {known.sum() / max(int(inside.sum()), 1):.0%} of the "
            "brain.",
            "Check them, remove the *_probseg files, or leave the subject out with cohort.exclude.",
        )
    labels = np.zeros(brain.shape, dtype=np.uint8)
    labels[known] = _LABELS[probabilities[:, known].argmax(axis=0)]
    if exclude is not None:
        labels[brain & exclude] = LESION
    weights = probabilities[:, known].astype(np.float64)
    values = t1w.data[known].astype(np.float64)
    total = weights.sum(axis=1)
    means = weights @ values / np.maximum(total, 1e-9)
    spread = [
        float(w @ (values - m) ** 2 / max(t, 1e-9))
        for w, m, t in zip(weights, means, total, strict=True)
    ]
    ml = total * t1w.grid.voxel_volume_mm3 / 1000
    return Tissues(
        t1w.with_data(labels),
        dict(zip(_NAMES, ml.tolist(), strict=True)),
        dict(zip(_NAMES, means.tolist(), strict=True)),
        dict(zip(_NAMES, np.sqrt(spread).tolist(), strict=True)),
    )
