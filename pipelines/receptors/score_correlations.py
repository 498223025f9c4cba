"""Stage `receptor_scores`: a score of the patients against their colocalisation with each map."""

from __future__ import annotations

import numpy as np
import xarray as xr

from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.receptors.scores import score_correlation


class ScoreSettings(StageSettings):
    """The score of each patient, in the order of the correlations; None where not known."""

    score: tuple[float | None, ...]
    n_permutations: int
    seed: int


def make(inputs: Inputs) -> Made:
    """Correlate the score with every map's Fisher z over patients."""
    settings = inputs.settings_as(ScoreSettings)
    score = np.array([np.nan if v is None else v for v in settings.score], np.float64)
    fisher_z = inputs.array("receptors", "fisher_z")
    found = score_correlation(fisher_z, score, settings.n_permutations, settings.seed)
    arrays = {"score_rho": found.rho, "score_p": found.p, "score_p_fwe": found.p_fwe}
    made = xr.Dataset({name: table(name, values) for name, values in arrays.items()})
    return Made(made, {"n": found.n})
