"""Exports of one lake together must not tell few people apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.share.ledger import cells_before, remember
from rt1t2_dask.sites.cells import is_safe
from rt1t2_dask.sites.shared import Columns
from rt1t2_dask.storage.parts import Lake

N, LEAST = 24, 4
AGE = np.random.default_rng(0).uniform(30, 80, N)


def people(rows=N):
    labels = [f"sub-{k:02d}" for k in range(rows)]
    return pd.DataFrame({"participant_id": labels, "group": "hc"})


def columns(values, rows=N):
    return Columns(("1", "age"), np.column_stack([np.ones(rows), values[:rows]]), {})


@pytest.fixture
def lake(tmp_path):
    held = Lake(str(tmp_path))
    cells = {"hc": [list(range(12)), list(range(12, N))]}
    labels = people()["participant_id"].tolist()
    remember(held, "first", labels, cells, columns(AGE).matrix.tolist())
    return held


def test_the_same_people_keep_their_cells(lake):
    found = cells_before(lake, "second", people(), columns(AGE), LEAST)
    assert found == {"hc": [list(range(12)), list(range(12, N))]}
    assert cells_before(lake, "first", people(), columns(AGE), LEAST) is None


def test_one_person_less_is_refused(lake):
    with pytest.raises(UserError, match="together distinguish 1 people who are no longer here"):
        cells_before(lake, "second", people(N - 1), columns(AGE, N - 1), LEAST)


def test_other_covariates_count_together_with_the_earlier_ones(lake):
    marked = AGE + 10 * np.isin(np.arange(N), (1, 2, 3))
    new = columns(marked)
    assert all(is_safe(new.matrix[rows], LEAST) for rows in (slice(0, 12), slice(12, N)))
    with pytest.raises(UserError, match="disclose fewer than 4 of them"):
        cells_before(lake, "second", people(), new, LEAST)


def test_no_label_is_written(lake):
    for path in lake.store.list("shares"):
        assert b"sub-" not in lake.store.read(path)
