"""What a table's effect size is called; tables name it by the columns of its interval."""

from __future__ import annotations

import pandas as pd

SIZES = {
    "g": "Hedges' g",
    "d_z": "d_z",
    "partial_r": "partial r",
    "partial_eta2": "partial η²",
}
INTERVALS = {
    "g": "of g from the noncentral t, with the small-sample factor that g has",
    "d_z": "of d_z from the noncentral t, with the small-sample factor that it has",
    "partial_r": "of partial r by Fisher's z",
    "partial_eta2": "of partial η² from the noncentral F",
}


def size_of(table: pd.DataFrame) -> str:
    """Return the name of the effect size that a table of effects holds."""
    return next(name for name in SIZES if f"{name}_ci_low" in table)
