"""Studies of 11 against 18 people whose effect is a bound of equivalence, or drawn from a prior.

Level of the two one-sided tests: regions whose mean differs by 10 % of the controls' mean, or by
0.8 standard deviations, patients 1.5 times as variable (percent) or as variable (g), ages held; and
of any voxel of a smooth map of about 5,000 where the effect is at the bound everywhere. Bayes
factors: the standardised effect is none in half of the studies and drawn from the prior in the
other; of those that favour a side by 2 to 1 or more (so few people never favour none by 3), the
share that are right, and the share that their factors say. SIMULATED DATA.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from nulls.figure import Figure, Value
from numpy.typing import NDArray
from reviewers.ordered import ALPHA, FWHM_VOXELS, PERMUTATIONS, ellipsoid
from scipy import ndimage

from rt1t2_dask.pipelines.absence.regions import bounds, pooled_t
from rt1t2_dask.stats import design
from rt1t2_dask.stats.absence import (
    WIDTH,
    bayes_factor,
    equivalence_p,
    standardised_equivalence_p,
)
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange
from rt1t2_dask.stats.permutation.null import p_fwe
from rt1t2_dask.stats.scale import Scale
from rt1t2_dask.stats.shifted import shifted

N = (11, 18)
LABELS = ["a"] * N[0] + ["b"] * N[1]
PATIENT = np.array(LABELS) == "a"
PERCENT, G, MEAN, SD, SPREAD = 10.0, 0.8, 1.5, 0.08, 1.5
REGIONS, EVIDENCE, SIDES = 119, 2.0, ("effect", "none")
Float = NDArray[np.float64]


def contrast(rng: np.random.Generator) -> design.Design:
    """Return the design of both groups with age held."""
    return design.two_sample(LABELS, "a", "b", pd.DataFrame({"age": rng.normal(60, 12, sum(N))}))


def noise(rng: np.random.Generator, spread: float, columns: int) -> Float:
    """Return independent noise of standard deviation 1, the patients' so many times as much."""
    return rng.standard_normal((sum(N), columns)) * np.where(PATIENT, spread, 1.0)[:, None]


def by_percent(rng: np.random.Generator) -> float:
    """Return the share of regions called equivalent whose effect is 10 % of the mean."""
    data = MEAN * (1 + SD * noise(rng, SPREAD, REGIONS))
    data[PATIENT] += MEAN * PERCENT / 100
    found = fit(data, contrast(rng), "welch")
    low, high = bounds(PERCENT, data[~PATIENT].mean(axis=0), Scale.RATIO)
    return float((equivalence_p(found.effect, found.se, found.dof, low, high) <= ALPHA).mean())


def by_g(rng: np.random.Generator) -> float:
    """Return the share of regions called equivalent whose effect is 0.8 SD."""
    data = noise(rng, 1.0, REGIONS)
    data[PATIENT] += G
    found = fit(data, contrast(rng), "welch")
    t, n = pooled_t(found)
    return float((standardised_equivalence_p(t, n, found.residual_dof, G) <= ALPHA).mean())


def anywhere(rng: np.random.Generator) -> float:
    """Return whether any voxel is called equivalent, corrected, where none is."""
    mask = ellipsoid()
    data = np.empty((sum(N), int(mask.sum())))
    for row, patient in zip(data, PATIENT, strict=True):
        smooth = ndimage.gaussian_filter(rng.standard_normal(mask.shape), FWHM_VOXELS / 2.3548)
        row[:] = MEAN * (1 + SD * smooth[mask] / smooth[mask].std() * (SPREAD if patient else 1.0))
    data[PATIENT] += MEAN * PERCENT / 100
    own, seed = contrast(rng), int(rng.integers(2**31))
    low, high = bounds(PERCENT, data[~PATIENT].mean(axis=0), Scale.RATIO)
    p = [one_bound(data, own, bound, above, seed) for bound, above in ((low, True), (high, False))]
    return float((np.maximum(*p) <= ALPHA).any())


def one_bound(data: Float, own: design.Design, bound: Float, above: bool, seed: int) -> Float:
    """Return the family-wise p that the effect is beyond one bound, as stage `absence_bound`."""
    how = exchange.exchanged(own, "welch")
    plan = exchange.plan(own, PERMUTATIONS, seed, batch_size=PERMUTATIONS, exchange=how)
    block = permutation.prepare(shifted(data, own, bound), own, plan, "welch")
    null = permutation.run_orders(block, plan.orders(0)).tails
    sided = (block.z, null.positive) if above else (-block.z, null.negative)
    return np.asarray(p_fwe(*sided))


def level(rng: np.random.Generator) -> dict[str, Value]:
    """Return how often effects at a bound are called equivalent."""
    found = {"percent": by_percent(rng), "g": by_g(rng), "voxels": anywhere(rng)}
    return {f"tost_level:{name}": value for name, value in found.items()}


def calibration(rng: np.random.Generator) -> dict[str, Value]:
    """Return of the Bayes factors that favour a side whether they are right."""
    real = rng.random(REGIONS) < 0.5
    true = np.where(real, WIDTH * rng.standard_cauchy(REGIONS), 0.0)
    data = noise(rng, 1.0, REGIONS)
    data[PATIENT] += true
    found = fit(data, contrast(rng), "welch")
    t, n = pooled_t(found)
    factor = bayes_factor(t, n, found.residual_dof)
    said = factor / (1 + factor)
    effect, none = factor > EVIDENCE, factor < 1 / EVIDENCE
    return {
        "bf_right_effect": real[effect].astype(float).tolist(),
        "bf_said_effect": said[effect].tolist(),
        "bf_right_none": (~real[none]).astype(float).tolist(),
        "bf_said_none": (1 - said[none]).tolist(),
    }


FIGURES: dict[str, Figure] = {
    "tost": Figure(500, level, {"tost_level": (None, 0.055)}),
    "bf": Figure(
        200,
        calibration,
        {f"bf_{kind}_{side}": (None, None) for side in SIDES for kind in ("right", "said")},
    ),
}
