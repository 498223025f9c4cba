"""Cohorts of two groups, and participants tables as they are read from a file."""

from __future__ import annotations

import pandas as pd

from rt1t2_dask.bids import participants as bids
from rt1t2_dask.config.study import Cohort

PLAIN = {"name": "c", "groups": {"pat": "1", "hc": "0"}, "reference": "hc"}


def cohort(**more) -> Cohort:
    return Cohort.model_validate(PLAIN | {"contrasts": {"a": ["pat", "hc"]}} | more)


def table(**columns) -> pd.DataFrame:
    rows = pd.DataFrame(columns, dtype=object)
    rows.insert(0, "participant_id", [f"{k:02d}" for k in range(len(rows))])
    return bids.participants(rows.to_csv(sep="\t", index=False).encode(), "participants.tsv")
