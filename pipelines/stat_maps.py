"""Names of the maps of a contrast, by what the statistics call them."""

from __future__ import annotations

NAMES = {
    "t": "stat_t",
    "z": "stat_z",
    "effect": "stat_effect",
    "hedges_g": "stat_d",
    "n": "stat_n",
    "dof": "stat_dof",
    "se": "stat_se",
    "sd": "stat_sd",
}
ONE_WEIGHT = ("effect", "hedges_g", "se")
