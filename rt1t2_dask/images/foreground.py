"""Which voxels belong to the head and not to the air around it."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name its own manual uses
from numpy.typing import NDArray

from rt1t2_dask.images.itk import to_itk
from rt1t2_dask.images.volume import Volume


def foreground(image: Volume) -> NDArray[np.bool_]:
    """Separate bright voxels from the background.

    Parameters
    ----------
    image : Volume
        Any unit; finite.

    Returns
    -------
    ndarray of bool, shape (x, y, z)

    Notes
    -----
    Otsu's threshold on the image clipped at its 99th percentile, so that a few bright voxels do
    not decide it (Otsu 1979).
    """
    top = np.percentile(image.data[image.data > 0], 99) if (image.data > 0).any() else 0
    clipped = image.with_data(np.clip(image.data, 0, top).astype(np.float32))
    mask = sitk.GetArrayFromImage(sitk.OtsuThreshold(to_itk(clipped), 0, 1, 128))
    return np.asarray(mask.transpose(2, 1, 0), dtype=bool)
