"""Studies in which patients have larger ventricles and the same tissue: 11 against 18 people.

A brain of 4 mm voxels round a ventricle whose surface, as that of the cortex, lies elsewhere in
everybody. A voxel's T1w and T2w are mixed by its share of tissue before they are divided; tissue
has smooth noise of 6 % and a spread of 3 % between people. In patients the ventricle's surface is
2 mm further out. In studies with a planted change, tissue beside the ventricle is 15 % lower in
patients as well. SIMULATED DATA.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd
from nulls.figure import Figure, Value
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.stats import design
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange
from rt1t2_dask.stats.permutation.null import p_fwe

N = (11, 18)
SHAPE, VOXEL_MM = (34, 42, 34), 4.0
BRAIN, VENTRICLE = np.array([15.0, 19.0, 15.0]), np.array([3.5, 6.0, 3.5])
FWHM_MM, PERMUTATIONS, ALPHA = 10.0, 199, 0.05
ENLARGED, SURFACE_SD = 0.5, 0.25
NOISE, BETWEEN, PLANTED, REACH = 0.06, 0.03, 0.15, 3.0
TISSUE, FLUID = (100.0, 70.0), (25.0, 220.0)
CENTRE = np.array([6.0, 0.0, 0.0])
Volumes = NDArray[np.float32]


@cache
def index() -> NDArray[np.float64]:
    """Return each voxel's place from the centre, in voxels, shape (x, y, z, 3)."""
    return np.indices(SHAPE).transpose(1, 2, 3, 0) - (np.array(SHAPE) - 1) / 2


def depth(radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far voxels lie inside an ellipsoid, in voxels; negative outside."""
    scaled = np.linalg.norm(index() / radii, axis=-1)
    return np.asarray((1 - scaled) * radii.min())


def person(
    rng: np.random.Generator, patient: bool, planted: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a person's ratio and share of tissue."""
    out, inside = rng.normal(0, SURFACE_SD, 2)
    ventricle = VENTRICLE + inside + ENLARGED * patient
    share = np.clip(depth(BRAIN + out) + 0.5, 0, 1) * np.clip(0.5 - depth(ventricle), 0, 1)
    noise = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 0.6)
    change = 1 + NOISE * noise / noise.std() + rng.normal(0, BETWEEN)
    if patient and planted:
        change *= 1 - PLANTED * (np.linalg.norm(index() - CENTRE, axis=-1) < REACH)
    t1, t2 = (
        share * tissue + (1 - share) * fluid for tissue, fluid in zip(TISSUE, FLUID, strict=True)
    )
    return t1 / t2 * np.where(share > 0, change, 1), share


def maps(
    rng: np.random.Generator, planted: bool
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32], NDArray[np.bool_]]:
    """Return ratios by kind of smoothing, shares smoothed alike, (row, voxel), and the mask."""
    mask = depth(BRAIN) > 0
    rows: dict[str, list[Volumes]] = {"none": [], "weighted": [], "share": []}
    affine = np.diag([VOXEL_MM] * 3 + [1.0])
    for k in range(sum(N)):
        ratio, share = person(rng, k < N[0], planted)
        seen = Volume(np.where(mask, ratio, np.nan).astype(np.float32), affine)
        tissue = share.astype(np.float32)
        own = seen.with_data(np.where(mask, tissue, np.float32(np.nan)))
        rows["none"].append(smooth(seen, FWHM_MM, "normalised", mask).data)
        rows["weighted"].append(smooth(seen, FWHM_MM, "normalised", mask, tissue).data)
        rows["share"].append(smooth(own, FWHM_MM, "normalised", mask).data)
    stacked = {name: np.stack([own[mask] for own in found]) for name, found in rows.items()}
    shares = stacked.pop("share")
    return stacked, shares, mask


def study(planted: bool, rng: np.random.Generator) -> dict[str, Value]:
    """Return whether anything is found at a family-wise p of .05, or where the change is."""
    found, shares, mask = maps(rng, planted)
    here = (np.linalg.norm(index() - CENTRE, axis=-1) < REACH)[mask]
    table = pd.DataFrame({"age": rng.normal(60, 12, sum(N))})
    own = design.two_sample(["a"] * N[0] + ["b"] * N[1], "a", "b", table)
    seed = int(rng.integers(2**31))
    kinds = {
        "before": ("none", False),
        "weighted": ("weighted", False),
        "after": ("none", True),
        "both": ("weighted", True),
    }
    key = "atrophy_planted" if planted else "atrophy_false"
    values: dict[str, Value] = {}
    for name, (kind, held) in kinds.items():
        p, z = tested(found[kind], shares if held else None, own, seed)
        hit = (p <= ALPHA) & (z < 0) & here if planted else p <= ALPHA
        values[f"{key}_{name}"] = float(hit.any())
    return values


def tested(
    data: NDArray[np.float32], shares: NDArray[np.float32] | None, own: design.Design, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the family-wise p of every voxel, and z."""
    how = exchange.exchanged(own, "welch")
    plan = exchange.plan(own, PERMUTATIONS, seed, batch_size=PERMUTATIONS, exchange=how)
    covariates = None if shares is None else shares[None]
    block = permutation.prepare(data, own, plan, "welch", covariates=covariates)
    null = permutation.run_orders(block, plan.orders(0)).tails
    z = block.z
    return np.asarray(p_fwe(np.abs(np.nan_to_num(z)), null.both)), z


FIGURES: dict[str, Figure] = {
    "atrophy_false": Figure(
        500,
        partial(study, False),
        {
            "atrophy_false_before": (None, None),
            "atrophy_false_weighted": (None, None),
            "atrophy_false_after": (None, 0.07),
            "atrophy_false_both": (None, 0.07),
        },
    ),
    "atrophy_planted": Figure(
        200,
        partial(study, True),
        {
            f"atrophy_planted_{name}": (None, None)
            for name in ("before", "weighted", "after", "both")
        },
    ),
}
