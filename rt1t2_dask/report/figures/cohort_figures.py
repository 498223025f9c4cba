"""Participants of a cohort: ages by group."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rt1t2_dask import sex
from rt1t2_dask.report.figures.picture import OKABE_ITO, Picture, house_style, new_figure
from rt1t2_dask.report.numbers import plural

_MARKERS = {"f": ("o", "female"), "m": ("^", "male"), "?": ("s", "other or unknown")}


def ages(participants: pd.DataFrame, groups: Mapping[str, int], simulated: bool) -> Picture | None:
    """Draw ages by group, with sex as marker; None if no age is known.

    Parameters
    ----------
    participants : DataFrame
        participant_id, group, age (years), sex (as `rt1t2_dask.sex.parse` reads it).
    groups : mapping of str to int
        Group labels in the order to show.
    simulated : bool
    """
    people = _known(participants, list(groups))
    if people.empty:
        return None
    with house_style():
        figure = new_figure(6.0, 3.2, simulated)
        axes = figure.add_subplot()
        _markers(axes, people)
        means = people.groupby("place")["age"].mean()
        axes.hlines(means, means.index - 0.3, means.index + 0.3, color="black", linewidth=1.6)
        axes.set_xticks(range(len(groups)), list(groups))
        axes.set(ylabel="age (years)", xlim=(-0.6, len(groups) - 0.4))
        figure.legend(loc="outside right center")
    unknown = len(participants) - len(people)
    missing = f" Age is unknown for {plural(unknown, 'person', 'people')}." if unknown else ""
    return Picture(
        figure,
        f"Ages of {plural(len(people), 'person', 'people')} by group; means as lines.",
        f"Age by group; markers are people, lines are means.{missing}",
    )


def _known(participants: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    if not {"age", "group"} <= set(participants):
        return pd.DataFrame()
    written = participants.get("sex", pd.Series(np.nan, participants.index, dtype=object))
    letter = sex.parse(written)[0].str.lower()
    people = pd.DataFrame(
        {
            "age": pd.to_numeric(participants["age"], errors="coerce"),
            "place": participants["group"].map({name: k for k, name in enumerate(groups)}),
            "sex": letter.where(letter.isin(["f", "m"]), "?"),
        }
    )
    return people.dropna()


def _markers(axes: Axes, people: pd.DataFrame) -> None:
    aside = 0.05 * (people.groupby("place").cumcount() % 7 - 3)
    for k, (letter, (marker, words)) in enumerate(_MARKERS.items()):
        chosen = people["sex"] == letter
        if chosen.any():
            x = (people["place"] + aside)[chosen]
            axes.plot(
                x,
                people["age"][chosen],
                marker,
                color=OKABE_ITO[k],
                markersize=5,
                alpha=0.85,
                label=words,
            )
