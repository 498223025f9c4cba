"""The reference head's quantiles, shipped as numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Only the middle: the tails are noise and partial volume, which an averaged head has not.
QUANTILES = tuple(round(float(q), 3) for q in np.arange(0.2, 0.801, 0.025))
FILE_NAME = "calibration_reference.json"


@dataclass(frozen=True)
class Reference:
    """Quantiles of the reference head.

    Parameters
    ----------
    quantiles : mapping of str to mapping of str to ndarray, shape (q,)
        By contrast (``t1w``, ``t2w``) and class (``csf``, ``bone``, ``soft``), at `QUANTILES`;
        unit: percent of the median over the reference's brain mask.
    source : mapping
        Files, checksums, citation and licence.
    """

    quantiles: Mapping[str, Mapping[str, NDArray[np.float64]]]
    source: Mapping[str, Any]


def load_reference() -> Reference:
    """Read the quantiles that ship with the package."""
    content = json.loads(files("rt1t2_dask").joinpath("data", FILE_NAME).read_text())
    if tuple(content["probabilities"]) != QUANTILES:
        raise ValueError(f"{FILE_NAME} holds other probabilities than {QUANTILES}; rebuild it")
    quantiles = {
        contrast: {name: np.array(values) for name, values in classes.items()}
        for contrast, classes in content["quantiles"].items()
    }
    return Reference(quantiles, content["source"])
