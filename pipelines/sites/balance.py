"""Warnings about groups unbalanced over sites."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from rt1t2_dask.config.contrasts import Formula, OneSample, Paired
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.sites.balance import UNBALANCED, explained_membership


def site_warnings(config: Config, people: pd.DataFrame) -> list[str]:
    """Warn of groups unbalanced over sites, and of formulas without the site.

    Parameters
    ----------
    people : DataFrame
        From `rt1t2_dask.pipelines.people.table.read_people`.
    """
    column = config.cohort.site
    if column is None:
        return []
    site = people[COVARIATE + column].astype(str)
    found = [_unbalanced(people, site, *pair) for pair in _pairs(config)]
    return [line for line in found if line] + _without_site(config, column)


def _pairs(config: Config) -> list[tuple[str, str]]:
    """Return every pair of groups compared between people."""
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
    wider = "" if share > 1 - 1e-9 else f", {np.sqrt(1 / (1 - share)):.2f} times the standard error"
    return (
        f"Groups are unbalanced over sites, {first} and {second} ({counted}): sites explain "
        f"{100 * share:.0f} % of the variance of group membership. With site in the model this "
        f"costs precision{wider}; without it, site effects are confounded with group."
    )


def _without_site(config: Config, column: str) -> list[str]:
    """List the formulas without site after ComBat."""
    if config.site.model != "combat":
        return []
    return [
        f"Contrast {name}: ComBat used degrees of freedom that this formula does not account "
        f"for; add {column} to it."
        for name, form in config.every_contrast().items()
        if isinstance(form, Formula) and column not in form.variables
    ]
