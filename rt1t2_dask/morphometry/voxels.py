"""Regional means of maps in MNI space over Desikan-Killiany, such as rT1/T2."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.atlas import Atlas, on_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.morphometry.regions import desikan_labels, subcortex_labels
from rt1t2_dask.stats.parcels import parcel_coverage, parcel_means

LEAST_COVERAGE = 0.5


def region_means(image: Volume, labels: Volume) -> dict[str, float]:
    """Average a map over the regions of the volumetric Desikan-Killiany atlas.

    Parameters
    ----------
    image : Volume
        In MNI space; NaN and exact 0 are not measured (maps are 0 or NaN outside the brain).
    labels : Volume
        The atlas, resampled to the map's grid by nearest neighbour; the map is not resampled.

    Returns
    -------
    dict of str to float
        By canonical name, cortex and subcortex; regions measured in less than half of their voxels
        are left out.
    """
    wanted = desikan_labels() | subcortex_labels()
    whole = labels.with_data(np.rint(labels.data).astype(np.int32))
    grid = on_grid(Atlas(whole, {v: n for n, v in wanted.items()}, ()), image.grid)
    data = np.where(image.data == 0, np.nan, image.data)
    order = list(wanted.values())
    means, share = parcel_means(data, grid, order), parcel_coverage(data, grid, order)
    return {
        name: float(mean)
        for name, mean, part in zip(wanted, means, share, strict=True)
        if part >= LEAST_COVERAGE
    }
