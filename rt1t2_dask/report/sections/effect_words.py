"""Names of effect sizes; tables show which by the columns of its interval."""

from __future__ import annotations

import pandas as pd

SIZES = {
    "g": "Hedges' g",
    "d_z": "d_z",
    "partial_r": "partial r",
    "partial_eta2": "partial η²",
}
INTERVALS = {
    "g": "of g from the noncentral t, with the small-sample correction of g",
    "d_z": "of d_z from the noncentral t, with its small-sample correction",
    "partial_r": "of partial r by Fisher's z",
    "partial_eta2": "of partial η² from the noncentral F",
}


def size_of(table: pd.DataFrame) -> str:
    """Return the name of the effect size in a table of effects."""
    return next(name for name in SIZES if f"{name}_ci_low" in table)
