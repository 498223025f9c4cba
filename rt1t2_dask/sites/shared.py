"""The sums that a site shares instead of images: over cells of people, voxel by voxel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.sites.cells import MOST_HELD, Cell, held
from rt1t2_dask.stats.clusters.neighbours import NEIGHBOURS
from rt1t2_dask.stats.covariates import is_number
from rt1t2_dask.stats.demographics import count_sexes

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
CONSTANT = "1"
OWN = "own:"
"""Prefix of site-specific columns."""
MANTISSA_BITS = 11


@dataclass(frozen=True)
class Columns:
    """The design columns of a site's sums, neither centred nor scaled.

    Parameters
    ----------
    names : tuple of str
        ``1``, numbers by their name, text as ``name[level]`` for every level.
    matrix : ndarray, shape (person, column)
        0 where a group lacks the variable.
    lacking : mapping of str to tuple of str
        By group: variables missing for all of it.
    """

    names: tuple[str, ...]
    matrix: Float
    lacking: Mapping[str, tuple[str, ...]]


def columns_of(variables: pd.DataFrame, group: Sequence[str]) -> Columns:
    """Code the variables of the contrasts as columns.

    Parameters
    ----------
    variables : DataFrame, one row a person
        Numbers or text.
    group : sequence of str

    Raises
    ------
    UserError
        A variable is missing for some, not all, of a group.
    """
    own = np.asarray(group, np.str_)
    lacking: dict[str, list[str]] = {name: [] for name in dict.fromkeys(own.tolist())}
    names, columns = [CONSTANT], [np.ones(len(own))]
    for name in map(str, variables.columns):
        values = variables[name]
        for one in lacking:
            missing = int(values[own == one].isna().sum())
            if missing == int((own == one).sum()):
                lacking[one].append(name)
            elif missing:
                raise UserError(
                    f"covariate {name} is missing for {missing} people of group {one}; fill it "
                    f"in, add them to cohort.exclude, or remove the covariate."
                )
        known = values.notna().to_numpy()
        if is_number(values):
            names.append(name)
            columns.append(np.nan_to_num(values.to_numpy(np.float64)))
        else:
            for level in sorted(values.dropna().astype(str).unique()):
                names.append(f"{name}[{level}]")
                columns.append((known & (values.astype(str) == level)).astype(np.float64))
    found = {one: tuple(own) for one, own in lacking.items()}
    return Columns(tuple(names), np.column_stack(columns), found)


def with_own(columns: Columns, own: Mapping[str, Sequence[float]]) -> Columns:
    """Add site-specific columns, such as its anchors; each has its own slope.

    Parameters
    ----------
    own : mapping of str to sequence of float, length person
    """
    names = (*columns.names, *(f"{OWN}{name}" for name in own))
    matrix = np.column_stack([columns.matrix, *(np.asarray(v, np.float64) for v in own.values())])
    return Columns(names, matrix, columns.lacking)


def require_safe(columns: Columns, group: Sequence[str], least: int) -> None:
    """Refuse a group whose sums would disclose fewer than ``least`` people.

    Raises
    ------
    UserError
        Names the group, and the level or covariates at fault.
    """
    own = np.asarray(group, np.str_)
    for name in dict.fromkeys(own.tolist()):
        rows = columns.matrix[own == name]
        if len(rows) < least:
            raise UserError(
                f"group {name} has {len(rows)} people here; sums need at least {least} "
                "(share.minimum_people). Leave the group out of cohort.groups at this site."
            )
        for k, level in enumerate(columns.names):
            n = int(rows[:, k].sum()) if level.endswith("]") else 0
            few = min(n, len(rows) - n)
            if 0 < few < least:
                raise UserError(
                    f"{level} holds for {n} of {len(rows)} people of group {name}; sums need at "
                    f"least {least} (share.minimum_people). {_remedy_for_level(level)}"
                )
        most = held(rows, least)
        if most > MOST_HELD:
            raise UserError(
                f"group {name}: with {', '.join(columns.names[1:])}, a weighted sum over its "
                f"{len(rows)} people would be to {100 * most:.1f} % about {least - 1} of them "
                f"(at most {100 * MOST_HELD:.0f} %). {_remedy_for_columns(columns.names[1:])}"
            )


def _remedy_for_level(level: str) -> str:
    """Return the remedy for a level with few people."""
    if level.startswith(OWN):
        return f"Leave those people out with cohort.exclude, or set {without_own([level])}."
    return "Leave that covariate out, or merge its levels."


def _remedy_for_columns(names: Sequence[str]) -> str:
    """Return the remedy for columns dominated by few people."""
    own = [name for name in names if name.startswith(OWN)]
    ways = ["use fewer covariates"] if len(own) < len(names) else []
    ways += ["leave out people with outlying values"]
    ways += [f"set {without_own(own)}"] if own else []
    message = f"{', '.join(ways[:-1])}, or {ways[-1]}" if len(ways) > 1 else ways[0]
    return f"{message[0].upper()}{message[1:]}."


def without_own(own: Sequence[str]) -> str:
    """Return the setting that shares no site-specific columns."""
    return f"calibration=none at every site, which shares no {', '.join(own)}"


@dataclass(frozen=True)
class GroupSums:
    """Sums over a group's people at voxels, each cell only where complete.

    Parameters
    ----------
    present : ndarray of bool, shape (cell, voxel)
    cross : ndarray, shape (column, voxel)
        X'Y.
    squares : ndarray, shape (voxel,)
        Y'Y.
    """

    present: Bool
    cross: Float
    squares: Float


@dataclass(frozen=True)
class CellSums:
    """Sums over one cell's people at voxels, 0 where one of them was not measured.

    Parameters
    ----------
    present : ndarray of bool, shape (voxel,)
    cross : ndarray, shape (column, voxel)
        X'Y.
    squares : ndarray, shape (voxel,)
        Y'Y.
    """

    present: Bool
    cross: Float
    squares: Float

    def plus(self, other: CellSums) -> CellSums:
        """Add further people of the same cell."""
        present = self.present & other.present
        cross, squares = self.cross + other.cross, self.squares + other.squares
        return CellSums(present, np.where(present, cross, 0.0), np.where(present, squares, 0.0))


def cell_sums(values: NDArray[Any], matrix: Float) -> CellSums:
    """Sum people of one cell.

    Parameters
    ----------
    values : ndarray, shape (person, voxel)
        NaN where not measured.
    matrix : ndarray, shape (person, column)
    """
    there = np.isfinite(values).all(axis=0)
    filled = np.where(there, values, 0.0).astype(np.float64, copy=False)
    return CellSums(there, matrix.T @ filled, np.einsum("pv,pv->v", filled, filled))


def add_cells(cells: Sequence[CellSums]) -> GroupSums:
    """Add the cells of a group, in their order."""
    cross, squares = np.zeros_like(cells[0].cross), np.zeros_like(cells[0].squares)
    for cell in cells:
        cross += cell.cross
        squares += cell.squares
    return GroupSums(np.stack([cell.present for cell in cells]), cross, squares)


def group_sums(values: NDArray[Any], matrix: Float, cells: Sequence[Cell]) -> GroupSums:
    """Sum a group.

    Parameters
    ----------
    values : ndarray, shape (person, voxel)
        Of all people; NaN where not measured.
    matrix : ndarray, shape (person, column)
    cells : sequence of ndarray of int
        The group's, rows of ``values``.
    """
    return add_cells([cell_sums(values[cell], matrix[cell]) for cell in cells])


def add_differences(total: Float, row: Float, index: NDArray[np.int64]) -> None:
    """Add one person's squared differences of neighbouring voxels, in place.

    Parameters
    ----------
    total : ndarray, shape (6, voxel)
        Pairs as `neighbours.NEIGHBOURS`; NaN where data are missing or there is no neighbour.
    row : ndarray, shape (voxel,)
    index : ndarray of int, shape (3, voxel)
        From `neighbours.neighbour_index`.
    """
    padded = np.append(row, np.nan)
    four = [row, *(padded[index[axis]] for axis in range(3))]
    for k, (a, b) in enumerate(NEIGHBOURS):
        total[k] += (four[a] - four[b]) ** 2


def products_of(differences: Float, squares: Float, index: NDArray[np.int64]) -> Float:
    """Return sums of products of neighbouring voxels from those of squared differences.

    Parameters
    ----------
    differences : ndarray, shape (6, voxel)
    squares : ndarray, shape (voxel,)
    index : ndarray of int, shape (3, voxel)
    """
    padded = np.append(squares, np.nan)
    four = [squares, *(padded[index[axis]] for axis in range(3))]
    return np.stack(
        [(four[a] + four[b] - differences[k]) / 2 for k, (a, b) in enumerate(NEIGHBOURS)]
    )


def rounded(values: Float, bits: int = MANTISSA_BITS) -> NDArray[np.float32]:
    """Round to this many significant bits, unbiased, so that files compress."""
    whole = np.asarray(values, np.float32).view(np.uint32)
    drop = 23 - bits
    half = np.uint32((1 << (drop - 1)) - 1) + ((whole >> np.uint32(drop)) & np.uint32(1))
    kept = (whole + half) & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)
    return np.where(np.isfinite(values), kept.view(np.float32), np.float32(np.nan))


def demographics_of(people: pd.DataFrame, least: int) -> dict[str, dict[str, float | None]]:
    """Count and sum age and sex by group; None where it would disclose fewer than ``least``.

    Parameters
    ----------
    people : DataFrame
        ``group``, and ``age`` (years) and ``sex`` where they are known.

    Returns
    -------
    dict
        By group: ``n``, ``age_n``, ``age_sum``, ``age_squares``, ``n_male``, ``n_female``.
    """
    found: dict[str, dict[str, float | None]] = {}
    for name, rows in people.groupby("group", sort=False):
        age = rows["age"].dropna().to_numpy(np.float64) if "age" in rows else np.empty(0)
        male, female = count_sexes(rows, "sex")
        shown = all(n == 0 or n >= least for n in (male, female, len(rows) - male - female))
        shown, enough = shown and male + female > 0, len(age) >= least
        found[str(name)] = {
            "n": len(rows),
            "age_n": len(age) if enough else None,
            "age_sum": float(age.sum()) if enough else None,
            "age_squares": float((age**2).sum()) if enough else None,
            "n_male": male if shown else None,
            "n_female": female if shown else None,
        }
    return found
