"""File names of the maps of a contrast, by statistic."""

from __future__ import annotations

from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.effect_sizes import effect_size_of

NAMES = {
    "t": "stat_t",
    "z": "stat_z",
    "effect": "stat_effect",
    "hedges_g": "stat_d",
    "n": "stat_n",
    "dof": "stat_dof",
    "se": "stat_se",
    "sd": "stat_sd",
    "explained": "stat_explained",
}
ONE_WEIGHT = ("effect", "hedges_g", "se")


def maps_of(design: Design) -> list[str]:
    """Return the maps of a contrast: some are of t, some of slopes, some of F."""
    left_out = ONE_WEIGHT if design.q > 1 else ()
    if effect_size_of(design) not in ("partial_r", "partial_eta2"):
        left_out = (*left_out, "explained")
    return [name for name in NAMES if name not in left_out]
