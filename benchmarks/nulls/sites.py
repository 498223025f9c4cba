"""Null studies of several sites and of fitted tails. SIMULATED DATA.

Maps are 27 x 27 x 27 voxels of smooth noise (FWHM 3 voxels) where sites are studied; every
participants table is read, and every design built, as a study reads and builds them. Rates of
voxels are shares of the 19,683 of each study.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from nulls.figure import Figure
from numpy.typing import NDArray
from scipy import ndimage, stats

from rt1t2_dask.cli.command_line import Job, _configure, _search_path
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.contrasts.group_design import build
from rt1t2_dask.pipelines.people.table import COVARIATE, read_people
from rt1t2_dask.sites.combat import harmonise
from rt1t2_dask.sites.meta import Method, combine
from rt1t2_dask.stats.design import Design, two_sample
from rt1t2_dask.stats.glm.fit import Variance, fit
from rt1t2_dask.stats.permutation_api import permutation_test

Floats = NDArray[np.float64]
Layout = tuple[tuple[int, int], ...]

SITE = f"{COVARIATE}site"
SIDE, FWHM = 27, 3.0
SITE_SD, NOISE, GAIN_SD = 0.1, 0.08, 0.05
ALPHA, STRICT = 0.05, 0.001
#: Patients and controls at each site; the codes are those of the table.
CODED: Layout = ((10, 4), (4, 10), (10, 4))
BALANCED: Layout = ((5, 5),) * 4
UNBALANCED: Layout = ((1, 9), (9, 1)) * 2
FEW: Layout = ((5, 5),) * 3
TAIL_PEOPLE, TAIL_VOXELS, RELABELINGS = (11, 18), 1000, 1000
COHORT = """name: chance
participants: participants.tsv
group_column: group
groups: {pat: P, hc: C}
reference: hc
contrasts: {patVsHc: [pat, hc]}
covariates: []
site_column: site
"""


@cache
def study(model: str) -> tuple[Config, Path]:
    """Compose the settings of a study of ready-made maps, with a table to be written."""
    folder = Path(tempfile.mkdtemp(prefix="validity_"))
    (folder / "studies" / "cohort").mkdir(parents=True)
    (folder / "studies" / "cohort" / "chance.yaml").write_text(COHORT)
    words = (
        *_search_path(str(folder / "studies")), "+cohort=chance", "source=maps",
        f"source.root={folder}", f"site.model={model}",
    )  # fmt: skip
    return _configure(Job(words)), folder / "participants.tsv"


def people(layout: Layout, model: str) -> tuple[pd.DataFrame, Design]:
    """Write who is where, sites coded 1, 2, 3, ..., and read it back as a study does."""
    config, path = study(model)
    rows = [
        (f"sub-{site}{k:02d}", "P" if k < n[0] else "C", site)
        for site, n in enumerate(layout, start=1)
        for k in range(sum(n))
    ]
    table = pd.DataFrame(rows, columns=["participant_id", "group", "site"])
    table.to_csv(path, sep="\t", index=False)
    read = read_people(config)
    form = config.every_contrast()["patVsHc"]
    return read, build(form, read, config.cohort.reference)


def noise(rng: np.random.Generator, n: int) -> Floats:
    """Draw smooth maps of SD 1, shape (n, voxel)."""
    drawn = rng.standard_normal((n, SIDE, SIDE, SIDE), np.float32)
    sigma = FWHM / 2.3548
    maps = np.stack([ndimage.gaussian_filter(one, sigma, mode="wrap") for one in drawn])
    return np.asarray(maps.reshape(n, -1) / maps.std(), np.float64)


def share(data: Floats, design: Design, alpha: float = ALPHA) -> float:
    """Return the share of voxels at two-sided p < alpha."""
    found = fit(design.observed(data), design)
    return float((2 * stats.t.sf(np.abs(found.t), found.dof) < alpha).mean())


def site_codes(rng: np.random.Generator) -> dict[str, float | list[float]]:
    """Three sites coded 1, 2, 3, whose levels follow no order, groups unequal over them."""
    read, design = people(CODED, "covariate")
    level = SITE_SD * rng.standard_normal((len(CODED), SIDE**3))
    level[1] += 2 * SITE_SD
    at = read[SITE].astype(int).to_numpy() - 1
    return {"site_code_rate": share(level[at] + NOISE * noise(rng, len(read)), design)}


def combat(layout: Layout, key: str) -> Figure:
    """Sites that differ in gain and in noise; ComBat, then the contrast as a study plans it."""

    def one(rng: np.random.Generator) -> dict[str, float | list[float]]:
        read, design = people(layout, "combat")
        site = read[SITE].astype(str)
        at = site.astype(int).to_numpy() - 1
        gain = np.exp(GAIN_SD * rng.standard_normal(len(layout)))[at, None]
        spread = NOISE * np.exp(0.2 * rng.standard_normal(len(layout)))[at, None]
        data = gain * (1.5 + spread * noise(rng, len(read)))
        kept = np.asarray(read["group"] == "pat", np.float64)[:, None]
        harmonise(data, site.tolist(), kept)
        return {key: share(data, design)}

    return Figure(500, one, {key: (None, 0.065 if layout == BALANCED else 0.07)})


def meta(rng: np.random.Generator) -> dict[str, float | list[float]]:
    """Three sites of 5 and 5 whose effects are combined; the default method, either variance."""
    groups = ["pat"] * 5 + ["hc"] * 5
    design = two_sample(groups, "pat", "hc")
    data = [noise(rng, len(groups)) for _ in FEW]
    ways: tuple[tuple[Method, Variance], ...] = (
        ("random", "equal"), ("random", "welch"), ("fixed", "welch"),
    )  # fmt: skip
    found: dict[str, float | list[float]] = {}
    for method, variance in ways:
        own = [fit(one, design, variance) for one in data]
        effects, errors, dof = (
            np.stack([getattr(r, name) for r in own]) for name in ("effect", "se", "dof")
        )
        z = combine(effects, errors, method, dof).z
        p = 2 * stats.norm.sf(np.abs(z))
        found[f"meta_rate_001:{method}_{variance}"] = float((p < STRICT).mean())
    return found


def tails(rng: np.random.Generator) -> dict[str, float | list[float]]:
    """A null study whose smallest family-wise p lies below what its relabelings can count."""
    first, second = TAIL_PEOPLE
    design = two_sample(["pat"] * first + ["hc"] * second, "pat", "hc")
    found = permutation_test(
        rng.standard_normal((first + second, TAIL_VOXELS)), design, n=RELABELINGS,
        seed=int(rng.integers(2**31)), pareto_tail=True,
    )  # fmt: skip
    floor = 1 / (RELABELINGS + 1)
    return {"gpd_below_floor": float(found["p_fwe"].min() < floor * (1 - 1e-9))}


FIGURES = {
    "site_codes": Figure(500, site_codes, {"site_code_rate": (None, 0.06)}),
    "combat_balanced": combat(BALANCED, "combat_rate_balanced"),
    "combat_unbalanced": combat(UNBALANCED, "combat_rate_unbalanced"),
    "meta": Figure(500, meta, {"meta_rate_001": (None, 0.0015)}),
    "gpd_tails": Figure(2000, tails, {"gpd_below_floor": (None, 0.01)}),
}
