"""Studies of 11 against 18 people who differ in the transmit field (B1+) and in nothing else.

The field is brightest in the centre and tilted to one side, with a smooth part of its own in
everybody (SD 1 %). Its depth differs by 10 % of the field between centre and edge from one group
to the other (SD 4 % within), its tilt by 3 %. The ratio follows the field with a slope of 0.7.
Gradients are measured on each person's own map and held in the contrast (``after``), or the ratio
is corrected by a transmit map with a slope fitted by symmetry (``map``). SIMULATED DATA.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from nulls.figure import Figure, Value
from numpy.typing import NDArray
from reviewers.atrophy import ALPHA, BRAIN, FWHM_MM, PERMUTATIONS, SHAPE, VOXEL_MM, depth, index
from scipy import ndimage

from rt1t2_dask.images.quality.gradients import gradients
from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.transmit import asymmetry, denoised, factor, fit_slope
from rt1t2_dask.stats import design
from rt1t2_dask.stats.permutation import blocks as permutation
from rt1t2_dask.stats.permutation import exchange
from rt1t2_dask.stats.permutation.null import p_fwe

N = (11, 18)
DEPTH, DEPTH_SD, TILT, TILT_SD, OWN = 0.10, 0.04, 0.03, 0.02, 0.01
SLOPE, NOISE, BETWEEN = 0.7, 0.06, 0.03
MASK = depth(BRAIN) > 0
GREY = (np.sin(index()[..., 0]) > 0).astype(np.float32)
AFFINE = np.diag([VOXEL_MM] * 3 + [1.0])
AFFINE[:3, 3] = -VOXEL_MM * (np.array(SHAPE) - 1) / 2


def field(rng: np.random.Generator, patient: bool) -> NDArray[np.float64]:
    """Return a person's transmit field, 1 on average."""
    place = index() / BRAIN
    away = np.linalg.norm(place, axis=-1)
    deep = 0.25 + DEPTH * patient + rng.normal(0, DEPTH_SD)
    tilted = TILT * patient + rng.normal(0, TILT_SD)
    own = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 5.0)
    found = 1 - deep * away**1.7 + tilted * place[..., 0] + OWN * own / own[MASK].std()
    return np.asarray(found / found[MASK].mean())


def people(rng: np.random.Generator) -> list[tuple[Volume, Volume]]:
    """Return everybody's ratio as seen, and their transmit map with noise of 1 %."""
    found = []
    for k in range(sum(N)):
        noise = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 0.6)
        tissue = (1.4 + 0.3 * (1 - GREY)) * (1 + NOISE * noise / noise.std())
        own = field(rng, k < N[0])
        ratio = tissue * (1 + rng.normal(0, BETWEEN)) * (1 + SLOPE * (own - 1))
        scanned = own * (1 + OWN * rng.standard_normal(SHAPE))
        found.append(tuple(
            Volume(np.where(MASK, values, np.nan).astype(np.float32), AFFINE)
            for values in (ratio, scanned)
        ))  # fmt: skip
    return found


def corrected(seen: list[tuple[Volume, Volume]]) -> list[Volume]:
    """Return ratios divided by the field's effect, with the slope fitted to everybody."""
    seen = [(ratio, denoised(transmit)) for ratio, transmit in seen]
    slope = fit_slope([asymmetry(ratio, transmit, MASK) for ratio, transmit in seen]).slope
    return [r.with_data((r.data / factor(t.data, slope)).astype(np.float32)) for r, t in seen]


def study(rng: np.random.Generator) -> dict[str, Value]:
    """Return whether anything is found at a family-wise p of .05, by how the field is treated."""
    seen = people(rng)
    ratios = [ratio for ratio, _ in seen]
    gradient = pd.DataFrame([gradients(own, GREY, 1 - GREY) for own in ratios]).to_dict("list")
    age, seed = rng.normal(60, 12, sum(N)), int(rng.integers(2**31))
    kinds = {"before": (ratios, {}), "after": (ratios, gradient), "map": (corrected(seen), {})}
    found = {}
    for name, (maps, held) in kinds.items():
        data = np.stack([smooth(own, FWHM_MM, "normalised", MASK).data[MASK] for own in maps])
        table = pd.DataFrame({"age": age, **held})
        own = design.two_sample(["a"] * N[0] + ["b"] * N[1], "a", "b", table)
        found[f"b1_rate_{name}"] = float(smallest_p(data, own, seed) <= ALPHA)
    return found


def smallest_p(data: NDArray[np.float32], own: design.Design, seed: int) -> float:
    """Return the smallest family-wise p of all voxels."""
    how = exchange.exchanged(own, "welch")
    plan = exchange.plan(own, PERMUTATIONS, seed, batch_size=PERMUTATIONS, exchange=how)
    block = permutation.prepare(data, own, plan, "welch")
    null = permutation.run_orders(block, plan.orders(0)).tails
    return float(p_fwe(permutation.observed_tails(block).both[0], null.both))


FIGURES: dict[str, Figure] = {
    "b1_rate": Figure(
        500,
        study,
        {
            "b1_rate_before": (None, None),
            "b1_rate_after": (None, 0.08),
            "b1_rate_map": (None, 0.08),
        },
    ),
}
