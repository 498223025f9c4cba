"""Grey matter, white matter and CSF of one brain, from its T1w and the template's maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.tissue_kernels import mean_field
from rt1t2_dask.images.volume import Volume

Values = NDArray[np.float64]
F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

GREY, WHITE, CSF, LESION = 1, 2, 3, 7
"""Labels of BIDS's table of common image-derived labels."""

_PURE = (0, 2, 4)  # CSF, grey, white; 1 and 3 are the mixtures between
_TO_LABEL = np.array([CSF, GREY, WHITE], dtype=np.uint8)
_SURE = 0.7
_FLOOR = 0.02
_MOST_FITTED = 60_000
_EM_ROUNDS = 30
_SMOOTHINGS = 3
_COUPLING = 0.25
_MIN_VOXELS = 500


@dataclass(frozen=True)
class Tissues:
    """The tissue classes of one brain.

    Parameters
    ----------
    labels : Volume
        uint8 on the T1w grid: 0 outside, `GREY`, `WHITE`, `CSF`, `LESION`.
    volumes_ml : dict of str to float
        ``csf``, ``grey``, ``white`` by partial volume.
    means, sds : dict of str to float
        T1w intensity of the pure classes.
    """

    labels: Volume
    volumes_ml: dict[str, float]
    means: dict[str, float]
    sds: dict[str, float]


def segment(t1w: Volume, brain: Mask, priors: F32, exclude: Mask | None = None) -> Tissues:
    """Classify every voxel of the brain.

    Parameters
    ----------
    t1w : Volume
        Bias-corrected; finite.
    brain : ndarray of bool, shape (x, y, z)
        Brain mask.
    priors : ndarray, shape (voxel, 3)
        Probabilities of CSF, grey and white matter at the voxels of `brain`, from the template.
    exclude : ndarray of bool, optional
        Lesions: labelled `LESION`, and kept out of the fit.

    Raises
    ------
    SubjectError
        A class has too few voxels: the priors do not overlap the brain.

    Notes
    -----
    A mixture of Gaussians whose weights follow the template's maps (Ashburner & Friston 2005,
    NeuroImage 26:839), with a class for each partial volume between neighbours in intensity
    (Shattuck et al. 2001, NeuroImage 13:856), fitted by expectation-maximisation on a regular
    subsample, then smoothed as a Markov random field by the mean-field approximation (Zhang 1992,
    IEEE Trans Signal Process 40:2570). A voxel of a mixture is divided in proportion to its
    intensity.
    """
    inside = brain if exclude is None else brain & ~exclude
    values = t1w.data[inside].astype(np.float64)
    weights = _weights(priors[inside[brain]])
    fit = _fitted(values, weights)
    evidence = (fit.likelihood(values) * fit.prior(weights)).astype(np.float32)
    evidence /= np.maximum(evidence.sum(axis=1, keepdims=True), np.float32(1e-30))
    share = _smoothed(np.maximum(evidence, np.float32(1e-12)), inside)
    pure = fit.unmixed(values, share)
    labels = np.zeros(brain.shape, dtype=np.uint8)
    labels[inside] = _TO_LABEL[pure.argmax(axis=1)]
    if exclude is not None:
        labels[brain & exclude] = LESION
    names = ("csf", "grey", "white")
    ml = pure.sum(axis=0, dtype=np.float64) * t1w.grid.voxel_volume_mm3 / 1000
    return Tissues(
        t1w.with_data(labels),
        dict(zip(names, ml.tolist(), strict=True)),
        dict(zip(names, fit.means.tolist(), strict=True)),
        dict(zip(names, np.sqrt(fit.variances).tolist(), strict=True)),
    )


@dataclass(frozen=True)
class _Mixture:
    """Three pure classes in order of brightness, two mixtures tied to them, five weights."""

    means: Values
    variances: Values
    shares: Values

    def likelihood(self, values: Values) -> Values:
        """Return the density of each value in each class, shape (voxel, 5)."""
        middle, spread = _tied(self.means, self.variances)
        scaled = (values[:, None] - middle) ** 2 / spread
        return np.asarray(np.exp(-0.5 * scaled) / np.sqrt(spread))

    def prior(self, weights: Values) -> Values:
        """Return the prior of each class at each voxel, shape (voxel, 5)."""
        scaled = weights * self.shares
        return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))

    def unmixed(self, values: Values, share: F32) -> F32:
        """Split mixtures between their tissues by intensity, shape (voxel, 3)."""
        pure = share[:, _PURE].copy()
        for k in (0, 1):
            step = self.means[k + 1] - self.means[k]
            upper = np.clip((values - self.means[k]) / step, 0, 1).astype(np.float32)
            pure[:, k + 1] += share[:, 2 * k + 1] * upper
            pure[:, k] += share[:, 2 * k + 1] * (1 - upper)
        return pure


def _tied(means: Values, variances: Values) -> tuple[Values, Values]:
    """Return mean and variance of all five classes; a mixture's share is uniform in [0, 1]."""
    middle, spread = np.empty(5), np.empty(5)
    middle[::2], spread[::2] = means, variances
    middle[1::2] = (means[1:] + means[:-1]) / 2
    spread[1::2] = (variances[1:] + variances[:-1]) / 3 + np.diff(means) ** 2 / 12
    return middle, spread


def _weights(priors: F32) -> Values:
    """Return the prior weight of all five classes from the three tissue maps, shape (voxel, 5)."""
    soft = np.clip(priors, 0, None).astype(np.float64) + _FLOOR
    soft /= soft.sum(axis=1, keepdims=True)
    weights = np.empty((len(soft), 5))
    weights[:, ::2] = soft
    weights[:, 1::2] = 2 * np.sqrt(soft[:, 1:] * soft[:, :-1])
    return weights


def _fitted(values: Values, weights: Values) -> _Mixture:
    step = -(-len(values) // _MOST_FITTED)
    values, weights = values[::step], weights[::step]
    mixture = _started(values, weights)
    for _ in range(_EM_ROUNDS):
        joint = mixture.likelihood(values) * mixture.prior(weights)
        share = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300)
        mixture = _updated(values, weights, share, mixture)
    return mixture


def _started(values: Values, weights: Values) -> _Mixture:
    """Start from the medians where the prior maps are near 1."""
    means, variances = np.empty(3), np.empty(3)
    pure = weights[:, ::2]
    for k in range(3):
        sure = values[pure[:, k] > _SURE]
        if len(sure) * 3 < _MIN_VOXELS:
            raise SubjectError(
                f"the tissue priors of the template leave {len(sure)} voxels of "
                f"{('CSF', 'grey matter', 'white matter')[k]} inside the brain mask.",
                "Check the brain mask and the registration, or leave the subject out with "
                "cohort.exclude.",
            )
        means[k] = np.median(sure)
        variances[k] = (1.4826 * np.median(np.abs(sure - means[k]))) ** 2
    floor = (1e-3 * np.abs(means).max()) ** 2
    return _Mixture(means, np.maximum(variances, floor), np.full(5, 0.2))


def _updated(values: Values, weights: Values, share: Values, last: _Mixture) -> _Mixture:
    total = share[:, ::2].sum(axis=0) + 1e-9
    means = (share[:, ::2] * values[:, None]).sum(axis=0) / total
    variances = (share[:, ::2] * (values[:, None] - means) ** 2).sum(axis=0) / total
    floor = (1e-3 * np.abs(means).max()) ** 2
    expected = (weights / (weights @ last.shares)[:, None]).sum(axis=0)
    shares = (share.sum(axis=0) + 1e-9) / expected
    return _Mixture(means, np.maximum(variances, floor), shares / shares.sum())


def _smoothed(evidence: F32, inside: Mask) -> F32:
    """Smooth over face neighbours; the cost grows with the difference in tissue."""
    order = np.arange(5)
    cost = (_COUPLING * np.abs(order[:, None] - order)).astype(np.float32)
    neighbours = _neighbours(inside)
    share = np.vstack([evidence, np.zeros((1, 5), dtype=np.float32)])
    for _ in range(_SMOOTHINGS):
        share = mean_field(share, evidence, neighbours, cost)
    return share[:-1]


def _neighbours(inside: Mask) -> NDArray[np.int32]:
    """Return the rows of each voxel's six face neighbours; the last row where it has none."""
    padded = np.pad(inside, 1)
    count = int(inside.sum())
    rows = np.full(padded.shape, count, dtype=np.int32)
    rows[padded] = np.arange(count)
    at = np.flatnonzero(padded)
    steps = [s // padded.itemsize for s in padded.strides]
    return np.stack([rows.ravel()[at + sign * s] for s in steps for sign in (-1, 1)], axis=1)
