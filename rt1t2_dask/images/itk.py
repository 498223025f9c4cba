"""SimpleITK's terms for volumes and matrices (z, y, x order; LPS), and its metric."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name its own manual uses

from rt1t2_dask.images.scale import typical
from rt1t2_dask.images.transform import flip_lps, move
from rt1t2_dask.images.volume import Affine, Array, Volume

ITK_THREADS = 1
SEED = 20250501
BINS = 32

# A filter's own thread count does not reach the metric inside a registration, and two threads
# add up in any order: only the process-wide default makes it repeat to the bit.
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(ITK_THREADS)


def to_itk(volume: Volume) -> Any:
    """Return a float32 image of typical intensities (uint8 for a mask), placed as the volume."""
    kind = np.uint8 if volume.data.dtype == np.bool_ else np.float32
    image = sitk.GetImageFromArray(np.ascontiguousarray(typical(volume).data.T, dtype=kind))
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine
    spacing = volume.grid.voxel_mm
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def from_itk(image: Any) -> Volume:
    """Give the Volume of a 3-D image."""
    lps = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    lps[:3, :3] = direction * np.array(image.GetSpacing())
    lps[:3, 3] = image.GetOrigin()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
    return Volume(np.ascontiguousarray(sitk.GetArrayFromImage(image).T), affine)


def matrix_of(transform: Any) -> Affine:
    """Give the RAS matrix of an ITK matrix-offset transform, shape (4, 4)."""
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    centre = np.array(transform.GetCenter())
    lps = np.eye(4)
    lps[:3, :3] = rotation
    lps[:3, 3] = np.array(transform.GetTranslation()) + centre - rotation @ centre
    return flip_lps(lps)


def place(transform: Any, pose: Affine, centre_mm: Array) -> Any:
    """Set an ITK matrix-offset transform to a RAS matrix, turning about a centre (RAS mm)."""
    lps = flip_lps(pose)
    centre = centre_mm * (-1.0, -1.0, 1.0)
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation((move(lps, centre) - centre).tolist())
    return transform


def mattes(sampled: tuple[float, ...]) -> Any:
    """Give a registration by Mattes mutual information that repeats to the bit.

    Parameters
    ----------
    sampled : tuple of float
        Share of the fixed image's voxels drawn at each level, in (0, 1].
    """
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(ITK_THREADS)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(sitk.ImageRegistrationMethod.RANDOM)
    method.SetMetricSamplingPercentagePerLevel(sampled, SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetSmoothingSigmasAreSpecifiedInPhysicalUnits(True)
    return method
