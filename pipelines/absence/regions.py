"""Stage `absence`: equivalence tests and Bayes factors of a contrast in every region."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from rt1t2_dask.pipelines.contrasts.design_settings import ContrastSettings, from_settings
from rt1t2_dask.pipelines.contrasts.regional import parcel_rows, with_region_names
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.stats.absence import bayes_factor, equivalence_p, standardised_equivalence_p
from rt1t2_dask.stats.glm.fit import GlmResult, fit
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.stats.scale import Scale

TABLE = "absence.tsv"
LEVEL = 0.9
Float = NDArray[np.float64]


class AbsenceSettings(ContrastSettings):
    """A contrast, and the bounds of an effect that would matter.

    Parameters
    ----------
    percent : float
        Of the mean that effects are a share of.
    g : float
        In standard deviations.
    width : float
        Scale of the prior of the Bayes factor.
    """

    percent: float
    g: float
    width: float


def make(inputs: Inputs) -> Made:
    """Test the absence of an effect in every region."""
    settings = inputs.settings_as(AbsenceSettings)
    design = from_settings(settings.design)
    data, baseline = parcel_rows(inputs, settings)
    about = inputs.record("contrast")
    result = fit(
        data,
        design,
        settings.variance,
        group_variance=about["group_variance"],
        min_group_n=settings.min_group_n,
        min_group_share=settings.min_group_share,
    )
    rows = _table(result, baseline, settings, Scale(about["scale"]))
    rows = with_region_names(inputs, "row", rows)
    return Made(xr.Dataset(), {"scale": about["scale"]}, {TABLE: tsv_file(rows)})


def _table(
    result: GlmResult, baseline: Float, settings: AbsenceSettings, scale: Scale
) -> pd.DataFrame:
    half = stats.t.isf((1 - LEVEL) / 2, result.dof) * result.se
    low, high = bounds(settings.percent, baseline, scale)
    t, n = pooled_t(result)
    within = {
        "percent": equivalence_p(result.effect, result.se, result.dof, low, high),
        "g": standardised_equivalence_p(t, n, result.residual_dof, settings.g),
    }
    return pd.DataFrame(
        {
            "n": result.n,
            "percent": scale.percent(result.effect, baseline),
            "percent_ci90_low": scale.percent(result.effect - half, baseline),
            "percent_ci90_high": scale.percent(result.effect + half, baseline),
            "p_equivalence_percent": within["percent"],
            "q_equivalence_percent": benjamini_hochberg(within["percent"]),
            "g": result.hedges_g,
            "p_equivalence_g": within["g"],
            "q_equivalence_g": benjamini_hochberg(within["g"]),
            "bf10": bayes_factor(t, n, result.residual_dof, settings.width),
        }
    )


def bounds(percent: float, baseline: Float, scale: Scale) -> tuple[Float, Float]:
    """Return the bounds of an effect of so many percent in the unit of the maps; NaN where none."""
    if scale is Scale.LOG:
        share = np.full(baseline.shape, percent / 100)
        return np.log1p(-share), np.log1p(share)
    unit = baseline if scale is Scale.RATIO else np.full(baseline.shape, np.nan)
    unit = np.where(unit > 0, unit, np.nan)
    return -percent / 100 * unit, percent / 100 * unit


def pooled_t(result: GlmResult) -> tuple[Float, Float]:
    """Return t of one variance for all groups, and the effective sample size, from the fit."""
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = result.explained / (1 - result.explained) * result.residual_dof
        n = squared * (result.sd / result.effect) ** 2
    return np.sign(result.effect) * np.sqrt(squared), n
