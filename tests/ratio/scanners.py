"""A head as several scanners would show it: known truth for calibration."""

import numpy as np
from scipy.ndimage import gaussian_filter

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.simulate.head import HeadModel

# (gain, gamma, offset) of the T1w; the T2w takes them in reverse order.
SETTINGS = (
    (1.0, 1.0, 0.0),
    (1.6, 0.85, 0.0),
    (0.5, 1.2, 0.0),
    (1.0, 0.9, 30.0),
    (2.2, 1.1, 10.0),
)


def at_2mm(head: HeadModel, image: np.ndarray) -> Volume:
    return coarser(head, image, 2)


def coarser(head: HeadModel, image: np.ndarray, voxel_mm: int) -> Volume:
    """Blur as partial volume does (0.5 mm for voxels of 2 mm), and take each so many voxels."""
    affine = head.grid.affine @ np.diag([*[float(voxel_mm)] * 3, 1.0])
    blurred = gaussian_filter(image.astype(np.float32), 0.5 * voxel_mm - 0.5)
    return Volume(blurred[::voxel_mm, ::voxel_mm, ::voxel_mm], affine)


def scanned(clean: Volume, setting: tuple[float, float, float]) -> Volume:
    gain, gamma, offset = setting
    return clean.with_data(gain * 200 * (np.clip(clean.data, 0, None) / 200) ** gamma + offset)
