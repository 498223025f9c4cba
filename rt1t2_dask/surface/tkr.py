"""FreeSurfer's surface RAS, and the way from there to scanner RAS."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import nibabel as nib
import numpy as np
from nibabel.freesurfer.mghformat import MGHError, MGHImage
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.packed import unzipped

Float = NDArray[np.float64]
# Of the product of two frames of one volume, whose axes have one length: 1 but for rounding.
_LEAST_VOLUME = 0.5


@dataclass(frozen=True, eq=False)
class VolumeGeometry:
    """The volume from which FreeSurfer made a surface.

    Parameters
    ----------
    axes : ndarray, shape (3, 3)
        Direction cosines in scanner RAS, an axis a column.
    centre : ndarray, shape (3,)
        Scanner RAS mm of the volume's middle (``c_ras``).
    """

    axes: Float
    centre: Float

    @property
    def scanner_from_tkr(self) -> Float:
        """Matrix from surface RAS to scanner RAS, both mm, shape (4, 4).

        ``vox2ras @ inv(vox2ras_tkr)``: both put voxels along their own axes round the volume's
        centre, surface RAS along (-R, -S, +A) with the centre at 0.
        """
        tkr_axes = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes @ tkr_axes.T
        matrix[:3, 3] = self.centre
        return matrix

    @classmethod
    def from_gifti(cls, meta: Mapping[str, str]) -> VolumeGeometry | None:
        """Read ``VolGeom*`` of a GIFTI array; None where its centre is not given or is 0."""
        centre = [meta.get(f"VolGeomC_{letter}") for letter in "RAS"]
        if any(value is None for value in centre) or not np.any(np.asarray(centre, np.float64)):
            return None
        cosines = [meta.get(f"VolGeom{axis}_{letter}") for axis in "XYZ" for letter in "RAS"]
        conformed = np.array([[-1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
        given = all(value is not None for value in cosines)
        rows = np.asarray(cosines, np.float64).reshape(3, 3) if given else conformed
        return cls(rows.T, np.asarray(centre, np.float64))


def scanner_from_tkr(orig: bytes, name: str = "orig.mgz") -> Float:
    """Return the matrix from FreeSurfer's surface RAS to scanner RAS, shape (4, 4).

    Parameters
    ----------
    orig : bytes
        ``mri/orig.mgz`` of the same person.

    Raises
    ------
    SubjectError
        The file is broken.
    """
    try:
        header = MGHImage.from_bytes(unzipped(orig)).header
        found = np.asarray(header.get_vox2ras() @ np.linalg.inv(header.get_vox2ras_tkr()))
        if not np.isfinite(found).all() or abs(np.linalg.det(found[:3, :3])) < _LEAST_VOLUME:
            raise ValueError("its axes are not finite, or singular")
        return found
    except (OSError, EOFError, TypeError, LookupError, ValueError, MGHError, zlib.error,
            WrapStructError, nib.spatialimages.HeaderDataError, nib.filebasedimages.ImageFileError,
            np.linalg.LinAlgError) as error:  # fmt: skip
        raise SubjectError(f"{name} cannot be read as MGH: {error}.") from error


def moved(vertices: Float, matrix: Float) -> Float:
    """Return places in mm moved by a matrix of shape (4, 4)."""
    return np.asarray(vertices @ matrix[:3, :3].T + matrix[:3, 3])
