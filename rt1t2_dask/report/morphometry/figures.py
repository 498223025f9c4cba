"""Figures of similarity networks, regions and genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from rt1t2_dask.morphometry.regions import LIMBIC
from rt1t2_dask.report.figures.picture import OKABE_ITO, Picture, house_style, new_figure
from rt1t2_dask.report.figures.surface_figure import on_surface
from rt1t2_dask.report.morphometry.content import (
    MorphometryContent,
    RegionResult,
    TestedMap,
)
from rt1t2_dask.report.numbers import decimal, p_phrase
from rt1t2_dask.report.sections.effect_words import SIZES, size_of

SHOWN = 20
NAMED = 4
MARKERS = "os^Dv"
_COLUMNS = 3


def network_matrices(content: MorphometryContent) -> Picture:
    """Draw the mean network of each group on a common scale."""
    known = [m for m in content.networks.values() if np.isfinite(m).any()]
    limit = max((float(np.nanpercentile(np.abs(m), 98)) for m in known), default=1.0)
    names = list(content.networks)
    rows = -(-len(names) // _COLUMNS)
    with house_style():
        figure = new_figure(7.5, 2.5 * rows, content.simulated)
        panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
        for spare in panels[len(names) :]:
            spare.set_axis_off()
        for axes, name in zip(panels, names, strict=False):
            image = axes.imshow(content.networks[name], cmap="RdBu_r", vmin=-limit, vmax=limit)
            axes.set_title(f"{name} (n = {content.groups[name]})")
            _hemispheres(axes, content.regions)
        figure.colorbar(image, ax=list(panels), shrink=0.6, label="mean r")
    caption = (
        f"Mean morphometric similarity of each group: Pearson's r of {len(content.features)} "
        f"features ({', '.join(content.features)}), z over regions, between "
        f"{len(content.regions)} regions; left hemisphere first."
    )
    means = ", ".join(f"{n} {decimal(np.nanmean(content.networks[n]), 3)}" for n in names)
    alt = f"Similarity matrices by group; mean over all pairs: {means}."
    return Picture(figure, alt, caption)


def _hemispheres(axes: Axes, regions: Sequence[str]) -> None:
    """Separate left and right by a line, and label them."""
    left = sum(name.startswith("lh_") for name in regions)
    middles = [left / 2 - 0.5, (left + len(regions)) / 2 - 0.5]
    axes.set_xticks(middles, ["left", "right"])
    axes.set_yticks(middles, ["left", "right"], rotation=90, va="center")
    axes.tick_params(length=0)
    axes.axhline(left - 0.5, color="black", linewidth=0.6)
    axes.axvline(left - 0.5, color="black", linewidth=0.6)


def region_brain(result: RegionResult, content: MorphometryContent) -> Picture | None:
    """Draw a contrast's t on the surface; None where the surface has none of its regions."""
    rows = result.regions
    found = rows.loc[rows["q_fdr"] <= 0.05, "region"].tolist()
    text = f"black edge: {len(found)} regions with q <= .05" if found else "no region has q <= .05"
    caption = f"{result.title}: {result.statistic} of {result.measure}; {text}."
    label = f"{result.statistic}, positive: {result.positive or 'differs'}"
    return _brain(result.t_map, content, label, caption, found)


def across_brain(measure: str, content: MorphometryContent) -> Picture | None:
    """Draw the mean t of all cohorts on the surface; None as in `region_brain`."""
    rows = content.across[measure]
    found = rows.loc[rows["q_stouffer"] <= 0.05, "region"].tolist()
    values = dict(zip(rows["region"], rows["mean_t"], strict=True))
    caption = (
        f"Mean t of {measure} over cohorts; black edge: {len(found)} regions with Stouffer's "
        "q <= .05."
    )
    return _brain(values, content, "mean t", caption, found)


def _brain(
    values: Mapping[str, float],
    content: MorphometryContent,
    label: str,
    caption: str,
    found: list[str],
) -> Picture | None:
    drawn = {name for names in content.surface.names.values() for name in names}
    if not drawn & set(values):
        return None
    return on_surface(values, content.surface, label, caption, content.simulated, found)


def effect_bars(content: MorphometryContent) -> Picture | None:
    """Draw effect sizes with intervals in the regions with the largest effects, by cohort."""
    own = [c for c in content.contrasts if c.measure == content.measure and c.statistic == "t"]
    if not own:
        return None
    g = np.array([c.regions[size_of(c.regions)].to_numpy(float) for c in own])
    called = ", ".join(dict.fromkeys(SIZES[size_of(c.regions)] for c in own))
    order = np.argsort(-np.abs(np.nan_to_num(g.mean(axis=0))), kind="stable")[:SHOWN][::-1]
    with house_style():
        figure = new_figure(7.5, 0.28 * SHOWN + 1.0, content.simulated)
        axes = figure.subplots()
        for k, result in enumerate(own):
            _intervals(axes, result, order, k, len(own))
        labels = [str(own[0].regions["region"].iloc[i]) for i in order]
        axes.set_yticks(range(len(order)), labels)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_xlabel(f"{called} of regional {content.measure} (95 % interval)")
        axes.legend(
            frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(own), reverse=True
        )
        for tick, label in zip(axes.get_yticklabels(), labels, strict=True):
            tick.set_fontweight("bold" if label.split("_", 1)[-1] in LIMBIC else "normal")
    caption = (
        f"The {len(order)} regions with the largest mean effect size ({called}) over contrasts; "
        "bold: insula and limbic cortex. Intervals are not corrected for multiple regions."
    )
    top = own[0].regions["region"].iloc[order[-1]]
    named = ", ".join(
        f"{c.name} {decimal(c.regions[size_of(c.regions)].iloc[order[-1]])}" for c in own
    )
    return Picture(figure, f"Effect sizes by region; largest in {top}: {named}.", caption)


def _intervals(axes: Axes, result: RegionResult, order: np.ndarray, k: int, n: int) -> None:
    rows = result.regions.iloc[order]
    at = np.arange(len(order)) + 0.22 * (k - (n - 1) / 2)
    size = size_of(rows)
    names = (size, f"{size}_ci_low", f"{size}_ci_high")
    g, low, high = (rows[name].to_numpy(float) for name in names)
    colour = OKABE_ITO[k % len(OKABE_ITO)]
    axes.hlines(at, low, high, color=colour, linewidth=1)
    marker = MARKERS[k % len(MARKERS)]
    axes.plot(g, at, marker, color=colour, markersize=3.5, label=result.name)


def global_strip(content: MorphometryContent) -> Picture:
    """Draw the global mean similarity of all people by group."""
    rng = np.random.default_rng(0)
    with house_style():
        figure = new_figure(7.5, 2.6, content.simulated)
        axes = figure.subplots()
        for k, group in enumerate(content.groups):
            rows = content.global_similarity
            own = rows.loc[rows["group"] == group, "global_similarity"].to_numpy(float)
            spread = k + rng.uniform(-0.15, 0.15, len(own))
            axes.plot(spread, own, "o", color=OKABE_ITO[k % len(OKABE_ITO)], markersize=3)
            if len(own):
                axes.hlines(float(np.nanmean(own)), k - 0.3, k + 0.3, color="black")
        axes.set_xticks(range(len(content.groups)), list(content.groups))
        axes.set_ylabel("global mean similarity")
    return Picture(
        figure,
        "Global mean similarity by group.",
        "Global mean similarity of each person; lines: means of groups.",
    )


def pls_scatter(tested: TestedMap, content: MorphometryContent) -> Picture:
    """Draw regional scores against the map, and explained variance against its spin null."""
    mean = tested.values.mean(axis=1)
    share, p = tested.summary["explained"][0], tested.summary["p_spin"][0]
    with house_style():
        figure = new_figure(7.5, 3.2, content.simulated)
        left, right = figure.subplots(1, 2)
        left.plot(tested.scores[:, 0], mean, "o", color=OKABE_ITO[0], markersize=4)
        for k in _apart(tested.scores[:, 0], mean):
            name = tested.regions[k].removeprefix("lh_")
            at = (tested.scores[k, 0], mean[k])
            away = {"xytext": (4, 3 if mean[k] > 0 else -8), "textcoords": "offset points"}
            left.annotate(name, at, fontsize=7, **away)
        left.set_xlabel("score of the first component")
        left.set_ylabel("map, z over regions" if tested.values.shape[1] == 1 else "mean of maps, z")
        right.hist(100 * tested.null[:, 0], bins=40, color="0.7")
        right.axvline(100 * share, color=OKABE_ITO[1])
        right.set_xlabel("variance explained, spun maps (%)")
        right.set_ylabel("spins")
    kind = "SIMULATED genes" if content.simulated_genes else "genes"
    caption = (
        f"{tested.name}: partial least squares on {tested.summary['n_genes']:,} {kind} over "
        f"{tested.summary['n_regions']} regions of the left cortex. The first component explains "
        f"{decimal(100 * share, 1)} % (line), p {p_phrase(p)} among "
        f"{tested.summary['n_spins']:,} spins."
    )
    r = float(np.corrcoef(tested.scores[:, 0], mean)[0, 1])
    alt = (
        f"Scores of the first component against the map {tested.name} (r = {decimal(r)}); "
        f"{decimal(100 * share, 1)} % explained, p {p_phrase(p)} among spins."
    )
    return Picture(figure, alt, caption)


def _apart(scores: np.ndarray, mean: np.ndarray) -> list[int]:
    """Choose up to four extreme regions whose labels do not overlap."""
    chosen: list[int] = []
    places = np.column_stack([scores / np.ptp(scores), mean / np.ptp(mean)])
    for k in np.argsort(-np.abs(mean), kind="stable")[: 3 * NAMED].tolist():
        gap = [np.abs(places[k] - places[j]) for j in chosen]
        if len(chosen) < NAMED and all(dx > 0.4 or dy > 0.07 for dx, dy in gap):
            chosen.append(k)
    return chosen
