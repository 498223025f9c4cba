"""The design matrix in greys, with the contrast as bars."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rt1t2_dask.report.figures.picture import OKABE_ITO, Picture, house_style, new_figure
from rt1t2_dask.report.numbers import plural

COLUMN_IN, MOST_IN = 0.55, 9.0


def design_matrix(
    matrix: pd.DataFrame, weights: pd.DataFrame, title: str, simulated: bool
) -> Picture:
    """Draw a design and its contrast.

    Parameters
    ----------
    matrix : DataFrame, one row an observation
        Each column is scaled to its own range: black lowest, white highest.
    weights : DataFrame, one row a set of weights
        The same columns.
    title : str
        Title of the contrast.
    simulated : bool
    """
    names = [str(name) for name in matrix.columns]
    width = min(MOST_IN, 1.6 + COLUMN_IN * len(names))
    with house_style():
        figure = new_figure(width, 3.4 + 0.35 * len(weights), simulated)
        heights = [0.35] * len(weights) + [2.6]
        axes = figure.subplots(len(weights) + 1, 1, sharex=True, height_ratios=heights)
        for one, row in zip(axes[:-1], weights.to_numpy(np.float64), strict=True):
            one.bar(range(len(names)), row, color=OKABE_ITO[0], width=0.9)
            one.axhline(0, color="black", linewidth=0.6)
            one.set_yticks([])
            one.spines["left"].set_visible(False)
        axes[-1].imshow(_scaled(matrix), cmap="gray", aspect="auto", interpolation="nearest")
        axes[-1].set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes[-1].set_ylabel("observation")
    rows, columns = matrix.shape
    return Picture(
        figure,
        f"Design of {title}: {plural(rows, 'observation')}, columns {', '.join(names)}.",
        f"Design of {title}: {plural(rows, 'row')}, {plural(columns, 'column')}, each in greys "
        "from its lowest (black) to its highest value (white); bars are the weights tested.",
    )


def _scaled(matrix: pd.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    values = matrix.to_numpy(np.float64)
    low, high = values.min(axis=0), values.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    return np.where(high > low, (values - low) / spread, 1.0)
