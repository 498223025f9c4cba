"""The section on sites: people by site, variance explained by site, meta-analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.figures.picture import Picture, house_style, new_figure, stacked
from rt1t2_dask.report.figures.scene import ORIENTATION, Scene
from rt1t2_dask.report.figures.t_scene import FOOT_IN, WIDTH_IN, colour_bar
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.table import from_frame
from rt1t2_dask.stats.demographics import count_sexes

ANCHOR = "sites"
MODELS = {
    "none": "Site is not in the contrasts (site.model=none).",
    "covariate": "Every site has its own mean in the contrasts (site.model=covariate).",
    "combat": (
        "Location and scale of each site were removed from maps and regions by ComBat "
        "(site.model=combat); every site keeps its own mean in the contrasts, which accounts for "
        "the degrees of freedom used."
    ),
}
METHODS = {
    "combat": (
        "Sites were harmonised by ComBat (Johnson et al. 2007; Fortin et al. 2018): empirical "
        "Bayes, parametric priors over voxels, preserving groups and covariates; sites stayed in "
        "the models as fixed effects."
    ),
    "covariate": "Sites entered the models as fixed effects; permutations were within sites.",
    "none": "Sites did not enter the models; permutations were within sites.",
}
LIMIT = (
    "Site effects are all differences between the sites' people at equal covariates: scanners, "
    "and any other differences of the samples. An effect scaled by a site's gain remains scaled."
)


def site_table(people: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    """Describe the sites.

    Parameters
    ----------
    people : DataFrame
        ``site``, ``group``, and ``age`` and ``sex`` where they are known.
    groups : sequence of str

    Returns
    -------
    DataFrame
        One row per site: people of each group, age, males and females.
    """
    rows = []
    for site, own in people.groupby("site", sort=True):
        row: dict[str, object] = {"site": site}
        row |= {group: int((own["group"] == group).sum()) for group in groups}
        if "age" in own:
            age = own["age"].dropna().to_numpy(np.float64)
            row["age"] = _mean_spread(age)
        if "sex" in own:
            row["n_male"], row["n_female"] = count_sexes(own, "sex")
        rows.append(row)
    return pd.DataFrame(rows)


def _mean_spread(values: NDArray[np.float64]) -> str | None:
    if len(values) < 2:
        return f"{values[0]:.1f}" if len(values) else None
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"


def effects_table(explained: Mapping[str, Volume], spans: Mapping[str, Volume]) -> pd.DataFrame:
    """Tabulate the variance explained by site, raw and harmonised."""

    def row(name: str) -> dict[str, object]:
        fraction = explained[name].data[np.isfinite(explained[name].data)]
        span = spans[name].data[np.isfinite(spans[name].data)]
        return {
            "maps": name,
            "variance explained by site, median (%)": 100 * float(np.median(fraction)),
            "95th percentile (%)": 100 * float(np.quantile(fraction, 0.95)),
            "range of site means, median": float(np.median(span)),
        }

    return pd.DataFrame([row(name) for name in explained])


def effects_picture(explained: Mapping[str, Volume], template: Volume, simulated: bool) -> Picture:
    """Draw the variance explained by site on three planes, one row per kind of map.

    Parameters
    ----------
    explained : mapping of str to Volume
        0 to 1, NaN where not analysed.
    template : Volume
        T1 of the brain in the same space, on any grid.
    simulated : bool
    """
    scenes = [
        Scene(template, fraction, mpl.colormaps["cividis"], Normalize(0, 1))
        for fraction in explained.values()
    ]
    low, high = scenes[0].box.low, scenes[0].box.high
    middle, size = (low + high) / 2, high - low
    row_in = WIDTH_IN * max(size[1], size[2]) / (2 * size[0] + size[1]) + 0.2
    with house_style():
        figure = new_figure(WIDTH_IN, row_in * len(scenes) + FOOT_IN, simulated)
        *rows, foot = stacked(figure, [row_in] * len(scenes) + [FOOT_IN])
        for row, scene, name in zip(rows, scenes, explained, strict=True):
            panels = row.subplots(1, 3, width_ratios=[size[1], size[0], size[0]])
            for axis, axes in enumerate(panels):
                scene.draw(axes, scene.plane(axis, float(middle[axis])))
            row.suptitle(name, x=0.01, ha="left", fontsize=9, fontweight="bold")
        colour_bar(foot, scenes[0], "variance explained by site")
    words = "; ".join(
        f"{n} median {100 * np.nanmedian(v.data):.0f} %" for n, v in explained.items()
    )
    return Picture(
        figure,
        f"Slices with the variance explained by site: {words}.",
        f"Partial R² of the site at equal group and covariates: {words}. {ORIENTATION}",
    )


def site_section(
    model: str,
    sites: pd.DataFrame,
    explained: Mapping[str, Volume],
    spans: Mapping[str, Volume],
    meta: pd.DataFrame,
    template: Volume,
    simulated: bool,
) -> Section:
    """Put the section together.

    Parameters
    ----------
    model : {"none", "covariate", "combat"}
    sites : DataFrame
        From `site_table`.
    explained, spans : mapping of str to Volume
        Of raw and, with ComBat, harmonised maps; empty where not estimable.
    meta : DataFrame
        One row per contrast: heterogeneity of the sites' effects; may be empty.
    template : Volume
    simulated : bool
    """
    tables = [from_frame(sites, "Sites")]
    pictures, headline = {}, []
    if explained:
        tables.append(from_frame(effects_table(explained, spans), "Variance explained by site"))
        pictures = {f"{ANCHOR}_effects": effects_picture(explained, template, simulated)}
        text = " and ".join(
            f"{100 * np.nanmedian(v.data):.0f} % of the variance of {n} maps"
            for n, v in explained.items()
        )
        headline = [f"Sites: {len(sites)}; site explains {text} (median over voxels)."]
    if len(meta):
        tables.append(from_frame(meta, "Meta-analysis of site effects"))
    return Section(
        anchor=ANCHOR,
        title="Sites",
        headline=tuple(headline),
        sentences=(MODELS[model],),
        tables=tuple(tables),
        pictures=pictures,
        methods=(METHODS[model],),
        limits=(LIMIT,),
    )
