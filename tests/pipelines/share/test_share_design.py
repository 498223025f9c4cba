"""What a contrast asks of sums, against the same contrast of people; what sites must have alike."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.config.contrasts import AnyForm
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.share.design import wanted_of
from rt1t2_dask.pipelines.share.format import comparable

GROUPS = ("pat", "hc", "more")


def wanted(said: object):
    return wanted_of(TypeAdapter(AnyForm).validate_python(said), GROUPS, True)


def test_two_groups_one_group_and_a_slope():
    two = wanted({"test": "two_sample", "groups": ["hc", "pat"], "covariates": ["age"]})
    assert (two.groups, two.covariates, two.sites) == (("hc", "pat"), ("age",), True)
    assert two.contrast.ravel().tolist() == [1, -1]
    one = wanted({"test": "one_sample", "group": "hc"})
    assert (one.groups, one.contrast.tolist()) == (("hc",), [[1.0]])
    slope = wanted({"test": "regression", "of": "dose", "covariates": ["age"]})
    assert (slope.groups, slope.covariates) == (GROUPS, ("dose", "age"))
    assert slope.contrast.ravel().tolist() == [0, 0, 0, 1]
    within = wanted({"test": "regression", "of": "dose", "within": "hc"})
    assert (within.groups, within.contrast.ravel().tolist()) == (("hc",), [0, 1])


def test_an_f_is_of_all_differences_between_means():
    """It sees no common mean, and any difference: rank k - 1 on what sums to zero."""
    weights = wanted({"test": "anova", "groups": list(GROUPS)}).contrast
    np.testing.assert_allclose(weights.sum(axis=0), 0)
    assert np.linalg.matrix_rank(weights) == len(GROUPS) - 1


def test_an_order_is_the_trend_of_its_means():
    trend = wanted({"test": "ordered", "groups": ["hc", "more", "pat"]})
    assert trend.groups == ("hc", "more", "pat")
    assert trend.contrast.ravel().tolist() == [-1, 0, 1]
    uneven = wanted({"test": "ordered", "groups": ["hc", "more", "pat"], "scores": [0, 1, 5]})
    np.testing.assert_allclose(uneven.contrast.ravel(), np.array([-2, -1, 3]) * 5 / 14)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"test": "paired", "groups": ["pat", "hc"], "pair": "couple"}, "paired"),
        ({"formula": "~ group", "of": "group"}, "formula"),
        ({"test": "one_sample", "group": "hc", "value": 1.4}, "1.4"),
    ],
)
def test_what_needs_people_one_by_one_is_refused(said, named):
    with pytest.raises(UserError, match=named):
        wanted(said)


def configured(*words: str):
    return _configure(Job(("+cohort=psp", *words)))


@pytest.mark.parametrize(
    "word",
    ["smooth.fwhm_mm=6", "smooth.edge=spm", "calibration=gm_median", "lesion.fill=median_wm"],
)
def test_maps_that_differ_between_sites_are_told_apart(word):
    plain = comparable(configured())
    other = comparable(configured(word))
    assert len([name for name in plain if plain[name] != other[name]]) == 1


def test_what_decides_no_map_may_differ():
    words = ("permute.n=7", "contrast.p=0.01", "report.figures=false", "cluster.workers=3")
    assert comparable(configured(*words)) == comparable(configured())
