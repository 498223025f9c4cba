"""The Neuromorphometrics atlas: 136 labels, the 119 grey-matter regions, and resampling.

The label image belongs to Neuromorphometrics, Inc. and comes from the user or an installed package
(`rt1t2_dask.assets`); the table of names and centroids is shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask import tabular
from rt1t2_dask.errors import UserError
from rt1t2_dask.images.volume import Grid, Volume

BACKGROUND = 0
#: Ventricles, white matter, brain stem, vessels and CSF: labels that are not grey-matter regions.
NOT_GREY = (4, 11, 35, 40, 41, 44, 45, 46, 49, 50, 51, 52, 61, 62, 63, 64, 69)


@dataclass(frozen=True)
class Atlas:
    """A labelled image in a standard space.

    Parameters
    ----------
    labels : Volume
        Integer labels; 0 is background.
    names : mapping of int to str
        Every label and its readable name.
    grey : tuple of int
        Labels of the grey-matter regions, ascending: the columns of every parcel table.
    """

    labels: Volume
    names: Mapping[int, str]
    grey: tuple[int, ...]


def neuromorphometrics(image: Volume) -> Atlas:
    """Check a label image and add region names.

    Parameters
    ----------
    image : Volume
        ``labels_Neuromorphometrics.nii`` of SPM12, whole or cropped.

    Raises
    ------
    UserError
        The labels in the image are not the 136 of Neuromorphometrics.
    """
    table = regions()
    atlas = custom(image, {int(i): str(n) for i, n in zip(table.index, table["name"], strict=True)})
    grey = tuple(int(label) for label in table.index[table["grey"]])
    return Atlas(atlas.labels, atlas.names, grey)


def custom(image: Volume, names: Mapping[int, str]) -> Atlas:
    """Make an atlas from any label image; all named labels are regions of interest.

    Raises
    ------
    UserError
        A label has no name, a name has no voxel, or labels are not integers.
    """
    labels = _whole_numbers(image.data)
    present = {int(label) for label in np.unique(labels)} - {0}
    unnamed, empty = sorted(present - set(names)), sorted(set(names) - present)
    if unnamed or empty:
        raise UserError(
            f"The atlas image and its names disagree: labels without a name {unnamed[:5]}, "
            f"names without a voxel {empty[:5]} ({len(present)} labels, {len(names)} names)."
        )
    return Atlas(image.with_data(labels), dict(names), tuple(sorted(names)))


def label_names(content: bytes, name: str) -> dict[int, str]:
    """Read the table of a label image: columns index and name, as BIDS writes ``*_dseg.tsv``.

    Parameters
    ----------
    content : bytes
    name : str
        What to call the file in an error.

    Returns
    -------
    dict of int to str
        Without index 0, the background, and rows without a name.

    Raises
    ------
    UserError
        A column is missing, or an index is not an integer or is duplicated.
    """
    rows = tabular.read(content, name, None if name.endswith(".csv") else tabular.TAB)
    if not {"index", "name"} <= set(rows):
        raise UserError(
            f"{name}: needs columns index and name, separated by tabs; it has "
            f"{', '.join(rows.columns)}."
        )
    index = tabular.numbers(rows["index"], name)
    broken = index.index[index.isna() | (index % 1 != 0)]
    if len(broken):
        row = broken[0]
        raise UserError(f"{name}: index={rows['index'][row]!r} in row {row} is not an integer.")
    twice = index[index.duplicated()]
    if len(twice):
        raise UserError(
            f"{name}: index {int(twice.iloc[0])} is duplicated; keep one row per label."
        )
    known = rows["name"].notna() & (index != BACKGROUND)
    return dict(zip(index[known].astype(int).tolist(), rows["name"][known].tolist(), strict=True))


def on_grid(atlas: Atlas, grid: Grid) -> NDArray[np.int32]:
    """Resample the labels to another grid by nearest neighbour, as JuSpace does.

    Parameters
    ----------
    atlas : Atlas
    grid : Grid
        The grid of the data, which are never resampled.

    Returns
    -------
    ndarray of int32, shape ``grid.shape``
        0 outside the atlas.

    Notes
    -----
    Source index = floor(x + 0.5) on 0-based indices (``spm_imcalc``, interpolation 0).
    """
    source = np.asarray(atlas.labels.data)
    to_source = np.linalg.inv(atlas.labels.affine) @ np.asarray(grid.affine, dtype=np.float64)
    out = np.zeros(grid.shape, dtype=np.int32)
    plane = np.stack(np.meshgrid(*map(np.arange, grid.shape[1:]), indexing="ij"), axis=-1)
    in_plane = plane @ to_source[:3, 1:3].T
    for x in range(grid.shape[0]):
        position = in_plane + to_source[:3, 0] * x + to_source[:3, 3]
        out[x] = _nearest(source, position)
    return out


def share_in_view(atlas: Atlas, grid: Grid) -> NDArray[np.float64]:
    """Compute the fraction of each grey-matter region inside a grid.

    Returns
    -------
    ndarray, shape (len(atlas.grey),)
        0 to 1: below 1 where the field of view crops the region.
    """
    labels = np.asarray(atlas.labels.data)
    to_grid = np.linalg.inv(grid.affine) @ np.asarray(atlas.labels.affine, dtype=np.float64)
    index = np.argwhere(labels) @ to_grid[:3, :3].T + to_grid[:3, 3]
    inside = np.all((index >= -0.5) & (index < np.asarray(grid.shape) - 0.5), axis=1)
    own, length = labels[labels != 0], max(atlas.grey) + 1
    seen, every = (np.bincount(of, minlength=length) for of in (own[inside], own))
    return np.asarray(seen[list(atlas.grey)] / every[list(atlas.grey)])


def _nearest(source: NDArray[np.int32], position: NDArray[np.float64]) -> NDArray[np.int32]:
    # Ties must not depend on the last bit of a matrix inverse.
    index = np.floor(np.round(position, 9) + 0.5).astype(np.int64)
    inside = np.all((index >= 0) & (index < source.shape), axis=-1)
    index[~inside] = 0
    return np.where(inside, source[index[..., 0], index[..., 1], index[..., 2]], 0)


@cache
def _regions() -> pd.DataFrame:
    path = package_files("rt1t2_dask").joinpath("data", "neuromorphometrics.tsv")
    with path.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, sep="\t", index_col="index")


def regions() -> pd.DataFrame:
    """Return the table of the 136 labels.

    Returns
    -------
    DataFrame, indexed by label
        name, abbreviation, hemisphere (``left`` | ``right`` | ``midline``), structure
        (``cortex`` | ``subcortex`` | ``cerebellum`` | ``other``), grey (one of the 119),
        volume_mm3, and the centroid x_mm, y_mm, z_mm in MNI space.
    """
    return _regions().copy()


def grey_labels() -> tuple[int, ...]:
    """Return the 119 grey-matter labels, ascending (the columns of ``parcels.tsv``)."""
    table = _regions()
    return tuple(int(label) for label in table.index[table["grey"]])


def dseg() -> pd.DataFrame:
    """Return the table of ``atlas-Neuromorphometrics_dseg.tsv``: index, name, abbreviation."""
    return _regions().reset_index()[["index", "name", "abbreviation"]].fillna("n/a")


def centres(atlas: Atlas) -> NDArray[np.float64]:
    """Return the centre of mass of each grey-matter region in mm, shape (region, 3)."""
    labels = np.asarray(atlas.labels.data)
    places = np.argwhere(labels > 0)
    found = labels[tuple(places.T)]
    world = places @ atlas.labels.affine[:3, :3].T + atlas.labels.affine[:3, 3]
    return np.array([world[found == label].mean(axis=0) for label in atlas.grey])


def _whole_numbers(data: NDArray[np.generic]) -> NDArray[np.int32]:
    values = np.nan_to_num(np.asarray(data, dtype=np.float64))
    whole = np.rint(values)
    # SPM rewrites label images as scaled integers: 23.0003 is label 23, 23.4 is interpolated.
    if np.abs(values - whole).max(initial=0.0) > 0.05:
        raise UserError("The atlas has non-integer values: it was interpolated.")
    return whole.astype(np.int32)
