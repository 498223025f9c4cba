"""People by group: ages, and effects of people who were left out."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rt1t2_dask import sex
from rt1t2_dask.report.figures.picture import OKABE_ITO, Picture, house_style, new_figure
from rt1t2_dask.report.numbers import plural

LINE = 14
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
        axes.set_xticks(range(len(groups)), [wrapped(name) for name in groups])
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


def effects_of_left_out(
    people: pd.DataFrame, groups: pd.DataFrame, measure: str, unit: str, simulated: bool
) -> Picture | None:
    """Draw people's effects in clusters found without them, and each group's mean; None if empty.

    Parameters
    ----------
    people : DataFrame
        direction, group, and a column ``measure``: one row a person and direction.
    groups : DataFrame
        direction, measure, group, n, mean, ci_low, ci_high, groups in the order to show.
    measure : str
        Which measure is drawn.
    unit : str
        What stands beside the axis.
    simulated : bool
    """
    chosen = groups[(groups["measure"] == measure) & (groups["n"] > 0)]
    directions = list(dict.fromkeys(chosen["direction"]))
    if not directions:
        return None
    names = list(dict.fromkeys(groups["group"]))
    with house_style():
        figure = new_figure(3.2 * len(directions) + 0.8, 3.2, simulated)
        panels = figure.subplots(1, len(directions), sharey=True, squeeze=False)[0]
        for axes, direction in zip(panels, directions, strict=True):
            own = people[(people["direction"] == direction) & people[measure].notna()]
            _dots_and_means(axes, own, chosen[chosen["direction"] == direction], measure, names)
            axes.set_title(f"{direction} in the other people")
        panels[0].set_ylabel(unit)
    drawn = people[people["direction"].isin(directions)]
    lacking = int(drawn[measure].isna().sum())
    without = f" For {plural(lacking, 'person', 'people')} there is none." if lacking else ""
    return Picture(
        figure,
        f"Effects by group of {', '.join(names)}, means with 95 % intervals.",
        "Each person's effect (dots) in clusters found with the other people only, and each "
        f"group's mean with its 95 % interval.{without}",
    )


def _dots_and_means(
    axes: Axes, people: pd.DataFrame, groups: pd.DataFrame, measure: str, names: list[str]
) -> None:
    place = people["group"].map({name: k for k, name in enumerate(names)})
    aside = 0.05 * (people.groupby("group").cumcount() % 7 - 3)
    axes.axhline(0, color="#888888", linewidth=0.8, zorder=0)
    axes.plot(
        place + aside, people[measure], "o", color=OKABE_ITO[0], markersize=4, alpha=0.6, zorder=1
    )
    at = groups["group"].map({name: k for k, name in enumerate(names)}).to_numpy(float) + 0.28
    half = np.abs(groups[["ci_low", "ci_high"]].to_numpy(float).T - groups["mean"].to_numpy(float))
    axes.errorbar(
        at,
        groups["mean"],
        yerr=np.nan_to_num(half),
        fmt="D",
        color="black",
        markersize=4.5,
        capsize=3,
        linewidth=1.4,
        zorder=2,
    )
    axes.set_xticks(range(len(names)), [_counted(name, groups) for name in names])
    axes.set_xlim(-0.5, len(names) - 0.4)


def wrapped(name: str) -> str:
    """Break the name of a group into lines that fit beside each other."""
    return "\n".join(wrap(name.replace("_", " "), LINE)) if len(name) > LINE else name


def _counted(name: str, groups: pd.DataFrame) -> str:
    n = groups.loc[groups["group"] == name, "n"]
    return f"{wrapped(name)}\nn = {int(n.iloc[0]) if len(n) else 0}"
