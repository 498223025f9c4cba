"""Warnings about groups that are divided unequally over the sites of a study."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from rt1t2_dask.config.contrasts import Formula, OneSample, Paired
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.sites.balance import UNBALANCED, explained_membership


def site_warnings(config: Config, people: pd.DataFrame) -> list[str]:
    """Say which groups of a contrast are unbalanced over sites, and which formulas lack the site.

    Parameters
    ----------
    people : DataFrame
        As `rt1t2_dask.pipelines.people.table.read_people` returns.
    """
    column = config.cohort.site
    if column is None:
        return []
    site = people[COVARIATE + column].astype(str)
    found = [_unbalanced(people, site, *pair) for pair in _pairs(config)]
    return [line for line in found if line] + _without_site(config, column)


def _pairs(config: Config) -> list[tuple[str, str]]:
    """Return every two groups that a contrast compares between people."""
    pairs: dict[tuple[str, str], None] = {}
    for form in config.every_contrast().values():
        if not isinstance(form, Paired | OneSample):
            members = form.members or tuple(config.cohort.groups)
            pairs |= dict.fromkeys(combinations(members, 2))
    return list(pairs)


def _unbalanced(people: pd.DataFrame, site: pd.Series[str], first: str, second: str) -> str:
    chosen = people["group"].isin([first, second]).to_numpy()
    own, where = people["group"].to_numpy()[chosen] == first, site.to_numpy()[chosen]
    if not own.any() or own.all():
        return ""
    share = explained_membership(where.tolist(), own.tolist())
    if share < UNBALANCED:
        return ""
    counted = "; ".join(
        f"{name}: {int(own[where == name].sum())} and {int((~own)[where == name].sum())}"
        for name in sorted(set(where))
    )
    wider = "" if share > 1 - 1e-9 else f", {np.sqrt(1 / (1 - share)):.2f} times in standard error"
    return (
        f"Groups are unbalanced over sites, {first} and {second} ({counted}): sites explain "
        f"{100 * share:.0f} % of who is in which group. With the site in the model this costs "
        f"precision{wider}; without it, site looks like group."
    )


def _without_site(config: Config, column: str) -> list[str]:
    """Name the formulas after ComBat that leave the site out."""
    if config.site.model != "combat":
        return []
    return [
        f"Contrast {name}: ComBat spent degrees of freedom that this formula does not count; add "
        f"{column} to it."
        for name, form in config.every_contrast().items()
        if isinstance(form, Formula) and column not in form.variables
    ]
