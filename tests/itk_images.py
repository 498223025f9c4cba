"""Volumes as SimpleITK's images (z, y, x order; LPS) and back, for comparison with its filters."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name its own manual uses

from rt1t2_dask.images.registration.scale import typical
from rt1t2_dask.images.volume import Volume


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
    """Return the Volume of a 3-D image."""
    lps = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    lps[:3, :3] = direction * np.array(image.GetSpacing())
    lps[:3, 3] = image.GetOrigin()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
    return Volume(np.ascontiguousarray(sitk.GetArrayFromImage(image).T), affine)
