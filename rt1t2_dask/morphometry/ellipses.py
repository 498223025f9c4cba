"""Desikan-Killiany on the sphere without an atlas: every region as one ellipse.

The shipped table holds each region's share of the cortex, mean place and covariance on the sphere;
a vertex belongs to the region whose normal density is the largest there. No image is distributed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Float = NDArray[np.float64]
Ints = NDArray[np.intp]
WALL = "medialwall"
AGREEMENT = 90
"""Per cent of fsaverage5's vertices that have the region of FreeSurfer's own annotation, the medial
wall included (`build_ellipses` prints 89.7 left, 90.2 right)."""
# Radial spread is nearly 0 on a sphere: this keeps covariances invertible, in squared radii.
RIDGE = 1e-4
MEAN = ("x", "y", "z")
COVARIANCE = ("xx", "xy", "xz", "yy", "yz", "zz")
COLUMNS = ("region", "share", *MEAN, *COVARIANCE)
_UPPER = np.triu_indices(3)


def describe(sphere: Float, regions: Ints, names: Sequence[str]) -> pd.DataFrame:
    """Compute the ellipse of every region.

    Parameters
    ----------
    sphere : ndarray, shape (vertex, 3)
        Places on the sphere, any radius.
    regions : ndarray of int, shape (vertex,)
        Index in ``names`` of each vertex.
    names : sequence of str

    Returns
    -------
    DataFrame
        `COLUMNS`; places on the unit sphere, share of all vertices, 0 to 1.
    """
    unit = _unit(sphere)
    rows = []
    for k, name in enumerate(names):
        own = unit[regions == k]
        covariance = np.cov(own, rowvar=False)
        rows.append((name, len(own) / len(unit), *own.mean(axis=0), *covariance[_UPPER]))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def likeliest(sphere: Float, table: pd.DataFrame) -> Ints:
    """Return the row of the table that each vertex most likely belongs to, shape (vertex,).

    Parameters
    ----------
    sphere : ndarray, shape (vertex, 3)
        Of the hemisphere that the table describes, any radius.
    table : DataFrame
        From `describe`.

    Notes
    -----
    Quadratic discriminant analysis: the largest of share times normal density.
    """
    unit = _unit(sphere)
    scores = [
        np.log(share) + _log_density(unit, mean, upper)
        for share, mean, upper in zip(
            table["share"].to_numpy(float),
            table[list(MEAN)].to_numpy(float),
            table[list(COVARIANCE)].to_numpy(float),
            strict=True,
        )
    ]
    return np.asarray(np.argmax(scores, axis=0), np.intp)


def vertex_regions(sphere: Float, side: str, names: Sequence[str]) -> Ints:
    """Return the index in ``names`` of each vertex of a hemisphere; -1 on the medial wall.

    Parameters
    ----------
    sphere : ndarray, shape (vertex, 3)
        Of fsaverage, any radius.
    side : {"lh", "rh"}
    names : sequence of str
        Canonical, of this hemisphere.
    """
    every = _shipped()
    table = every[every["region"].str.startswith(f"{side}_")]
    order = {name: k for k, name in enumerate(names)}
    found = np.array([order.get(name, -1) for name in table["region"]], np.intp)
    return found[likeliest(sphere, table)]


def _unit(places: Float) -> Float:
    return np.asarray(places / np.linalg.norm(places, axis=1, keepdims=True), np.float64)


def _log_density(unit: Float, mean: Float, upper: Float) -> Float:
    """Return the log of the normal density, up to a constant."""
    covariance = np.zeros((3, 3))
    covariance[_UPPER] = upper
    covariance = covariance + np.triu(covariance, 1).T + RIDGE * np.eye(3)
    away = unit - mean
    squared = np.einsum("vi,ij,vj->v", away, np.linalg.inv(covariance), away)
    return np.asarray(-0.5 * squared - 0.5 * np.linalg.slogdet(covariance)[1])


@cache
def _shipped() -> pd.DataFrame:
    with files("rt1t2_dask").joinpath("data", "dk_ellipses.tsv").open() as file:
        return pd.read_csv(file, sep="\t")
