"""Groups divided unequally over sites: the share explained, and for which contrasts it is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from participant_tables import cohort

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.sites.balance import site_warnings

GROUPS = {"pat": "1", "hc": "0", "more": "2"}


def said(counts: dict[str, tuple[int, int]], contrast: object, *words: str) -> list[str]:
    """Warnings of a study with so many patients and controls at each site."""
    rows = [
        (group, site)
        for site, numbers in counts.items()
        for group, n in zip(("pat", "hc"), numbers, strict=True)
        for _ in range(n)
    ]
    people = pd.DataFrame(rows, columns=["group", "covariate:site"])
    return site_warnings(configured(contrast, *words), people)


def configured(contrast: object, *words: str) -> Config:
    config = _configure(Job(("+cohort=psp", *words)))
    own = cohort(groups=GROUPS, site_column="site", contrasts={"a": contrast})
    return config.model_copy(update={"cohort": own})


def test_the_share_and_its_cost_are_those_of_a_regression_on_sites():
    counts = {"a": (1, 9), "b": (8, 2), "c": (5, 5)}
    (line,) = said(counts, ["pat", "hc"])
    rows = [
        (float(first), site)
        for site, numbers in counts.items()
        for first, n in zip((True, False), numbers, strict=True)
        for _ in range(n)
    ]
    member = pd.DataFrame(rows, columns=["member", "site"])
    share = smf.ols("member ~ C(site)", member).fit().rsquared
    assert f"{100 * share:.0f} %" in line
    assert f"{np.sqrt(1 / (1 - share)):.2f} times" in line
    assert "a: 1 and 9; b: 8 and 2; c: 5 and 5" in line


def test_equal_shares_are_no_matter_however_large_the_sites():
    assert said({"a": (2, 4), "b": (20, 40)}, ["pat", "hc"]) == []


def test_sites_of_one_group_each_cost_what_no_number_says():
    (line,) = said({"a": (10, 0), "b": (0, 10)}, ["pat", "hc"])
    assert "100 %" in line
    assert "times" not in line


@pytest.mark.parametrize(
    "contrast",
    [
        {"test": "paired", "groups": ["pat", "hc"], "pair": "couple"},
        {"test": "one_sample", "group": "pat", "value": 1.5},
    ],
)
def test_comparisons_within_people_or_of_one_group_are_not_at_odds_with_sites(contrast):
    assert said({"a": (1, 9), "b": (9, 1)}, contrast) == []


def test_a_pair_of_groups_is_named_once_and_a_group_without_people_never():
    found = said({"a": (1, 9), "b": (9, 1)}, {"test": "anova", "groups": ["pat", "hc", "more"]})
    assert len(found) == 1


def test_a_formula_lacks_the_site_only_where_combat_took_it_out():
    equal = {"a": (5, 5), "b": (5, 5)}
    without = {"formula": "~ group", "of": "group"}
    assert said(equal, without) == []
    assert len(said(equal, without, "site.model=combat", "+cohort.site_column=site")) == 1
    own = {"formula": "~ group + site", "of": "group"}
    assert said(equal, own, "site.model=combat", "+cohort.site_column=site") == []
