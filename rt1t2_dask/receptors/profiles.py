"""Other comparisons of groups: JuSpace's options beside z-scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.zscores import effect_sizes

Floats = NDArray[np.float64]


def effect_size(patients: Floats, controls: Floats) -> Floats:
    """Return Cohen's d with the unweighted mean variance, shape (1, region) (JuSpace option 1).

    Parameters
    ----------
    patients, controls : ndarray, shapes (n1, region) and (n2, region)
        A region missing in anyone is NaN.
    """
    people = np.concatenate([patients, controls]).astype(np.float64)
    n1 = len(patients)
    sizes = effect_sizes(people, np.arange(n1)[None], np.arange(n1, len(people))[None])
    return np.asarray(sizes[0])


def mean_profile(patients: Floats) -> Floats:
    """Average the group, shape (1, region); NaN if missing in one person (JuSpace option 3)."""
    return np.asarray(patients.mean(axis=0, keepdims=True))


def leave_one_out_z(patients: Floats) -> Floats:
    """Standardise each person by the others of the same group (JuSpace option 7).

    Parameters
    ----------
    patients : ndarray, shape (n, region)
        At least 3 people; a region missing in anyone is NaN for all.

    Returns
    -------
    ndarray, shape (n, region)
    """
    n = len(patients)
    centred = patients - patients.mean(axis=0)
    others_mean = -centred / (n - 1)
    squares = np.square(centred).sum(axis=0) - np.square(centred) - (n - 1) * np.square(others_mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((centred - others_mean) / np.sqrt(squares / (n - 2)))


def paired_difference(after: Floats, before: Floats) -> Floats:
    """Subtract each person's earlier map from the later (JuSpace option 6).

    Parameters
    ----------
    after, before : ndarray, shape (..., n, region)
        Row i of both is of one pair; a region missing in one is NaN.
    """
    return np.asarray(after - before)
