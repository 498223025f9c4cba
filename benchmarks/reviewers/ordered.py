"""Studies of three groups in an order: 18, 15 and 11 people, as in van Grinsven et al. 2025.

Smooth noise (FWHM 3 voxels) in an ellipsoid of about 5,000 voxels, one covariate, Welch's t,
family-wise p by the largest |t|. Levels: the smallest group is 1.5 times as variable; of the trend
where nothing differs; of the test that both neighbouring pairs differ where one pair is alike and
the other is far apart everywhere, and where it is one pair in one half of the brain and the other
pair in the other half. Power: the mean falls evenly from group to group in a sphere, and all groups
vary alike; compared are the trend and the three pairs of groups at a third of the level each.
SIMULATED DATA.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
from nulls.figure import Figure, Value
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.stats import design
from rt1t2_dask.stats.designs import ordered
from rt1t2_dask.stats.order.neighbours import largest_p, neighbour_weights
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange
from rt1t2_dask.stats.permutation.null import p_fwe

N, GROUPS = (18, 15, 11), ("hc", "psps2", "psp")
PAIRS = (("hc", "psps2"), ("psps2", "psp"), ("hc", "psp"))
LABELS = np.repeat(GROUPS, N)
SHAPE, RADII = (24, 28, 24), (9.0, 12.0, 11.0)
CENTRE, REACH = np.array([3.0, 2.0, 0.0]), 3.5
FWHM_VOXELS, SPREAD, FAR = 3.0, 1.5, 5.0
FALL = 1.1
"""From the first group to the last, in standard deviations: the trend's power is .5 to .7."""
PERMUTATIONS, ALPHA = 299, 0.05
Float = NDArray[np.float64]


@cache
def index() -> Float:
    """Return each voxel's place from the centre, in voxels, shape (x, y, z, 3)."""
    return np.indices(SHAPE).transpose(1, 2, 3, 0) - (np.array(SHAPE) - 1) / 2


@cache
def ellipsoid() -> NDArray[np.bool_]:
    """Return the mask."""
    return np.asarray(((index() / np.array(RADII)) ** 2).sum(axis=-1) < 1)


def inside(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of the mask's voxels are chosen."""
    return np.asarray(chosen[ellipsoid()])


def people(rng: np.random.Generator, spread: float) -> NDArray[np.float32]:
    """Return maps without differences, the last group's so many times as variable."""
    mask = ellipsoid()
    data = np.empty((sum(N), int(mask.sum())), np.float32)
    for k, row in enumerate(data):
        noise = rng.standard_normal(mask.shape, np.float32)
        smooth = ndimage.gaussian_filter(noise, FWHM_VOXELS / 2.3548)[mask]
        row[:] = smooth / smooth.std() * (spread if LABELS[k] == GROUPS[-1] else 1.0)
    return data


def moved(data: NDArray[np.float32], means: Float) -> NDArray[np.float32]:
    """Add each group's mean, shape (group, voxel)."""
    own = means[[GROUPS.index(name) for name in LABELS]]
    return np.asarray(data + own, np.float32)


def tested(data: NDArray[np.float32], own: design.Design, seed: int) -> tuple[Float, Float]:
    """Return the family-wise p of every voxel, and z."""
    how = exchange.exchanged(own, "welch")
    plan = exchange.plan(own, PERMUTATIONS, seed, batch_size=PERMUTATIONS, exchange=how)
    block = permutation.prepare(data, own, plan, "welch")
    null = permutation.run_orders(block, plan.orders(0)).tails
    return np.asarray(p_fwe(np.abs(block.z), null.both)), block.z


def together(data: NDArray[np.float32], own: design.Design, seed: int) -> Float:
    """Return the family-wise p that both neighbouring pairs differ in one direction."""
    weights = neighbour_weights(len(GROUPS), len(own.names))
    each = [tested(data, replace(own, contrast=one), seed) for one in weights]
    p, z = (np.stack(found) for found in zip(*each, strict=True))
    return largest_p(p, z, "either")


def level(rng: np.random.Generator) -> dict[str, Value]:
    """Return whether anything is found where it should not be."""
    data = people(rng, SPREAD)
    table = pd.DataFrame({"age": rng.normal(60, 12, sum(N))})
    own, seed = ordered(LABELS.tolist(), GROUPS, None, table), int(rng.integers(2**31))
    half = inside(index()[..., 0] > 0)
    last, first = np.zeros((2, len(GROUPS), data.shape[1]))
    last[2], first[1:] = FAR, FAR
    mixed = np.where(half, last, first)
    p = {
        "trend": tested(data, own, seed)[0],
        "one_pair": together(moved(data, last), own, seed),
        "either_pair": together(moved(data, mixed), own, seed),
    }
    return {f"ordered_level:{name}": float((found <= ALPHA).any()) for name, found in p.items()}


def power(rng: np.random.Generator) -> dict[str, Value]:
    """Return whether the fall in the sphere is found, by the trend and by pairs of groups."""
    here = inside(np.linalg.norm(index() - CENTRE, axis=-1) < REACH)
    fall = -FALL * np.arange(len(GROUPS))[:, None] / (len(GROUPS) - 1) * here
    data = moved(people(rng, 1.0), fall)
    table = pd.DataFrame({"age": rng.normal(60, 12, sum(N))})
    labels, seed = LABELS.tolist(), int(rng.integers(2**31))
    p, z = tested(data, ordered(labels, GROUPS, None, table), seed)
    found = {"ordered_power_trend": float(((p <= ALPHA) & (z < 0) & here).any())}
    pairs = False
    for before, after in PAIRS:
        own = design.two_sample(labels, after, before, table)
        p, z = tested(own.observed(data), own, seed)
        pairs |= bool(((p <= ALPHA / len(PAIRS) + 1e-9) & (z < 0) & here).any())
    return found | {"ordered_power_pairs": float(pairs)}


FIGURES: dict[str, Figure] = {
    "ordered_level": Figure(1000, level, {"ordered_level": (None, 0.06)}),
    "ordered_power_gain": Figure(
        500,
        power,
        {
            "ordered_power_trend": (None, None),
            "ordered_power_pairs": (None, None),
            "ordered_power_gain": (1.1, None),
        },
        {"ordered_power_gain": ("ordered_power_trend", "ordered_power_pairs")},
    ),
}
