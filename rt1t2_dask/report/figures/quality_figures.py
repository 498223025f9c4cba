"""Quality measures of all people, with limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from numpy.typing import NDArray

from rt1t2_dask.images.quality.judge import MEASURES, Limit
from rt1t2_dask.report.figures.picture import ALARM, OKABE_ITO, Picture, house_style, new_figure
from rt1t2_dask.report.numbers import plural

_ROW_IN = 0.36
_ROOM = 0.08
_LETTERS = 32


def quality_strips(
    quality: pd.DataFrame, limits: Mapping[str, Limit], simulated: bool
) -> Picture | None:
    """Draw one strip per measure: a point per person, dashed limits, red beyond them.

    Parameters
    ----------
    quality : DataFrame
        Columns of ``quality.tsv``.
    limits : mapping of str to (low, high)
    simulated : bool
    """
    names = [n for n in MEASURES if n in quality and not _values(quality, n).isna().all()]
    if not names:
        return None
    with house_style():
        figure = new_figure(6.6, max(2.4, 0.4 + _ROW_IN * len(names)), simulated)
        body = cast(SubFigure, figure.subfigures(1, 1))
        panels = body.subplots(len(names), 1, squeeze=False).ravel()
        beyond = [
            _strip(
                axes,
                name,
                _values(quality, name).to_numpy(np.float64),
                limits.get(name, (None, None)),
            )
            for axes, name in zip(panels, names, strict=True)
        ]
    people = plural(len(quality), "person", "people")
    return Picture(
        figure,
        f"Quality measures of {people}; {_listed(names, beyond)}.",
        f"Each point is one of {people}; dashed: limits; red: beyond the limits.",
    )


def _values(quality: pd.DataFrame, name: str) -> pd.Series[float]:
    return pd.to_numeric(quality[name], errors="coerce")


def _strip(axes: Axes, name: str, values: NDArray[np.floating], limit: Limit) -> int:
    low, high = limit
    known = values[np.isfinite(values)]
    out = np.zeros(known.size, dtype=bool)
    out |= False if low is None else known < low
    out |= False if high is None else known > high
    aside = 0.22 * ((np.arange(known.size) % 5) - 2)
    style: dict[str, Any] = {"markersize": 3.5, "linestyle": "none", "alpha": 0.75}
    axes.plot(known[~out], aside[~out], "o", color=OKABE_ITO[0], **style)
    axes.plot(known[out], aside[out], "D", color=ALARM, **style)
    for place in (low, high):
        if place is not None:
            axes.axvline(place, color="black", linestyle="--", linewidth=0.9)
    axes.set_xlim(*_span([*known.tolist(), *(p for p in limit if p is not None)]))
    axes.set(ylim=(-0.9, 0.9), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelsize=7, length=2, pad=1)
    words = fill(MEASURES[name].words, _LETTERS)
    axes.set_ylabel(words, rotation=0, ha="right", va="center", fontsize=7)
    return int(out.sum())


def _span(places: Sequence[float]) -> tuple[float, float]:
    width = max(places) - min(places)
    room = _ROOM * width if width else 0.5 * max(abs(places[0]), 1.0)
    return min(places) - room, max(places) + room


def _listed(names: Sequence[str], beyond: Sequence[int]) -> str:
    phrases = [
        f"{MEASURES[n].words}: {count} beyond" for n, count in zip(names, beyond, strict=True)
    ]
    some = [words for words, count in zip(phrases, beyond, strict=True) if count]
    return "; ".join(some) or "all within limits"
