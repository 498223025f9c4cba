"""Regional means of images over Desikan-Killiany."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.morphometry.regions import desikan_labels, subcortex_labels
from rt1t2_dask.morphometry.voxels import region_means


def test_known_means_come_back_from_another_grid():
    """A region is a cube of 4 x 4 x 4 mm at 1 mm; the map has 2 mm voxels."""
    labels = desikan_labels() | subcortex_labels()
    assert sorted(labels.values()) == list(range(1, 83))
    assert labels["lh_thalamusproper"] == 35
    assert labels["rh_amygdala"] == 82
    fine = np.kron(np.arange(1, 84).reshape(1, 1, 83), np.ones((8, 8, 4)))
    atlas = Volume(fine.astype(np.float32), np.eye(4))
    data = np.kron(np.arange(1, 84).reshape(1, 1, 83), np.ones((4, 4, 2))) / 10
    data[:, :3, 0:2] = 0.0
    data[0, :, 2:4] = np.nan
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = 0.5
    found = region_means(Volume(data.astype(np.float32), affine), atlas)
    first, second = list(labels)[:2]
    assert first not in found
    assert np.isclose(found[second], 0.2)
    assert len(found) == 81
    for name, value in found.items():
        assert np.isclose(value, labels[name] / 10), name
