"""Which sphere a person's maps go through: fsaverage's, or the mesh's own."""

from __future__ import annotations

import numpy as np
from common_meshes import coarse_sphere
from scipy.spatial.transform import Rotation

from rt1t2_dask.pipelines.surface.files import Cortex
from rt1t2_dask.pipelines.surface.sample import _on_common_mesh
from rt1t2_dask.pipelines.surface.template import fsaverage
from rt1t2_dask.surface.common import CommonMesh

TURN = Rotation.from_euler("z", 25, degrees=True)


def test_a_person_registered_to_the_mesh_is_not_sent_through_fsaverage():
    """The same person, registered to either space: the map lies at the same vertices."""
    own = fsaverage("left")
    there = coarse_sphere(own.sphere)
    everywhere = np.ones(len(there.vertices), bool)
    common = CommonMesh(there, there, everywhere, there.moved(TURN.apply(there.vertices)))
    height = own.sphere.vertices[:, 0]
    to_fsaverage = Cortex(own.white, own.pial, own.sphere)
    turned = own.sphere.moved(TURN.apply(own.sphere.vertices))
    to_mesh = Cortex(own.white, own.pial, turned, registered_to_mesh=True)
    found = [
        _on_common_mesh(common, cortex, {"x": height})["x"] for cortex in (to_fsaverage, to_mesh)
    ]
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)
    # Gathered over a vertex's area, so near its own place and not at it.
    assert np.corrcoef(found[0], there.vertices[:, 0])[0, 1] > 0.999
