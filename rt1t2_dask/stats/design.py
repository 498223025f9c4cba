"""Design matrices of group comparisons, checked before any image is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.stats.covariates import covariate_columns

Float = NDArray[np.float64]
RANK_TOLERANCE = 1e-9
LEAST_DOF = 2


@dataclass(frozen=True)
class Design:
    """A linear model of the observations and one contrast of its columns.

    Parameters
    ----------
    matrix : ndarray, shape (observation, column)
        Columns of the model, of full rank; covariates are centred.
    names : tuple of str
        One name a column.
    group : ndarray of str, shape (observation,)
        Group of each row: each may have its own variance and must have enough people at a voxel.
    contrast : ndarray, shape (column, q) or (column,)
        Weights of the columns. One set gives a t, positive where the weighted sum
        is; several give an F of all. Kept with two axes.
    rows : ndarray of int, shape (observation,)
        Position of each row in the participants.
    partner : ndarray of int, shape (observation,), optional
        For pairs: the partner whose map is subtracted from that of ``rows``.
    blocks : ndarray of str, shape (observation,), optional
        Rows are exchanged only within their block (such as a site).
    flips : bool
        Signs are flipped, as in one group or in pairs, instead of exchanging rows.
    """

    matrix: Float
    names: tuple[str, ...]
    group: NDArray[np.str_]
    contrast: Float
    rows: NDArray[np.intp]
    partner: NDArray[np.intp] | None = None
    blocks: NDArray[np.str_] | None = None
    flips: bool = False

    def __post_init__(self) -> None:
        weights = np.asarray(self.contrast, np.float64)
        object.__setattr__(self, "contrast", weights.reshape(len(weights), -1))

    @property
    def n(self) -> int:
        """Observations in the model."""
        return int(self.matrix.shape[0])

    @property
    def q(self) -> int:
        """Number of sets of weights tested together; above 1 the statistic is F."""
        return int(self.contrast.shape[1])

    @property
    def vector(self) -> Float:
        """The weights of a t contrast, shape (column,)."""
        if self.q != 1:
            raise ValueError(f"this contrast has {self.q} sets of weights; it has no single t")
        return np.asarray(self.contrast[:, 0])

    @property
    def rank(self) -> int:
        """Rank of the model."""
        return int(np.linalg.matrix_rank(self.matrix))

    @property
    def dof(self) -> int:
        """Residual degrees of freedom without missing data."""
        return self.n - self.rank

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups in order of first appearance."""
        return tuple(dict.fromkeys(self.group.tolist()))

    def observed(self, maps: NDArray[Any]) -> NDArray[Any]:
        """Choose the design's rows of maps, shape (participant, ...); pairs are subtracted."""
        chosen = maps[self.rows]
        return chosen if self.partner is None else chosen - maps[self.partner]


def two_sample(
    group_labels: Sequence[str],
    first: str,
    second: str,
    covariates: pd.DataFrame | None = None,
    *,
    participants: Sequence[str] | None = None,
) -> Design:
    """Compare two groups, first minus second.

    Parameters
    ----------
    group_labels : sequence of str, length participant
        Participants of other groups are left out; see ``Design.rows``.
    first, second : str
        Positive t means the first group is higher.
    covariates : DataFrame, one row a participant, optional
        Numbers are centred on their mean over both groups (SPM12's "overall
        mean"); text becomes treatment-coded columns, centred alike.
    participants : sequence of str, optional
        Labels used in error messages.

    Returns
    -------
    Design
        One column a group, then the covariates.

    Raises
    ------
    UserError
        Groups too small or alike, covariates missing, contrast not estimable.
    """
    labels = np.asarray(group_labels, dtype=np.str_)
    if first == second:
        raise UserError(f"contrast compares group '{first}' with itself; name two groups.")
    rows = np.flatnonzero((labels == first) | (labels == second))
    group = labels[rows]
    require_members(group, (first, second))
    indicator = indicators(group, (first, second))
    extra, extra_names = covariate_columns(covariates, rows, participants)
    contrast = np.zeros(2 + len(extra_names))
    contrast[:2] = 1.0, -1.0
    design = Design(
        np.column_stack([indicator, extra]), (first, second, *extra_names), group, contrast, rows
    )
    require_estimable(design)
    return design


def require_estimable(design: Design) -> None:
    """Refuse a design with linearly dependent columns or too few residual degrees of freedom.

    Raises
    ------
    UserError
        Names the first column that is a combination of the columns before it.
    """
    scale = np.linalg.norm(design.matrix, axis=0)
    for column in range(design.matrix.shape[1]):
        known, target = design.matrix[:, :column], design.matrix[:, column]
        residual = target - known @ np.linalg.lstsq(known, target, rcond=None)[0]
        if np.linalg.norm(residual) <= RANK_TOLERANCE * max(scale[column], 1.0):
            raise UserError(
                f"design: column '{design.names[column]}' is constant or a combination of "
                f"{list(design.names[:column])}; remove it from the covariates or the formula."
            )
    if np.linalg.matrix_rank(design.contrast) < design.q:
        raise UserError(
            f"design: the {design.q} sets of contrast weights are zero or combinations of others."
        )
    if design.n < design.matrix.shape[1] + LEAST_DOF:
        raise UserError(
            f"design: {design.n} rows for {design.matrix.shape[1]} columns {list(design.names)} "
            f"leave fewer than {LEAST_DOF} residual degrees of freedom; more people are needed, or "
            "fewer covariates."
        )


def group_dof(design: Design) -> Float:
    """Compute each group's own residual degrees of freedom, the sum of one minus leverage.

    Parameters
    ----------
    design : Design

    Returns
    -------
    ndarray, shape (group,)
        In the order of ``design.groups``, nobody missing.
    """
    leverage = (np.linalg.qr(design.matrix)[0] ** 2).sum(axis=1)
    return np.array([(1.0 - leverage)[design.group == name].sum() for name in design.groups])


def require_group_dof(design: Design, least: float) -> None:
    """Refuse a design that leaves a group too few residual degrees of freedom.

    Parameters
    ----------
    design : Design
    least : float
        Sum over a group of one minus leverage.

    Raises
    ------
    UserError
        Names the group.
    """
    for name, dof in zip(design.groups, group_dof(design), strict=True):
        if dof < least:
            raise UserError(
                f"design: the columns {list(design.names)} leave group {name} {abs(dof):.1f} "
                "residual degrees of freedom of its own, too few for contrast.variance=welch; "
                "use fewer covariates that vary in it alone, or set contrast.variance=equal."
            )


def require_members(group: NDArray[np.str_], names: Sequence[str], least: int = 2) -> None:
    """Refuse groups of fewer than ``least``.

    Raises
    ------
    UserError
        Names the first group that is too small.
    """
    for name in names:
        count = int(np.sum(group == name))
        if count < least:
            raise UserError(
                f"group '{name}' has {count} participants; a contrast needs {least} or more."
            )


def indicators(group: NDArray[np.str_], names: Sequence[str]) -> Float:
    """Return one column of zeros and ones a group, shape (row, group)."""
    return np.column_stack([group == name for name in names]).astype(np.float64)
