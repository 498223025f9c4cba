"""Null studies of the receptor analysis: p over maps, q, coverage of intervals. SIMULATED DATA.

119 regions of Neuromorphometrics and the 17 shipped maps with the grey-matter prior held
constant, 11 patients against 18 controls. A person is a smooth Gaussian field over the regions'
centroids, partly alike in both hemispheres.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from nulls.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import brentq

from rt1t2_dask.atlas import regions
from rt1t2_dask.receptors.colocalisation import colocalise, conclude
from rt1t2_dask.receptors.correlation import fisher_z, partial_correlation
from rt1t2_dask.receptors.maps import THE_17, shipped_means
from rt1t2_dask.receptors.problem import Problem
from rt1t2_dask.receptors.ranks import average_ranks
from rt1t2_dask.receptors.spatial.field import Field
from rt1t2_dask.receptors.spatial.space import of_regions
from rt1t2_dask.stats.multiplicity import benjamini_hochberg

Floats = NDArray[np.float64]

N = (11, 18)
PERMUTATIONS = 999
#: Correlation exp(-d / 20 mm), a third of the variance alike in both hemispheres only, noise .1.
PERSON = Field(reach_mm=20.0, asymmetry=0.5, nugget=0.1, offset=0.0)
TRUE_Z = 0.3
#: People the true mean Fisher z is set on: standard error .0015.
CALIBRATION = 20_000


@cache
def maps() -> tuple[Floats, Floats]:
    """Return the 17 maps, shape (17, 119), and the grey-matter prior."""
    means = shipped_means()
    return means[list(THE_17)].to_numpy().T, means["gm_prior"].to_numpy()


@cache
def root() -> Floats:
    """Return the square root of a person's covariance, every region's variance 1."""
    table = regions()
    covariance = PERSON.covariance(of_regions(table[table["grey"]]))
    spread = np.sqrt(np.diag(covariance))
    return np.linalg.cholesky(covariance / np.outer(spread, spread))


def people(rng: np.random.Generator, n: int) -> Floats:
    """Draw n people without any effect, shape (n, 119)."""
    return rng.standard_normal((n, len(root()))) @ root().T


@cache
def patterns() -> Floats:
    """Return each map's ranks without those of grey matter, mean 0 and SD 1, shape (17, 119)."""
    pet, prior = maps()
    design = np.c_[np.ones(len(prior)), average_ranks(prior[None])[0]]
    ranks = average_ranks(pet)
    rest = ranks - ranks @ np.linalg.pinv(design).T @ design.T
    return rest / rest.std(axis=1, keepdims=True)


@cache
def strengths() -> Floats:
    """Return the change along each map that makes the true mean Fisher z .3, shape (17,).

    True: of endless patients, their z by the mean and SD that the controls are drawn from.
    """
    noise = people(np.random.default_rng(20260101), CALIBRATION)
    pet, prior = maps()

    def excess(size: float, j: int) -> float:
        rows = noise + size * patterns()[j]
        return float(fisher_z(partial_correlation(rows, pet[j : j + 1], prior)).mean()) - TRUE_Z

    return np.array([brentq(excess, 0.0, 2.0, args=(j,), xtol=1e-3) for j in range(len(pet))])


def chance(rng: np.random.Generator) -> dict[str, float | list[float]]:
    """Test one study without any difference: p of each map, and whether any q is under .05."""
    drawn, (pet, prior) = people(rng, sum(N)), maps()
    seed = int(rng.integers(2**31))
    args = drawn[: N[0]], drawn[N[0] :], pet, prior
    p = colocalise(*args, n_permutations=PERMUTATIONS, seed=seed).p_permutation
    return {
        "receptor_rate_01": [float(each <= 0.01) for each in p],
        "receptor_any_q": float((benjamini_hochberg(p) < 0.05).any()),
    }


def coverage(rng: np.random.Generator) -> dict[str, float | list[float]]:
    """Return whether each map's 95 % interval holds the truth, at 0 and at a mean z of .3."""
    drawn, (pet, prior) = people(rng, sum(N)), maps()
    seed = int(rng.integers(2**31))
    patients, controls = drawn[: N[0]], drawn[N[0] :]
    null = interval(Problem(patients, controls, pet, prior), seed)
    found = [
        interval(Problem(patients + size * pattern, controls, pet[j : j + 1], prior), seed)
        for j, (size, pattern) in enumerate(zip(strengths(), patterns(), strict=True))
    ]
    return {
        "interval_coverage:zero": [float(low < 0 < high) for low, high in null],
        "interval_coverage:z03": [float(low < TRUE_Z < high) for [(low, high)] in found],
    }


def interval(problem: Problem, seed: int) -> list[tuple[float, float]]:
    result = conclude(problem, [], n_permutations=0, seed=seed)
    return list(zip(result.ci_low.tolist(), result.ci_high.tolist(), strict=True))


FIGURES = {
    "receptors": Figure(
        2_000, chance, {"receptor_rate_01": (None, 0.013), "receptor_any_q": (None, 0.055)}
    ),
    "receptor_intervals": Figure(2_000, coverage, {"interval_coverage": (0.93, 0.97)}),
}
