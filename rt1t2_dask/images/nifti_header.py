"""What a NIfTI header must say before its voxels can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.transform import move
from rt1t2_dask.images.volume import Affine

MIN_SLICES = 8
# Rounding of float32 headers leaves 1e-6; six real scans and all templates have less than 1e-5.
MOST_SHEAR = 1e-3
_LEAST_MM = 0.05
LEAVE_OUT = "Repair the file, or leave the subject out with cohort.exclude."


def single_volume(image: Any, name: str) -> tuple[int, int, int]:
    """Return the shape of an image that is one volume of plain numbers.

    Raises
    ------
    SubjectError
        More volumes or fewer dimensions, too few slices, complex or colour values.
    """
    _check_plain_numbers(image, name)
    shape = tuple(int(n) for n in image.shape)
    text = " x ".join(map(str, shape))
    if len(shape) < 3 or int(np.prod(shape[3:])) > 1:
        volumes = int(np.prod(shape[3:])) if len(shape) > 3 else 0
        raise SubjectError(
            f"{name} has {volumes} volumes ({text}); one 3-D volume is expected.",
            "Keep one volume in the file, or leave the subject out with cohort.exclude.",
        )
    if min(shape[:3]) < MIN_SLICES:
        raise SubjectError(
            f"{name} has only {min(shape[:3])} slices on one axis ({text}); at least "
            f"{MIN_SLICES} are needed.",
            LEAVE_OUT,
        )
    return shape[0], shape[1], shape[2]


def trusted_affine(image: Any, shape: tuple[int, int, int], name: str) -> Affine:
    """Return an image's affine, voxel indices to millimetres, shape (4, 4).

    Raises
    ------
    SubjectError
        There is none, it is singular or sheared, the two forms disagree, or it is in metres or
        microns.

    Notes
    -----
    Registration, smoothing and volumes take the axes of a scan as right-angled: a shear of 0.005
    made a ratio 8 % lower.
    """
    header = image.header
    qform, sform = header.get_qform(coded=True)[0], header.get_sform(coded=True)[0]
    if qform is None and sform is None:
        raise SubjectError(
            f"{name}: qform_code and sform_code are both 0, so left and right are unknown.",
            "Convert it again from DICOM, or leave the subject out with cohort.exclude.",
        )
    affine = np.asarray(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise SubjectError(f"{name}: the affine is singular or not finite.", LEAVE_OUT)
    _check_millimetres(header, affine, name)
    if qform is not None and sform is not None:
        _check_forms_agree(qform, sform, shape, name)
    _check_right_angles(affine, name)
    return affine


def _check_plain_numbers(image: Any, name: str) -> None:
    kind = np.dtype(image.get_data_dtype())
    if kind.kind == "c":
        raise SubjectError(
            f"{name} has complex values ({kind.name}).",
            "Bring the magnitude image (part-mag in BIDS), or leave the subject out with "
            "cohort.exclude.",
        )
    if kind.names is not None:
        raise SubjectError(
            f"{name} has colours ({', '.join(kind.names)}), as a picture or a colour map has.",
            "Bring the scan itself, or leave the subject out with cohort.exclude.",
        )


def _check_millimetres(header: Any, affine: Affine, name: str) -> None:
    unit = header.get_xyzt_units()[0]
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if unit in ("meter", "micron"):
        raise SubjectError(
            f"{name}: its header says that lengths are in {unit}s (xyzt_units), and a voxel is "
            f"{' x '.join(f'{size:.3g}' for size in sizes)} of them.",
            "Write the affine in mm and xyzt_units as mm, or leave the subject out with "
            "cohort.exclude.",
        )
    if sizes.max() < _LEAST_MM:
        raise SubjectError(
            f"{name}: a voxel is {sizes.max():.3g} mm long at most, as if lengths were in metres.",
            LEAVE_OUT,
        )


def _check_right_angles(affine: Affine, name: str) -> None:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosine = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if cosine > MOST_SHEAR:
        raise SubjectError(
            f"{name}: the axes of its affine are sheared by {cosine:.2g} (right angles are "
            f"expected, at most {MOST_SHEAR:g}).",
            "Resample it to a grid with right angles, or take the qform (remove the sform) where "
            "that is right; else leave the subject out with cohort.exclude.",
        )


def _check_forms_agree(
    qform: Affine, sform: Affine, shape: tuple[int, int, int], name: str
) -> None:
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij"), -1).reshape(-1, 3)
    apart = float(np.linalg.norm(move(qform, corners) - move(sform, corners), axis=1).max())
    voxel = float(np.linalg.norm(sform[:3, :3], axis=0).max())
    if apart > voxel:
        raise SubjectError(
            f"{name}: qform and sform disagree by {apart:.1f} mm (a voxel is {voxel:.1f} mm).",
            "Make them agree in the header, or leave the subject out with cohort.exclude.",
        )
