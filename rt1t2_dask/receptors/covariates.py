"""z-scores of patients against controls at equal age, sex or any other covariate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def adjusted_z(values: Floats, covariates: Floats, first: Integers, second: Integers) -> Floats:
    """Standardise patients by what the controls' regression on covariates predicts.

    Parameters
    ----------
    values : ndarray, shape (person, region)
        Patients, then controls; a region missing in anyone is NaN for all.
    covariates : ndarray, shape (person, q)
        Same order, complete; categories as 0/1 columns.
    first, second : ndarray of int, shapes (draw, n1) and (draw, n2)
        Rows of ``values`` relabeled as patients and controls.

    Returns
    -------
    ndarray, shape (draw, n1, region)

    Raises
    ------
    UserError
        Too few controls for so many covariates, or covariates that depend on one another.

    Notes
    -----
    z = (x - prediction) / residual SD, both from the controls (n2 - 1 - q degrees of freedom).
    Relabelings permute the residuals of all people on the covariates, while the covariates stay
    (Freedman & Lane 1983; Winkler et al. 2014, NeuroImage 92:381). The part of x explained by the
    regression over all people is predicted exactly, so residuals suffice.
    """
    n1 = first.shape[1]
    design = np.column_stack([np.ones(len(values)), covariates])
    patients, controls = design[:n1], design[n1:]
    _check(design, controls)
    whole = np.where(np.isnan(values).any(axis=0), np.nan, values)
    residual = whole - design @ np.linalg.pinv(design) @ np.nan_to_num(whole)
    to_coefficients = np.linalg.pinv(controls)
    fitted = residual[second]
    error = fitted - (controls @ to_coefficients) @ fitted
    free = len(controls) - controls.shape[1]
    spread = np.sqrt(np.square(error).sum(axis=1, keepdims=True) / free)
    scale = np.abs(whole).max(axis=0)
    predicted = (patients @ to_coefficients) @ fitted
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            np.where(spread > 1e-12 * scale, (residual[first] - predicted) / spread, np.nan)
        )


def _check(design: Floats, controls: Floats) -> None:
    n, columns = controls.shape
    missing = int(np.isnan(design).any(axis=1).sum())
    if missing:
        raise UserError(
            f"Receptors: {missing} of {len(design)} people lack a covariate; "
            "leave them out with cohort.exclude, or name fewer in cohort.covariates."
        )
    if n - columns < 2 or np.linalg.matrix_rank(controls) < columns:
        raise UserError(
            f"Receptors: {n} controls cannot be regressed on {columns - 1} covariates; "
            "name fewer, independent ones in cohort.covariates."
        )
