"""Receptor correlations: bars with intervals, and a radar chart."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.projections.polar import PolarAxes
from numpy.typing import NDArray

from rt1t2_dask.report.figures.picture import OKABE_ITO, Picture, house_style, new_figure
from rt1t2_dask.report.numbers import decimal, plural
from rt1t2_dask.report.sections.receptor_marks import Judged, judged

_PLAIN, _NOMINAL, _CORRECTED = "#B8C4CE", OKABE_ITO[5], OKABE_ITO[0]
_LINES = ("solid", "dashed", "dashdot", "dotted")
_MARKERS = "os^D"
# Rows of the heat map are as high as their labels; of very many people only some are named.
_ROW_IN, _MOST_NAMED, _LONG = 0.19, 80, 9


def receptor_bars(
    receptors: pd.DataFrame, fisher_z: pd.DataFrame | None, simulated: bool
) -> Picture:
    """Draw mean Fisher z by map, one panel per patient group.

    Parameters
    ----------
    receptors : DataFrame
        Columns of ``receptors.tsv``.
    fisher_z : DataFrame or None
        group, participant_id, map, fisher_z; drawn as dots if present.
    simulated : bool
    """
    groups = list(dict.fromkeys(receptors["group"]))
    maps = list(dict.fromkeys(receptors["map"]))
    rule = judged(receptors)
    with house_style():
        figure = new_figure(7.5, 0.27 * len(maps) + 1.3, simulated)
        panels = figure.subplots(1, len(groups), sharey=True, sharex=True, squeeze=False)[0]
        for axes, group in zip(panels, groups, strict=True):
            table = receptors[receptors["group"] == group].set_index("map").reindex(maps)
            _bars(axes, table, rule)
            if fisher_z is not None:
                _dots(axes, fisher_z[fisher_z["group"] == group], maps)
            axes.set_title(str(group))
            axes.set_xlabel("mean Fisher z")
        panels[0].set_yticks(range(len(maps)), _names(receptors, maps))
        panels[0].invert_yaxis()
        figure.legend(handles=_legend(), loc="outside lower center", ncols=3, fontsize=8)
    caption = (
        "Mean Fisher z of the correlation over regions between each patient's values and each "
        "receptor map (see Methods). Lines are "
        "95 % intervals, dots are patients. * p < .05 uncorrected; ** q < .05 (false discovery "
        f"rate over all maps and patient groups of this run), by {rule.by}."
    )
    return Picture(figure, _alt(receptors, groups, rule), caption)


def receptor_radar(receptors: pd.DataFrame, simulated: bool) -> Picture | None:
    """Draw a radar chart of mean Fisher z by group; None for fewer than three maps."""
    maps = list(dict.fromkeys(receptors["map"]))
    if len(maps) < 3 or receptors["mean_fisher_z"].isna().all():
        return None
    angle = np.linspace(0, 2 * np.pi, len(maps), endpoint=False)
    ring = np.append(angle, angle[0])
    with house_style():
        figure = new_figure(6.2, 5.8, simulated)
        axes = cast(PolarAxes, figure.add_subplot(projection="polar"))
        for k, (group, table) in enumerate(receptors.groupby("group", sort=False)):
            z = table.set_index("map")["mean_fisher_z"].reindex(maps).to_numpy()
            colour, dash = OKABE_ITO[k % len(OKABE_ITO)], _LINES[k % len(_LINES)]
            marker = _MARKERS[k % len(_MARKERS)]
            style: dict[str, Any] = {"linestyle": dash, "color": colour, "marker": marker}
            axes.plot(ring, np.append(z, z[0]), label=str(group), **style)
        axes.plot(np.linspace(0, 2 * np.pi, 200), np.zeros(200), color="black", linewidth=1.2)
        largest = 1.15 * float(receptors["mean_fisher_z"].abs().max())
        axes.set_ylim(-largest, largest)
        axes.set_xticks(angle, _names(receptors, maps))
        axes.tick_params(pad=8)
        axes.set_theta_zero_location("N")
        axes.set_theta_direction(-1)
        axes.set_rlabel_position(float(np.degrees(angle[1] / 2)))
        figure.legend(loc="outside lower center", ncols=4)
    caption = "Mean Fisher z by receptor map and patient group; the black circle is zero."
    return Picture(figure, f"Radar of mean Fisher z over {plural(len(maps), 'map')}.", caption)


def receptor_heat(people: pd.DataFrame, simulated: bool) -> Picture | None:
    """Draw Fisher z of every patient with every map; None without at least two patients.

    Parameters
    ----------
    people : DataFrame
        group, participant_id, map, fisher_z.
    simulated : bool
    """
    wide = people.pivot_table(
        index=["group", "participant_id"], columns="map", values="fisher_z", sort=False
    )
    if len(wide) < 2:
        return None
    largest = float(np.nanmax(np.abs(wide.to_numpy()))) or 1.0
    with house_style():
        figure = new_figure(7.5, _ROW_IN * min(len(wide), _MOST_NAMED) + 2.2, simulated)
        axes = figure.subplots()
        image = axes.imshow(wide, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto")
        _signs(axes, wide.to_numpy(dtype=float), largest)
        maps = _short([str(name) for name in wide.columns])
        axes.set_xticks(range(len(maps)), maps)
        upright = len(max(maps, key=len)) > _LONG
        axes.tick_params(axis="x", labelrotation=90 if upright else 60, labelsize=9)
        shown = list(range(0, len(wide), 1 + len(wide) // _MOST_NAMED))
        named = [str(label).removeprefix("sub-") for label in wide.index.get_level_values(1)]
        axes.set_yticks(shown, [named[k] for k in shown], fontsize=8)
        _group_names(axes, [str(group) for group in wide.index.get_level_values("group")])
        figure.colorbar(image, ax=axes, label="Fisher z", pad=0.08)
    caption = (
        "Fisher z of each patient (row, with the group at its right) with each receptor map, + and "
        "\N{MINUS SIGN} its sign. Values are in group/receptors_people.tsv."
    )
    return Picture(figure, f"Heat map of Fisher z, {plural(len(wide), 'patient')}.", caption)


def _short(maps: list[str]) -> list[str]:
    """Return the receptor of each map; of repeated receptors the whole name of the map."""
    receptors = [name.split("_")[0] for name in maps]
    return [
        receptor if receptors.count(receptor) == 1 else name.replace("_", " ")
        for name, receptor in zip(maps, receptors, strict=True)
    ]


def _group_names(axes: Axes, groups: list[str]) -> None:
    """Part the groups by lines, and name each at the middle of its rows, on the right."""
    starts = [k for k, group in enumerate(groups) if k == 0 or group != groups[k - 1]]
    for start in starts[1:]:
        axes.axhline(start - 0.5, color="black", linewidth=1.2)
    ends = [*starts[1:], len(groups)]
    for start, end in zip(starts, ends, strict=True):
        middle = (start + end - 1) / 2
        axes.text(
            1.015, middle, groups[start], transform=axes.get_yaxis_transform(), rotation=90,
            ha="left", va="center", fontweight="bold",
        )  # fmt: skip


def _signs(axes: Axes, values: NDArray[np.float64], largest: float) -> None:
    """Mark each cell with its sign, so that it is not coded by colour alone."""
    for sign, marker in ((1, "+"), (-1, "_")):
        for dark, colour in ((False, "#333333"), (True, "white")):
            here = (np.sign(values) == sign) & ((np.abs(values) > 0.6 * largest) == dark)
            rows, columns = np.nonzero(here)
            axes.plot(columns, rows, marker, color=colour, markersize=3.5, markeredgewidth=0.7)


def _names(receptors: pd.DataFrame, maps: list[str]) -> list[str]:
    first = receptors.drop_duplicates("map").set_index("map")["receptor"].astype(str)
    repeated = first[first.duplicated(keep=False)].index
    return [f"{first[name]} ({name})" if name in repeated else first[name] for name in maps]


def _bars(axes: Axes, table: pd.DataFrame, rule: Judged) -> None:
    mean = table["mean_fisher_z"].to_numpy(dtype=float)
    corrected, nominal = rule.found(table).to_numpy(), rule.nominal(table).to_numpy()
    colours = np.where(corrected, _CORRECTED, np.where(nominal, _NOMINAL, _PLAIN))
    bars = axes.barh(np.arange(mean.size), mean, color=colours, edgecolor="#333333", linewidth=0.6)
    low, high = (table[name].to_numpy(dtype=float) for name in ("ci_low", "ci_high"))
    axes.hlines(np.arange(mean.size), low, high, color="black", linewidth=1.1)
    axes.axvline(0, color="black", linewidth=0.8)
    for k in np.flatnonzero(nominal | corrected):
        bars[k].set_hatch("////" if corrected[k] else "..")
        mark = "**" if corrected[k] else "*"
        tip = np.nanmax([mean[k], high[k], 0]) if mean[k] >= 0 else np.nanmin([mean[k], low[k], 0])
        axes.annotate(
            mark,
            (tip, k),
            xytext=(9 if mean[k] >= 0 else -9, -1),
            textcoords="offset points",
            ha="center",
            va="center",
            fontweight="bold",
        )
    axes.margins(x=0.12, y=0.02)


def _dots(axes: Axes, people: pd.DataFrame, maps: list[str]) -> None:
    place = people["map"].map({name: k for k, name in enumerate(maps)})
    axes.plot(people["fisher_z"], place, "o", color="#333333", markersize=2, alpha=0.45)


def _legend() -> list[Patch]:
    kinds = (
        (_CORRECTED, "////", "** q < .05 (FDR)"),
        (_NOMINAL, "..", "* p < .05 uncorrected"),
        (_PLAIN, "", "neither"),
    )
    return [
        Patch(facecolor=colour, hatch=hatch, edgecolor="#333333", label=words)
        for colour, hatch, words in kinds
    ]


def _alt(receptors: pd.DataFrame, groups: list[str], rule: Judged) -> str:
    sentences = []
    for group in groups:
        table = receptors[receptors["group"] == group]
        hits = table[rule.found(table)]
        listed = ", ".join(
            f"{row.receptor} {decimal(row.mean_fisher_z)}" for row in hits.itertuples()
        )
        sentences.append(f"{group}: q below .05 by {rule.by} for {listed or 'no map'}")
    return f"Bars of mean Fisher z by receptor map. {'; '.join(sentences)}."
