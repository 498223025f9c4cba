"""The ratio by depth of the cortex, as a figure and in words."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from rt1t2_dask.report.figures.picture import OKABE_ITO, Picture, house_style, new_figure
from rt1t2_dask.report.numbers import decimal
from rt1t2_dask.surface.profile import group_profiles

BOTH = "both"
ASIDE = 0.012
"""How far groups stand apart, so that their intervals do not cover each other."""


def depth_figure(rows: pd.DataFrame, simulated: bool) -> Picture:
    """Draw people's profiles, and each group's mean with its 95 % interval.

    Parameters
    ----------
    rows : DataFrame
        The table ``surface_depths.tsv``; hemispheres together are drawn.
    simulated : bool
    """
    own = rows[rows["hemisphere"] == BOTH]
    means = group_profiles(own)
    with house_style():
        figure = new_figure(5.2, 3.2, simulated)
        axes = figure.add_subplot()
        for k, (group, some) in enumerate(own.groupby("group", sort=False)):
            colour = OKABE_ITO[k % len(OKABE_ITO)]
            _people(axes, some, colour)
            aside = ASIDE * (k - (own["group"].nunique() - 1) / 2)
            _group(axes, str(group), means[means["group"] == group], (colour, aside))
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("depth: share of the cortex's volume from white (0) to pial surface (1)")
        axes.set_ylabel("mean ratio over the cortex")
        axes.legend(frameon=False, fontsize=8)
    return Picture(
        figure,
        f"Ratio by depth of the cortex. {in_words(rows)}",
        "Mean ratio over the cortex of both hemispheres at each depth, vertices weighted by their "
        "area: each person (thin), and each group's mean with its 95 % interval (Student's t).",
    )


def _people(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    for _, one in rows.groupby("participant_id", sort=False):
        line = one.sort_values("depth")
        axes.plot(line["depth"], line["mean_ratio"], color=colour, linewidth=0.6, alpha=0.35)


def _group(axes: Axes, name: str, means: pd.DataFrame, drawn: tuple[str, float]) -> None:
    colour, aside = drawn
    half = [means["mean"] - means["low"], means["high"] - means["mean"]]
    axes.errorbar(
        means["depth"] + aside,
        means["mean"],
        yerr=[each.fillna(0.0) for each in half],
        fmt="o-",
        color=colour,
        linewidth=1.8,
        markersize=4,
        capsize=3,
        label=f"{name} (n = {int(means['n'].max())})",
    )


def in_words(rows: pd.DataFrame) -> str:
    """Return each group's mean at the lowest and the highest depth."""
    means = group_profiles(rows[rows["hemisphere"] == BOTH])
    said = []
    for group, own in means.groupby("group", sort=False):
        first, last = own.iloc[0], own.iloc[-1]
        words = f"{group} {decimal(first['mean'])} at depth {first['depth']:g}"
        if len(own) > 1:
            words += f" and {decimal(last['mean'])} at {last['depth']:g}"
        said.append(words)
    return f"Mean ratio by depth: {'; '.join(said)}."
