"""Read precomputed ITK transforms (.h5, .txt or .mat) as a Warp."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name its own manual uses

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.registration import transform_child
from rt1t2_dask.images.transform import Points, Warp, inverse, move
from rt1t2_dask.images.volume import Affine, Grid
from rt1t2_dask.scratch import scratch

HDF5 = ".h5"
# Fields of 1 mm take 2 s.
CHILD_S = 300.0
INVERSE_STEPS = 30
# Heads differ by a factor of two; a thousandth of the volume is no head.
LEAST_VOLUME = 1e-3
INVERSE_MM = 0.1
INVERSE_SHARE = 0.99
_FLIP = np.array([-1.0, -1.0, 1.0])
_REMEDY = (
    "Write it again, leave the subject out with cohort.exclude, or register here: normalise=lncc."
)


def read_transform(content: bytes, suffix: str) -> Any:
    """Read an ITK transform.

    Parameters
    ----------
    content : bytes
        The file.
    suffix : str
        Its extension, which tells ITK the format: ``.h5``, ``.txt``, ``.tfm`` or ``.mat``.

    Raises
    ------
    SubjectError
        ITK cannot read it.
    """
    with scratch("transform") as folder:
        path = folder / f"transform{suffix}"
        path.write_bytes(content)
        try:
            if suffix == HDF5:
                _try_in_a_child(path)
            return sitk.ReadTransform(str(path))
        except (RuntimeError, UnicodeDecodeError, OSError, subprocess.SubprocessError):
            raise SubjectError(
                "the transform to the template is not a readable ITK file.", _REMEDY
            ) from None


def _try_in_a_child(path: Path) -> None:
    """Read a file in a process of its own: a damaged one of HDF5 can crash its reader."""
    command = [sys.executable, "-m", transform_child.__name__, str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=CHILD_S)


def warp_of(transform: Any, grid: Grid) -> Warp:
    """Sample an ITK transform as an affine and a deformation field.

    Parameters
    ----------
    transform
        Template points to subject points (LPS mm): what ITK resamples the subject's image with,
        ``from-T1w_to-MNI…_mode-image`` in BIDS names.
    grid : Grid
        Where the field is sampled, in template space.

    Raises
    ------
    SubjectError
        It moves points to no place, or all to one plane.

    Notes
    -----
    The affine is the least-squares fit over the grid, so that little is left to the field, which
    is interpolated linearly between its voxels.
    """
    world = grid.world().astype(np.float64)
    moved = world + _displacement(transform, grid)
    affine = _fitted(world.reshape(-1, 3), moved.reshape(-1, 3))
    if not np.isfinite(moved).all() or abs(np.linalg.det(affine[:3, :3])) < LEAST_VOLUME:
        raise SubjectError("the transform to the template has no inverse.", _REMEDY)
    field = (move(inverse(affine), moved) - world).astype(np.float32)
    return Warp(affine, field, grid)


def inverse_warp_of(transform: Any, subject: Grid, template: Grid) -> Warp:
    """Invert an ITK transform by iteration and sample it as `warp_of` does.

    Parameters
    ----------
    transform
        Subject points to template points, ``from-MNI…_to-T1w_mode-image``.
    subject : Grid
        Covers the head, in subject space.
    template : Grid
        Where the field is sampled.

    Raises
    ------
    SubjectError
        It has no inverse: more than 1 % of the template's points that come from the subject's
        grid miss by over 0.1 mm.

    Notes
    -----
    x <- x - A^-1 (T(x) - q) for each template point q, A being the affine part of T.
    """
    forward = warp_of(transform, subject)
    back = inverse(forward.affine)
    wanted = template.world().astype(np.float64)
    points = move(back, wanted)
    for _ in range(INVERSE_STEPS):
        points = points - (forward.points(points) - wanted) @ back[:3, :3].T
    miss = np.linalg.norm(forward.points(points) - wanted, axis=-1)
    inside = _within(subject, points)
    if inside.any() and np.mean(miss[inside] < INVERSE_MM) < INVERSE_SHARE:
        raise SubjectError("the transform from the template has no inverse.", _REMEDY)
    affine = _fitted(wanted.reshape(-1, 3), points.reshape(-1, 3))
    field = (move(inverse(affine), points) - wanted).astype(np.float32)
    return Warp(affine, field, template)


def _displacement(transform: Any, grid: Grid) -> Points:
    """Return T(p) - p at the voxel centres in RAS mm, shape (x, y, z, 3)."""
    lps = np.diag([*_FLIP, 1.0]) @ grid.affine
    spacing = grid.voxel_mm
    sampler = sitk.TransformToDisplacementFieldFilter()
    sampler.SetNumberOfThreads(1)
    sampler.SetSize([int(n) for n in grid.shape])
    sampler.SetOutputSpacing(spacing.tolist())
    sampler.SetOutputOrigin(lps[:3, 3].tolist())
    sampler.SetOutputDirection((lps[:3, :3] / spacing).ravel().tolist())
    sampler.SetOutputPixelType(sitk.sitkVectorFloat64)
    found = sitk.GetArrayFromImage(sampler.Execute(transform))
    return np.asarray(found.transpose(2, 1, 0, 3) * _FLIP, dtype=np.float64)


def _fitted(start: Points, end: Points) -> Affine:
    rows = np.column_stack([start, np.ones(len(start))])
    found = np.eye(4)
    found[:3] = np.linalg.lstsq(rows, end, rcond=None)[0].T
    return found


def _within(grid: Grid, points: Points) -> Any:
    index = move(inverse(grid.affine), points)
    return ((index >= 0) & (index <= np.array(grid.shape) - 1)).all(axis=-1)
