"""Contrasts of the cohort file for shared sums."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.config.contrasts import Anova, Form, OneSample, Ordered, Regression, TwoSample
from rt1t2_dask.errors import UserError
from rt1t2_dask.sites.joint import Wanted
from rt1t2_dask.stats.order.neighbours import trend_weights


def wanted_of(form: Form, groups: tuple[str, ...], sites: bool) -> Wanted:
    """Return the specification of a contrast for shared sums.

    Parameters
    ----------
    form : Form
        With its covariates, without the site.
    groups : tuple of str
        Groups of the cohort.
    sites : bool
        Whether every site has its own mean.

    Raises
    ------
    UserError
        It needs individual data.
    """
    covariates = form.covariates or ()
    match form:
        case TwoSample(test="two_sample"):
            return Wanted(form.groups, covariates, np.array([[1.0], [-1.0]]), sites)
        case OneSample():
            if form.value:
                raise UserError(
                    f"one_sample against {form.value:g} needs individual data: sums can only be "
                    f"compared with 0."
                )
            return Wanted((form.group,), covariates, np.ones((1, 1)), sites)
        case Anova():
            k = len(form.groups)
            weights = np.eye(k)[:, :-1] - np.eye(k)[:, 1:]
            return Wanted(form.groups, covariates, weights, sites)
        case Ordered():
            weights = trend_weights(form.scores or range(len(form.groups)))[:, None]
            return Wanted(form.groups, covariates, weights, sites)
        case Regression():
            within = form.within or groups
            score = np.zeros((len(within) + 1, 1))
            score[-1] = 1.0
            return Wanted(within, (form.of, *covariates), score, sites)
    raise UserError(f"test {getattr(form, 'test', '')} needs individual data, not sums.")
