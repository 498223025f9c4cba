"""Checks of a scan before processing: voxel size, field of view, contrast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.foreground import foreground
from rt1t2_dask.images.distance import depth_in
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.transform import inverse, move
from rt1t2_dask.images.volume import Grid, Volume

MOST_VOXEL_MM = 6.5
COARSE_VOXEL_MM = 4.0
WORKING_MM = 4.0
BRAIN_MM = (135.0, 170.0, 125.0)
CENTRE_MM = 45.0
DEEP_SHARE = 0.95
TAILS = (0.05, 0.95)
CERTAIN = 0.1
CUT_SHARE = 0.25
MASK_SHARE = 0.5
MASK_TOLERANCE_MM = 0.1
# Splines of order 5 ring: of 12 real scans resampled so, up to 0.00016 of the voxels were below
# -0.1 of what is bright, and up to 0.0014 below -0.05 of it.
BRIGHT, RINGING, NEGATIVE_SHARE = 0.99, 0.1, 0.001
# Darkest 0.001 of what is not 0, in shares of what is bright: 14 real scans up to 0.003, 4 whole
# templates 0.007, 2 of brains alone 0.077; darkest corner (a tenth of each edge): all of these up
# to 0.016, noise as of MP2RAGE 0.5. Added to scans of 0 to 4000, 200 gave 0.07 to 0.12 of both.
# Where most is exactly 0, air was masked, and a brain alone may hold nothing dark.
DARK, MOST_DARK, MOST_OF_BOTH, MOST_CORNER, CORNER = 0.001, 0.1, 0.08, 0.7, 10
MASKED = 0.5
_AXES = ("left-right", "front-back", "top-bottom")
_SIDES = (("left", "right"), ("back", "front"), (None, "top"))
_LEAVE_OUT = "leave the subject out with cohort.exclude"


@dataclass(frozen=True)
class Inspection:
    """The result of the checks of one scan.

    Parameters
    ----------
    csf_asymmetry : float
        In [-1, 1]: negative where CSF is dark (T1w, FLAIR), positive where it is bright (T2w).
    warnings : tuple of str
        Irregularities, with their values.
    slab : bool
        The field of view is shorter than a brain.
    """

    csf_asymmetry: float
    warnings: tuple[str, ...]
    slab: bool = False

    def also(self, notes: tuple[str, ...]) -> Inspection:
        """Return the same with earlier notes on the scan prepended."""
        return replace(self, warnings=(*notes, *self.warnings))


def inspect(image: Volume, name: str, *, most_voxel_mm: float = MOST_VOXEL_MM) -> Inspection:
    """Check a scan of a head.

    Parameters
    ----------
    image : Volume
        Finite, not constant.
    name : str
        Begins every message, such as "T2w".
    most_voxel_mm : float
        Largest voxel edge (with the gap between slices) that is accepted, mm.

    Raises
    ------
    SubjectError
        A voxel edge is larger, intensities are negative beyond interpolation ringing, or the
        background is far above 0.
    """
    sizes = image.grid.voxel_mm
    if sizes.max() > most_voxel_mm:
        raise SubjectError(
            f"{name}: voxels of {_times(sizes)} mm exceed {most_voxel_mm:g} mm.",
            f"Use a scan of higher resolution, {_LEAVE_OUT}, or raise checks.most_voxel_mm.",
        )
    coarse = regrid(image, max(WORKING_MM, float(sizes.min())))
    head = _head(coarse)
    _check_zero(image, name)
    warnings = [*grid_notes(image.grid), *_cut_sides(head)]
    return Inspection(_asymmetry(coarse, head), tuple(warnings), bool(_short_view(image.grid)))


def grid_notes(grid: Grid) -> list[str]:
    """Return what is irregular about a scan's voxels and field of view, as its header tells."""
    return [*_coarse_voxels(grid.voxel_mm), *_short_view(grid)]


def check_contrasts(t1w: Inspection, t2w: Inspection) -> None:
    """Refuse a T1w with bright CSF, or a T2w with dark CSF.

    Raises
    ------
    SubjectError
        The two are swapped, or one of them is of another contrast.

    Notes
    -----
    In the middle of a head, CSF is the tail of the intensities. Seen on 2 real people, 2 templates,
    7 heads round the template and 10 on real label maps: T1w -0.12 to -0.46, FLAIR -0.13 and -0.38,
    T2w 0.48 to 0.70; on slabs of the upper 40 % T1w -0.12 to -0.37, T2w -0.05 to 0.48. One image is
    judged alone only where it is no slab and 0.1 on the wrong side of 0, both together where the
    T1w is over the T2w by 0.1.
    """
    bright_t1w, dark_t2w = t1w.csf_asymmetry > CERTAIN, t2w.csf_asymmetry < -CERTAIN
    apart = t1w.csf_asymmetry - t2w.csf_asymmetry > CERTAIN
    values = f"(T1w {t1w.csf_asymmetry:+.2f}, T2w {t2w.csf_asymmetry:+.2f})"
    remedy = f"or {_LEAVE_OUT}; if both are right, checks.contrast=false."
    if apart and bright_t1w == dark_t2w:
        raise SubjectError(
            f"T1w and T2w are swapped: CSF is bright in the T1w and dark in the T2w {values}.",
            f"Swap the two files, {remedy}",
        )
    if bright_t1w and not t1w.slab:
        raise SubjectError(f"the T1w has bright CSF, like a T2w {values}.", f"Use a T1w, {remedy}")
    if dark_t2w and not t2w.slab:
        raise SubjectError(
            f"the T2w has dark CSF, like a T1w or FLAIR {values}.", f"Use a T2w, {remedy}"
        )


def check_not_the_same(t1w: Volume, t2w: Volume) -> None:
    """Refuse the same image as both contrasts.

    Raises
    ------
    SubjectError
        All voxels are equal.
    """
    if t1w.data.shape == t2w.data.shape and np.array_equal(t1w.data, t2w.data):
        raise SubjectError(
            "T1w and T2w are identical in every voxel.",
            f"Add the missing contrast, or {_LEAVE_OUT}.",
        )


def mask_on(mask: Volume, image: Volume, name: str) -> Volume:
    """Return a mask on its image's grid; refuse one that is empty, elsewhere or too large.

    Parameters
    ----------
    mask : Volume
        Boolean; its axes may be stored in another order or direction than the image's.
    image : Volume
        The scan it was drawn on.
    name : str
        As "lesion mask".

    Raises
    ------
    SubjectError
    """
    if not same_voxels(mask.grid, image.grid):
        raise SubjectError(
            f"the {name} has {_times(mask.grid.shape)} voxels, the T1w "
            f"{_times(image.grid.shape)}, or their affines differ.",
            "Draw it on the T1w, or resample it to the T1w's grid.",
        )
    if not mask.data.any():
        raise SubjectError(
            f"the {name} is empty.",
            "Draw it again; if there is no lesion, remove the file or write n/a in a column "
            "lesion of the participants table.",
        )
    share = float(mask.data.mean())
    if share > MASK_SHARE:
        raise SubjectError(
            f"the {name} covers {share:.0%} of the image.", "Check whether it is inverted."
        )
    return to_grid(mask, image.grid, order=0)


def same_voxels(one: Grid, other: Grid) -> bool:
    """Whether two grids have the same voxel centres, up to permuted or flipped axes."""
    step = inverse(other.affine) @ one.affine
    turn = np.rint(step[:3, :3])
    if not (np.abs(turn).sum(axis=0) == 1).all() or not (np.abs(turn).sum(axis=1) == 1).all():
        return False
    if tuple(np.abs(turn) @ one.shape) != other.shape:
        return False
    exact = np.eye(4)
    exact[:3, :3], exact[:3, 3] = turn, np.rint(step[:3, 3])
    corners = np.array(list(product(*[(0, n - 1) for n in one.shape])))
    apart = move(other.affine, move(exact, corners)) - move(one.affine, corners)
    inside = move(exact, corners)
    within = (inside >= 0).all() and (inside < other.shape).all()
    return bool(within and np.linalg.norm(apart, axis=1).max() < MASK_TOLERANCE_MM)


def _check_zero(image: Volume, name: str) -> None:
    """Refuse scans with a shifted zero: their ratio is meaningless."""
    bright = max(float(np.quantile(image.data, BRIGHT)), 0.0)
    _check_not_negative(image.data, bright, name)
    there = image.data[image.data != 0]
    masked = there.size < MASKED * image.data.size
    dark = 0.0 if masked else float(np.quantile(there, DARK))
    corner = _darkest_corner(image.data)
    if bright > 0 and corner - dark > MOST_CORNER * (bright - dark):
        found = f"its corners are at {corner:.4g}, the bright tissue of the head at {bright:.4g}"
        why = "intensities are inverted (a negative slope), or the background was filled"
    elif bright > 0 and (dark > MOST_DARK * bright or min(dark, corner) > MOST_OF_BOTH * bright):
        found = f"hardly any intensity is below {dark:.4g}, {dark / bright:.0%} of bright tissue"
        why = "a constant was added (by the header's intercept, or earlier)"
    else:
        return
    raise SubjectError(
        f"{name}: {found}: {why}.",
        f"Use the original scan, undo this in the file, or {_LEAVE_OUT}.",
    )


def _darkest_corner(data: NDArray[Any]) -> float:
    """Return the smallest median of the eight corners: air, wherever the head is."""
    ends = [(slice(max(n // CORNER, 1)), slice(-max(n // CORNER, 1), None)) for n in data.shape]
    return min(float(np.median(data[corner])) for corner in product(*ends))


def _check_not_negative(data: NDArray[Any], bright: float, name: str) -> None:
    share = float((data < -RINGING * bright).mean())
    if share > NEGATIVE_SHARE:
        raise SubjectError(
            f"{name}: {share:.1%} of its intensities are negative (minimum "
            f"{float(data.min()):.4g}): it was z-scored, or a constant was subtracted.",
            f"Use the original scan, add the constant again, or {_LEAVE_OUT}.",
        )


def _times(numbers: NDArray[np.float64] | tuple[int, ...]) -> str:
    return " x ".join(f"{n:.3g}" for n in numbers)


def _coarse_voxels(sizes: NDArray[np.float64]) -> list[str]:
    if sizes.max() <= COARSE_VOXEL_MM:
        return []
    return [f"voxels of {_times(sizes)} mm: partial volume in small structures"]


def _short_view(grid: Grid) -> list[str]:
    """Describe the axis along which the field of view is shorter than a brain."""
    directions = np.asarray(grid.affine)[:3, :3] / grid.voxel_mm
    extents = np.array(grid.shape) * grid.voxel_mm
    found = []
    for axis, extent in enumerate(extents):
        world = int(np.abs(directions[:, axis]).argmax())
        if extent < BRAIN_MM[world]:
            share = extent / BRAIN_MM[world]
            found.append(
                f"the field of view is {extent:.0f} mm {_AXES[world]}, {share:.0%} of a brain"
            )
    return found


def _cut_sides(head: Volume) -> list[str]:
    """List the sides on which the head is cropped (inferiorly, every head is)."""
    found = []
    for axis, sides in enumerate(_SIDES):
        areas = head.data.sum(axis=tuple(k for k in range(3) if k != axis))
        for side, end in zip(sides, (0, -1), strict=True):
            share = areas[end] / max(areas.max(), 1)
            if side is not None and share > CUT_SHARE:
                found.append(
                    f"the head is cropped at the {side} ({share:.0%} of its largest cross-section)"
                )
    return found


def _head(image: Volume) -> Volume:
    grown = np.pad(foreground(image), 2)
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(grown, iterations=2))
    return image.with_data(np.asarray(closed[2:-2, 2:-2, 2:-2], dtype=np.bool_))


def _asymmetry(image: Volume, head: Volume) -> float:
    """Return (upper tail - lower tail) / both, of intensities round the head's deepest place."""
    if not head.data.any():
        return 0.0
    # The cranium is the head's widest part: its middle does not move with the neck in view.
    depth = depth_in(np.pad(head.data, 1), (1.0, 1.0, 1.0))[1:-1, 1:-1, 1:-1]
    deepest = np.argwhere(depth > DEEP_SHARE * depth.max()).mean(axis=0)
    centre = move(image.affine, deepest)
    near = np.linalg.norm(image.grid.world() - centre, axis=-1) < CENTRE_MM
    values = image.data[near & (image.data > 0)]
    if values.size == 0:
        return 0.0
    low, middle, high = np.quantile(values, [TAILS[0], 0.5, TAILS[1]])
    return float((high + low - 2 * middle) / (high - low)) if high > low else 0.0
