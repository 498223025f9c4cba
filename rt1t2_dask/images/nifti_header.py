"""Check NIfTI headers before their voxels are used."""

from __future__ import annotations

import logging
import math
import struct
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.foreign import refuse_foreign
from rt1t2_dask.images.transform import move
from rt1t2_dask.images.volume import Affine

MIN_SLICES = 8
# Rounding of float32 headers leaves 1e-6; six real scans and all templates have less than 1e-5.
MOST_SHEAR = 1e-3
_LEAST_MM = 0.05
_OTHER_UNITS = {1: "meter", 3: "micron"}
_LEAST_VOLUME = 1e-9
_NIFTI2_BYTES = 540
LEAVE_OUT = "Repair the file, or leave the subject out with cohort.exclude."
BROKEN: tuple[type[Exception], ...] = (
    *(OSError, EOFError, TypeError, ValueError, OverflowError, struct.error),
    *(HeaderDataError, ImageFileError, WrapStructError),
)
_QUIET = logging.Logger("nibabel.quiet", logging.CRITICAL + 1)


@dataclass(frozen=True)
class Pose:
    """The pose of an image in world space.

    Parameters
    ----------
    affine : Affine
        Voxel indices to millimetres, shape (4, 4).
    notes : tuple of str
        What was corrected or ignored.
    """

    affine: Affine
    notes: tuple[str, ...] = ()


def read_header(raw: bytes, name: str) -> Any:
    """Read the header of a single-file NIfTI image; extensions and voxels are not read.

    Parameters
    ----------
    raw : bytes
        Its first bytes, decompressed.
    name : str
        Begins every error message.

    Raises
    ------
    SubjectError
        It is not NIfTI, or is damaged.
    """
    refuse_foreign(raw, name)
    try:
        kind: Any = nib.Nifti2Header if _is_nifti2(raw) else nib.Nifti1Header
        size = kind.template_dtype.itemsize
        if len(raw) < size:
            raise ValueError(f"{len(raw)} bytes; a header has {size}")
        header = kind(raw[:size], check=False)
        _spoil_sizes_of_zero(header)
        header.check_fix(logger=_QUIET)
        header.get_slope_inter()
        header.get_data_offset()
    except BROKEN as error:
        raise unreadable(name, error) from error
    if header["vox_offset"] == 0:
        header["vox_offset"] = kind.single_vox_offset  # nibabel would read the header as voxels
    return header


def unreadable(name: str, error: object) -> SubjectError:
    """Return the error for a file that cannot be read."""
    return SubjectError(f"{name}: not a readable NIfTI image ({error}).", LEAVE_OUT)


def bytes_promised(header: Any) -> int:
    """Return the expected size of the file in bytes, uncompressed."""
    voxels = math.prod(int(n) for n in header.get_data_shape())
    return int(header.get_data_offset()) + voxels * int(header.get_data_dtype().itemsize)


def single_volume(header: Any, name: str) -> tuple[int, int, int]:
    """Return the shape of an image of one volume with real values.

    Raises
    ------
    SubjectError
        More volumes or fewer dimensions, too few slices, complex or colour values.
    """
    _check_plain_numbers(header, name)
    shape = tuple(int(n) for n in header.get_data_shape())
    text = " x ".join(map(str, shape))
    volumes = int(np.prod(shape[3:])) if len(shape) > 2 else 0
    if volumes != 1:
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


def trusted_pose(header: Any, shape: tuple[int, int, int], name: str) -> Pose:
    """Return the pose of an image.

    Raises
    ------
    SubjectError
        Neither qform nor sform is set or usable, they disagree, the axes are sheared, or the unit
        is metres or microns.

    Notes
    -----
    Registration, smoothing and volumes take the axes of a scan as right-angled: a shear of 0.005
    made a ratio 8 % lower.
    """
    forms = {form: int(header[f"{form}_code"]) for form in ("sform", "qform")}
    coded = [form for form, code in forms.items() if code > 0]
    if not coded:
        raise SubjectError(
            f"{name}: qform_code and sform_code are both 0, so left and right are unknown.",
            "Convert it again from DICOM, or leave the subject out with cohort.exclude.",
        )
    found = {form: _form(header, form) for form in coded}
    sound = {form: affine for form, affine in found.items() if not isinstance(affine, str)}
    bad = {form: why for form, why in found.items() if isinstance(why, str)}
    if not sound:
        why = "; ".join(f"{form}: {phrase}" for form, phrase in bad.items())
        raise SubjectError(f"{name}: the affine cannot be used ({why}).", LEAVE_OUT)
    affine = next(iter(sound.values()))
    _check_millimetres(header, affine, name)
    if len(sound) == len(forms):
        _check_forms_agree(sound["qform"], sound["sform"], shape, name)
    _check_right_angles(affine, name)
    return Pose(affine, tuple(_left_aside(form, why, name) for form, why in bad.items()))


def trusted_affine(header: Any, shape: tuple[int, int, int], name: str) -> Affine:
    """Return an image's affine from `trusted_pose`."""
    return trusted_pose(header, shape, name).affine


def _is_nifti2(raw: bytes) -> bool:
    return any(struct.unpack(order, raw[:4])[0] == _NIFTI2_BYTES for order in ("<i", ">i"))


def _spoil_sizes_of_zero(header: Any) -> None:
    """Mark voxel sizes of 0 as invalid: nibabel would take them for 1 mm."""
    sizes = header["pixdim"][1:4]
    sizes[sizes == 0] = np.nan


def _form(header: Any, form: str) -> Affine | str:
    """Return the affine of a form, or the reason why it cannot be used."""
    try:
        affine = np.asarray(getattr(header, f"get_{form}")(), dtype=np.float64)
    except BROKEN as error:
        return str(error)
    if not np.isfinite(affine).all():
        return "not finite, or a voxel size is 0"
    return affine if abs(np.linalg.det(affine[:3, :3])) > _LEAST_VOLUME else "singular"


def _left_aside(form: str, why: str, name: str) -> str:
    other = "qform" if form == "sform" else "sform"
    return f"{name}: its {form} cannot be used ({why}); its {other} is used"


def _check_plain_numbers(header: Any, name: str) -> None:
    kind = np.dtype(header.get_data_dtype())
    if kind.kind == "c":
        raise SubjectError(
            f"{name} has complex values ({kind.name}).",
            "Use the magnitude image (part-mag in BIDS), or leave the subject out with "
            "cohort.exclude.",
        )
    if kind.names is not None:
        raise SubjectError(
            f"{name} has colour values ({', '.join(kind.names)}), such as a screenshot or a "
            f"colour map.",
            "Use the scan itself, or leave the subject out with cohort.exclude.",
        )


def _check_millimetres(header: Any, affine: Affine, name: str) -> None:
    unit = _OTHER_UNITS.get(int(header["xyzt_units"]) % 8)  # nibabel refuses unknown codes
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if unit is not None:
        raise SubjectError(
            f"{name}: its header gives lengths in {unit}s (xyzt_units), with voxels of "
            f"{' x '.join(f'{size:.3g}' for size in sizes)} {unit}s.",
            "Write the affine in mm and xyzt_units as mm, or leave the subject out with "
            "cohort.exclude.",
        )
    if sizes.max() < _LEAST_MM:
        raise SubjectError(
            f"{name}: the largest voxel edge is {sizes.max():.3g} mm, as if lengths were in "
            f"metres.",
            LEAVE_OUT,
        )


def _check_right_angles(affine: Affine, name: str) -> None:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosine = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if cosine > MOST_SHEAR:
        raise SubjectError(
            f"{name}: the axes of its affine are sheared by {cosine:.2g} (at most {MOST_SHEAR:g} "
            f"is accepted).",
            "Resample it to an orthogonal grid, or remove the sform where the qform is right; "
            "else leave the subject out with cohort.exclude.",
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
