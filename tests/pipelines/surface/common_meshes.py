"""A coarse mesh under the names of fsLR's files, so that nothing assumes a number of vertices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nibabel.gifti import GiftiDataArray, GiftiImage, GiftiLabel, GiftiLabelTable

from rt1t2_dask.bids.surfaces import HEMISPHERES
from rt1t2_dask.pipelines.surface.template import template
from rt1t2_dask.surface.gifti import surface_bytes
from rt1t2_dask.surface.mesh import Mesh
from rt1t2_dask.surface.resample import barycentric, nearest

VERTICES = 2_562


def write_coarse_fslr(folder: Path) -> None:
    """Write fsaverage4, the first 2,562 vertices of fsaverage5, as if it were fsLR."""
    for side, short in HEMISPHERES.items():
        own = template(side)
        sphere = coarse_sphere(own.sphere)
        middle = sphere.moved(barycentric(own.sphere, sphere) @ own.middle.vertices)
        cortex = own.cortex[nearest(own.sphere, sphere)]
        names = {
            f"den-32k_hemi-{short}_midthickness.surf.gii": surface_bytes(middle, side),
            f"den-32k_hemi-{short}_sphere.surf.gii": surface_bytes(sphere, side, "Sphere"),
            f"space-fsaverage_hemi-{short}_den-32k_sphere.surf.gii":
                surface_bytes(sphere, side, "Sphere"),
            f"den-32k_hemi-{short}_desc-nomedialwall_dparc.label.gii": label_bytes(cortex),
        }  # fmt: skip
        for name, content in names.items():
            (folder / f"tpl-fsLR_{name}").write_bytes(content)


def coarse_sphere(fine: Mesh) -> Mesh:
    """Return the convex hull of the first vertices, which are spread evenly."""
    from scipy.spatial import ConvexHull

    points = fine.vertices[:VERTICES]
    faces = ConvexHull(points).simplices
    inward = np.linalg.det(points[faces]) < 0
    faces[inward] = faces[inward][:, [0, 2, 1]]
    return Mesh(points, faces)


def label_bytes(cortex: np.ndarray) -> bytes:
    """Return labels that are 1 on the cortex."""
    table = GiftiLabelTable()
    for key, name in ((0, "???"), (1, "cortex")):
        one = GiftiLabel(key, 0, 0, 0, 1)
        one.label = name
        table.labels.append(one)
    array = GiftiDataArray(cortex.astype(np.int32), "NIFTI_INTENT_LABEL", "NIFTI_TYPE_INT32")
    return bytes(GiftiImage(darrays=[array], labeltable=table).to_bytes())
