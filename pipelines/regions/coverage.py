"""How large the user's regions are, and how much of them people's maps measure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.atlas import Atlas
from rt1t2_dask.stats.parcels import MIN_COVERAGE

Float = NDArray[np.float64]


def coverage_table(atlas: Atlas, voxels: NDArray[np.int64], coverage: Float) -> pd.DataFrame:
    """Return a row a region: its volume, and the share of it that people's maps measure.

    Parameters
    ----------
    atlas : Atlas
    voxels : ndarray of int, shape (region,)
        On the grid of the maps.
    coverage : ndarray, shape (person, region)
        Measured share of each region, 0 to 1.
    """
    labels = np.asarray(atlas.labels.data)
    voxel_mm3 = abs(float(np.linalg.det(atlas.labels.affine[:3, :3])))
    return pd.DataFrame(
        {
            "region": atlas.grey,
            "name": [atlas.names[label] for label in atlas.grey],
            "volume_mm3": [voxel_mm3 * int((labels == label).sum()) for label in atlas.grey],
            "voxels": voxels,
            "coverage_mean": coverage.mean(axis=0),
            "coverage_min": coverage.min(axis=0),
            "n_measured": (coverage >= MIN_COVERAGE).sum(axis=0),
        }
    )
