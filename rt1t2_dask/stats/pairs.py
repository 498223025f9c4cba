"""Designs of pairs in two groups: group by condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from rt1t2_dask.stats.design import Design, two_sample
from rt1t2_dask.stats.designs import by_pair


def paired_by_group(
    conditions: Sequence[str],
    first: str,
    second: str,
    pair: Sequence[object],
    covariates: pd.DataFrame | None,
    group_labels: Sequence[str],
    groups: tuple[str, str],
    *,
    participants: Sequence[str] | None = None,
) -> Design:
    """Compare the difference within pairs between two groups: group by condition.

    Parameters
    ----------
    conditions : sequence of str, length participant
        Condition (session) of each map.
    first, second : str
        The second is subtracted from the first.
    pair, covariates, participants
        As in :func:`rt1t2_dask.stats.designs.paired`.
    group_labels : sequence of str, length participant
        Group of each map.
    groups : tuple of str
        Positive t means that the difference is higher in the first group.

    Returns
    -------
    Design
        One row a complete pair, one column a group, then the covariates. Whole pairs are
        exchanged, so that maps of one person stay together.

    Raises
    ------
    UserError
        As ``paired`` and ``two_sample``.

    Notes
    -----
    With two conditions the t of differences equals that of the interaction in a model with one
    column a pair (Winer 1971), for any correlation between conditions.
    """
    labels = np.asarray(conditions, dtype=np.str_)
    places = [by_pair(labels, name, pair, participants) for name in (first, second)]
    rows = {places[0][key]: places[1][key] for key in places[0] if key in places[1]}
    own = [name if k in rows else "" for k, name in enumerate(group_labels)]
    design = two_sample(own, *groups, covariates, participants=participants)
    partner = np.array([rows[row] for row in design.rows.tolist()], dtype=np.intp)
    return replace(design, partner=partner)
