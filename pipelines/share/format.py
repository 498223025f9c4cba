"""What a file of sums must hold, and what must be equal at all sites that combine theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.sites.shared import CONSTANT
from rt1t2_dask.stats.clusters.neighbours import NEIGHBOURS
from rt1t2_dask.stats.scale import Scale

FORMAT = 2
"""From version 2 on, files state the scale of their sums."""
SITE = r"^[A-Za-z0-9]+$"
# A head of 0.5 mm has 60 million.
MOST_VOXELS = 1 << 28
# Two million voxels, 10 columns, 20 groups.
MOST_NUMBERS = 1 << 30
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Ages(BaseModel):
    """Number, ages and sexes of a group; None where they would disclose too few."""

    model_config = ConfigDict(strict=True)

    n: int
    age_n: int | None
    age_sum: Finite | None
    age_squares: Finite | None
    n_male: int | None
    n_female: int | None


class About(BaseModel):
    """What a file says of itself; more may stand there, which later versions read."""

    model_config = ConfigDict(strict=True)

    simulated: bool
    cohort: str
    site: Annotated[str, Field(pattern=SITE)]
    groups: list[str] = Field(min_length=1)
    columns: list[str] = Field(min_length=1)
    lacking: dict[str, list[str]]
    demographics: dict[str, Ages]
    scale: Annotated[Scale, Field(strict=False)]
    protocols: list[dict[str, Any]] = Field(default_factory=list)
    cells: list[str] = Field(min_length=1)
    space: str
    fwhm_mm: Finite
    edge: str
    calibration: str
    lesion_fill: str


def checked_content(arrays: xr.Dataset, path: str) -> About:
    """Return what a file says of itself.

    Parameters
    ----------
    arrays : Dataset
        Lazy; only its small arrays are read.
    path : str
        Named in errors.

    Raises
    ------
    UserError
        An attribute or array is missing, or of another kind or shape than the others say.
    """
    try:
        about = About.model_validate(arrays.attrs)
    except ValidationError as error:
        one = error.errors()[0]
        where = ".".join(map(str, one["loc"]))
        raise _damaged(path, f"{where}: {one['msg']}") from None
    fault = next(_faults(arrays, about), None)
    if fault:
        raise _damaged(path, fault)
    return about


def _damaged(path: str, what: str) -> UserError:
    return UserError(f"{path} is damaged, or of another program: {what}. Export it again.")


def _faults(arrays: xr.Dataset, about: About) -> Iterator[str]:
    if about.columns[0] != CONSTANT or len(set(about.columns)) != len(about.columns):
        yield f"its columns do not begin with {CONSTANT}, or one stands there twice"
    groups = set(about.groups)
    if len(groups) != len(about.groups) or not groups <= set(about.demographics):
        yield "a group stands there twice, or without its number of people"
    if not {*about.cells, *about.lacking} <= groups:
        yield f"its cells are of other groups than {', '.join(about.groups)}"
    yield from _shape_faults(arrays, about)


def _shape_faults(arrays: xr.Dataset, about: About) -> Iterator[str]:
    try:
        inside, regions = arrays["share_inside"], arrays["region"]
        if inside.ndim != 3 or not 0 < inside.size <= MOST_VOXELS or regions.ndim != 1:
            yield "share_inside is no grid, or region no list"
            return
        affine = np.asarray(inside.attrs["affine"], np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            yield "its affine is no matrix of 4 x 4 finite numbers"
        if regions.dtype.kind not in "iu" or regions.size > MOST_VOXELS:
            yield "region holds no whole numbers"
        voxels = int(np.count_nonzero(inside.to_numpy()))
        yield from _array_faults(arrays, about, voxels, regions.size)
        grams = arrays["share_grams"].to_numpy()
        if not np.isfinite(grams).all() or (grams[:, 0, 0] <= 0).any():
            yield "share_grams are not finite, or of nobody"
    except Exception as error:  # zarr lets any error of a damaged array through
        yield f"an array is missing or cannot be read ({str(error) or type(error).__name__})"


def _array_faults(arrays: xr.Dataset, about: About, voxels: int, regions: int) -> Iterator[str]:
    cells, groups, columns = len(about.cells), len(about.groups), len(about.columns)
    wanted = {
        "share_grams": (cells, columns, columns),
        "share_present": (cells, voxels),
        "share_cross": (groups, columns, voxels),
        "share_squares": (groups, voxels),
        "share_differences": (groups, len(NEIGHBOURS), voxels),
        "share_region_present": (cells, regions),
        "share_region_cross": (groups, columns, regions),
        "share_region_squares": (groups, regions),
    }
    for name, shape in wanted.items():
        found = arrays[name]
        if found.size <= MOST_NUMBERS:
            found = found.load()  # each chunk is compared with its checksum, here and not later
        if found.shape != shape or found.dtype.kind not in "biuf":
            yield f"{name} has shape {found.shape} of {found.dtype}, not {shape} of numbers"


def comparable(config: Config) -> dict[str, object]:
    """Return the settings that must be equal at all sites."""
    return {
        "space": config.space,
        "fwhm_mm": config.smooth.fwhm_mm,
        "edge": config.smooth.edge,
        "calibration": config.calibration.kind,
        "lesion_fill": config.lesion.fill,
    }
