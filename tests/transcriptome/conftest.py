"""The expression table and worked numbers, where they are installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask import assets
from rt1t2_dask.transcriptome.expression import Expression, read_expression
from rt1t2_dask.transcriptome.pls import zscore


@dataclass(frozen=True)
class Case:
    """A map with what the reference says of it."""

    expression: np.ndarray
    values: np.ndarray
    spins: np.ndarray
    resamples: np.ndarray
    genes: pd.DataFrame
    summary: dict[str, Any]
    folder: Path


@pytest.fixture(scope="session")
def expression() -> Expression:
    asset = assets.find("ahba_expression")
    if asset is None:
        pytest.skip("the asset ahba_expression is not installed")
    return read_expression(assets.read(asset), asset.name)


@pytest.fixture
def case(shared: Path, expression: Expression) -> Callable[[str], Case]:
    """Read a worked case; its expression is standardised over 41 rows, then cut, as there."""
    folder = shared / "reference" / "transcriptomics"
    if not folder.is_dir():
        pytest.skip("the reference numbers are not beside the assets")

    def read(name: str) -> Case:
        own = folder / name
        regions = pd.read_csv(own / "regions.csv")
        return Case(
            zscore(expression.values[:41])[: len(regions)],
            zscore(regions[["value"]].to_numpy()),
            np.loadtxt(own / "perm_index_1000xN.csv", delimiter=",", dtype=np.intp),
            np.loadtxt(own / "boot_index_1000xN.csv", delimiter=",", dtype=np.intp),
            pd.read_csv(own / "genes.csv.gz", keep_default_na=False),
            json.loads((own / "summary.json").read_text()),
            own,
        )

    return read
