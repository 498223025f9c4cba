"""A study of three sites with a planted effect, many times: who finds it, who finds what is not.

Maps of 30 x 30 voxels of smooth noise, three sites whose T1w and T2w differ in gain and gamma, in
noise and in age; patients are fewer at the second site than at the third, so that what is not
taken out of the sites looks like disease. Voxels count as found at two-sided p < .05 (power in the
planted square, false positives outside), so that rates need no correction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage, stats

from rt1t2_dask.sites.combat import harmonise
from rt1t2_dask.sites.meta import combine
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.glm.fit import fit

Float = NDArray[np.float64]
SIDE, PLANTED, CHANGE, ALPHA = 30, slice(10, 16), -0.06, 0.05
PATIENTS = {"a": 10, "b": 6, "c": 14}
GAIN = {"a": (1.0, 1.0), "b": (1.5, 1.1), "c": (0.75, 0.92)}
"""Factor and power of each site's ratio before calibration."""
LEFT = {"a": 1.0, "b": 1.02, "c": 0.985}
"""What calibration leaves of the factor: 1 to 2 %, as measured on label heads."""
NOISE, AGES = {"a": 0.08, "b": 0.12, "c": 0.07}, {"a": (20, 60), "b": (40, 80), "c": (30, 70)}
METHODS = ("raw", "site covariate", "ComBat", "meta-analysis, random", "meta-analysis, fixed")


def study(seed: int) -> tuple[pd.DataFrame, Float]:
    """Draw people and their true ratio over voxels, tissue of 1 to 2."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame([
        (site, "pat" if k < n else "hc", rng.uniform(*AGES[site]))
        for site, n in PATIENTS.items() for k in range(20)
    ], columns=["site", "group", "age"])  # fmt: skip
    tissue = 1.0 + np.add.outer(np.arange(SIDE), np.arange(SIDE)) / (2 * SIDE)
    square = np.zeros((SIDE, SIDE), bool)
    square[PLANTED, PLANTED] = True
    maps = []
    for site, group, age in rows.itertuples(index=False):
        noise = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 2.0)
        share = 1 + NOISE[site] * noise / noise.std() - 0.001 * (age - 50)
        share = share * (1 + CHANGE * square) if group == "pat" else share
        maps.append((tissue * share).ravel())
    return rows, np.stack(maps)


def measured(rows: pd.DataFrame, truth: Float, calibrated: bool) -> Float:
    """What each site's scanner makes of it, with or without calibration."""
    out = np.empty_like(truth)
    for k, site in enumerate(rows["site"]):
        factor, power = GAIN[site]
        out[k] = truth[k] * LEFT[site] if calibrated else factor * truth[k] ** power
    return out


def tests() -> Iterator[tuple[str, Callable[[pd.DataFrame, Float], Float]]]:
    """Give each way to a p at every voxel."""

    def p_of(rows: pd.DataFrame, data: Float, names: list[str]) -> Float:
        found = fit(data, two_sample(rows["group"].tolist(), "pat", "hc", rows[names]))
        return np.asarray(2 * stats.t.sf(np.abs(found.t), found.dof))

    def with_combat(rows: pd.DataFrame, data: Float) -> Float:
        kept = np.column_stack([rows["group"] == "pat", rows["age"]]).astype(float)
        clean = data.copy()
        harmonise(clean, rows["site"].tolist(), kept)
        return p_of(rows, clean, ["age", "site"])

    def meta(method: Any) -> Callable[[pd.DataFrame, Float], Float]:
        def p(rows: pd.DataFrame, data: Float) -> Float:
            own = []
            for site in PATIENTS:
                here = (rows["site"] == site).to_numpy()
                there = rows[here].reset_index(drop=True)
                groups = there["group"].tolist()
                own.append(fit(data[here], two_sample(groups, "pat", "hc", there[["age"]])))
            effect, se, dof = (
                np.stack([getattr(r, n) for r in own]) for n in ("effect", "se", "dof")
            )
            both = combine(effect, se, method, dof)
            return np.asarray(2 * stats.norm.sf(np.abs(both.z)))

        return p

    yield METHODS[0], lambda rows, data: p_of(rows, data, ["age"])
    yield METHODS[1], lambda rows, data: p_of(rows, data, ["age", "site"])
    yield METHODS[2], with_combat
    yield METHODS[3], meta("random")
    yield METHODS[4], meta("fixed")


def power(studies: int) -> dict[str, dict[str, list[float]]]:
    """Give power and false positives in % by method, without and with calibration."""
    square = np.zeros((SIDE, SIDE), bool)
    square[PLANTED, PLANTED] = True
    inside = square.ravel()
    found: dict[str, dict[str, list[float]]] = {}
    for name, test in tests():
        found[name] = {}
        for word, calibrated in (("uncalibrated", False), ("calibrated", True)):
            rates = []
            for seed in range(studies):
                rows, truth = study(seed)
                p = test(rows, measured(rows, truth, calibrated)) < ALPHA
                rates.append((100 * p[inside].mean(), 100 * p[~inside].mean()))
            found[name][word] = np.round(np.mean(rates, axis=0), 1).tolist()
    print(f"{studies} studies of 60 people at 3 sites, power / false positives in % at p < .05")
    print(f"{'':24}{'uncalibrated':>16}{'calibrated':>16}")
    for name, row in found.items():
        cells = (f"{a:.1f} / {b:.1f}" for a, b in row.values())
        print(f"{name:24}" + "".join(f"{cell:>16}" for cell in cells))
    return found
