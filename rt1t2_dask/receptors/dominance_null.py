"""Dominance of receptor maps against relabelings of patients and controls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.receptors.dominance import Regression
from rt1t2_dask.receptors.problem import Problem, scores
from rt1t2_dask.receptors.relabelings import Sides, relabeled

Floats = NDArray[np.float64]
_ROUNDING = 1e-10


@dataclass(frozen=True)
class DominanceTest:
    """Total dominance of each map, and how often relabeled people reach it.

    Parameters
    ----------
    dominance : ndarray, shape (m,)
        Over the regions measured in everybody.
    p, p_fwe : ndarray, shape (m,)
        One-sided, since dominance is at least 0 but for rounding; against the map's own null, and
        against the largest over maps. NaN without relabelings.
    """

    dominance: Floats
    p: Floats
    p_fwe: Floats


def dominance_test(problem: Problem, n: int, seed: int) -> DominanceTest:
    """Test the total dominance of each map by relabeling patients and controls.

    Parameters
    ----------
    problem : Problem
        Of a comparison between groups.
    n : int
        Relabelings; all of them if there are no more. The same are drawn as for correlations.
    seed : int

    Notes
    -----
    p = (b + 1) / (n + 1), Phipson & Smyth 2010 (Stat Appl Genet Mol Biol 9:39).
    """
    n1, people = len(problem.patients), len(problem.people)
    known = np.asarray(~np.isnan(problem.people).any(axis=0))
    model = Regression(problem.maps, problem.gm, "pearson", known)
    as_seen = (np.arange(n1)[None], np.arange(n1, people)[None])
    observed = model.dominance(_profiles(problem, as_seen))[0]
    batches = [model.dominance(_profiles(problem, own)) for own in relabeled(problem, n, seed)]
    null = np.concatenate([np.empty((0, len(observed))), *batches])[:n]
    if not len(null):
        blank = np.full(len(observed), np.nan)
        return DominanceTest(observed, blank, blank)
    reached = observed * (1 - _ROUNDING)
    largest = np.nanmax(null, axis=1, keepdims=True)
    p, p_fwe = (
        ((values >= reached).sum(axis=0) + 1) / (len(null) + 1) for values in (null, largest)
    )
    left_out = np.isnan(observed)
    return DominanceTest(observed, np.where(left_out, np.nan, p), np.where(left_out, np.nan, p_fwe))


def _profiles(problem: Problem, sides: Sides) -> Floats:
    """Return the mean change of each relabeling's patients, shape (draw, region)."""
    return np.asarray(scores(problem, *sides).mean(axis=1))
