"""New people against 20 or 12 controls: how often one deviates who does not, and who does.

Maps in an ellipsoid of about 20,000 voxels of 4 mm, as smooth as residuals of simulated heads (22
mm). A person's level varies by 3 %, each voxel by 4 % more, together 5 % between people after
smoothing; values fall by .1 % a year of age, which the controls' fit holds. ``skewed`` makes the
noise lognormal, and up to twice as strong in some people. Patients of the power figures have
spheres that are 15 % lower before a smoothing of 10 mm, the default. ``cluster``: p < .001 and
750 mm³, uncorrected, as the table of clusters. SIMULATED DATA.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from nulls.contrasts import ellipsoid
from nulls.figure import Figure, Value
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.stats.clusters.components import Sign, find
from rt1t2_dask.stats.clusters.random_field import SearchVolume, peak_p_fwe
from rt1t2_dask.stats.clusters.smoothness import fwhm_voxels
from rt1t2_dask.stats.deviation import extremes, left_out, leverages, p_by_rank, standardised
from rt1t2_dask.stats.scores import t_to_z

MANY, FEW, ALPHA = 20, 12, 0.05
MEAN, LEVEL, NOISE, SLOPE = 1.5, 0.03, 0.04, -0.001
VOXEL_MM, FWHM_MM, KERNEL_MM, PLANTED = 4.0, 22.0, 10.0, 0.15
HEIGHT_P, EXTENT_MM3 = 0.001, 750.0
DIAMETERS_MM = (10, 20, 30)
PLACE = np.array([6.0, 4.0, 0.0])
FWHM_OF_SD = 2.3548
Maps = NDArray[np.float32]
Float = NDArray[np.float64]


def people(rng: np.random.Generator, n: int, skewed: bool = False) -> tuple[Maps, Float]:
    """Return the maps of people drawn alike, shape (person, voxel), and their model."""
    mask, age = ellipsoid(), rng.normal(60, 12, n)
    data = np.empty((n, int(mask.sum())), np.float32)
    for k, row in enumerate(data):
        noise = ndimage.gaussian_filter(
            rng.standard_normal(mask.shape, np.float32), FWHM_MM / VOXEL_MM / FWHM_OF_SD
        )[mask]
        noise *= NOISE / noise.std() * (rng.uniform(1, 2) if skewed else 1.0)
        change = np.expm1(3 * noise) / 3 if skewed else noise
        row[:] = MEAN * (1 + rng.normal(0, LEVEL) + SLOPE * (age[k] - 60) + change)
    return data, np.column_stack([np.ones(n), age - age.mean()])


def by_rank(data: Maps, matrix: Float) -> tuple[Float, Float]:
    """Return the family-wise p of every voxel of the last person, and t."""
    found = left_out(data, matrix)
    z = t_to_z(found.t[-1], found.dof[-1])
    return p_by_rank(z, extremes(found.t, found.dof)[:-1])["both"], found.t[-1]


def clusters(t: Float, dof: float, sign: Sign) -> NDArray[np.bool_]:
    """Return the voxels of clusters of one sign."""
    volume = np.full(ellipsoid().shape, np.nan)
    volume[ellipsoid()] = t
    affine = np.diag([VOXEL_MM] * 3 + [1.0])
    found = find(volume, affine, dof, sign=sign, p=HEIGHT_P, extent_mm3=EXTENT_MM3)
    return np.asarray(found.labels[ellipsoid()] > 0)


def by_field(data: Maps, matrix: Float) -> Float:
    """Return the same by random-field theory."""
    t, n = left_out(data, matrix).t[-1], len(data) - 1
    controls = left_out(data[:-1], matrix[:-1])
    residuals = standardised(controls.t, controls.dof, leverages(matrix[:-1]))
    dof = n - matrix.shape[1]
    fwhm = fwhm_voxels(residuals, ellipsoid(), dof, n)
    return 2 * peak_p_fwe(np.abs(t), SearchVolume.of(ellipsoid(), fwhm, dof))


def null(key: str, skewed: bool, rng: np.random.Generator) -> dict[str, Value]:
    """Return whether one more control deviates anywhere, with many and with few controls."""
    data, matrix = people(rng, MANY + 1, skewed)
    p, t = by_rank(data, matrix)
    signs: tuple[Sign, Sign] = ("positive", "negative")
    large = any(clusters(t, MANY - matrix.shape[1], sign).any() for sign in signs)
    last = slice(MANY - FEW, None)
    field = float(by_field(data[last], matrix[last]).min() <= ALPHA)
    rank = float(p.min() <= ALPHA)
    return {key: rank, f"{key}_cluster": float(large), f"{key}_12_random_field": field}


@cache
def planted(diameter_mm: float) -> tuple[Float, NDArray[np.bool_]]:
    """Return what smoothing leaves of a sphere of ones, and where it is, at the mask's voxels."""
    mask = ellipsoid()
    index = np.indices(mask.shape).transpose(1, 2, 3, 0) - (np.array(mask.shape) - 1) // 2
    near = np.linalg.norm(index - PLACE, axis=-1) * VOXEL_MM <= diameter_mm / 2
    smooth = ndimage.gaussian_filter(near.astype(float), KERNEL_MM / VOXEL_MM / FWHM_OF_SD)
    return smooth[mask], near[mask]


def power(rng: np.random.Generator) -> dict[str, Value]:
    """Return whether a lower sphere of each size is found at a family-wise p of .05."""
    data, matrix = people(rng, MANY + 1)
    values: dict[str, Value] = {}
    for diameter in DIAMETERS_MM:
        share, inside = planted(diameter)
        changed = data.copy()
        changed[-1] *= 1 - PLANTED * share
        p, t = by_rank(changed, matrix)
        hit = ((p <= ALPHA) & (t < 0) & inside).any()
        large = (clusters(t, MANY - matrix.shape[1], "negative") & inside).any()
        values[f"deviation_power_{diameter}mm"] = float(hit)
        values[f"deviation_power_{diameter}mm_cluster"] = float(large)
    return values


SHOWN = (None, None)
FIGURES: dict[str, Figure] = {
    "deviation_fwe": Figure(
        1000,
        partial(null, "deviation_fwe", False),
        {
            "deviation_fwe": (None, 0.07),
            "deviation_fwe_cluster": SHOWN,
            "deviation_fwe_12_random_field": SHOWN,
        },
    ),
    "deviation_fwe_skewed": Figure(
        1000,
        partial(null, "deviation_fwe_skewed", True),
        {
            "deviation_fwe_skewed": (None, 0.07),
            "deviation_fwe_skewed_cluster": SHOWN,
            "deviation_fwe_skewed_12_random_field": SHOWN,
        },
    ),
    "deviation_power": Figure(
        200,
        power,
        {f"deviation_power_{d}mm{more}": SHOWN for d in DIAMETERS_MM for more in ("", "_cluster")},
    ),
}
