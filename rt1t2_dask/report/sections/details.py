"""Details of one contrast for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Details:
    """Details of one contrast.

    Parameters
    ----------
    baseline : str
        Reference of percentages, such as ``mean of hc``.
    matrix, weights : DataFrame
        Design and contrast, one column a column of the model.
    volume : mapping
        ``fwhm_mm``, ``resels``, ``voxels``, ``critical_fwe``, ``expected`` (clusters of this
        extent by chance) and ``set`` (by sign: ``clusters``, ``p``).
    peaks, effects, parcels : DataFrame
        The tables ``contrast-<name>_{peaks,effects,parcels}.tsv``.
    thresholds : DataFrame or None
        ``contrast-<name>_thresholds.tsv``.
    detectable : mapping or None
        ``numerator`` (None for t), ``critical``, ``critical_from``, ``power``, and the effect's
        ``median``, ``low_5`` and ``high_95`` over voxels, in ``unit``: percent for t, or the unit
        of the maps where their scale has no percent; partial eta squared for F.
    scale : str
        A value of `rt1t2_dask.stats.scale.Scale`.
    """

    baseline: str
    matrix: pd.DataFrame
    weights: pd.DataFrame
    volume: Mapping[str, Any]
    peaks: pd.DataFrame
    effects: pd.DataFrame
    parcels: pd.DataFrame
    detectable: Mapping[str, Any] | None = None
    thresholds: pd.DataFrame | None = None
    scale: str = "ratio"
