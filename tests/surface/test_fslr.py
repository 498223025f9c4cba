"""fsLR from its files, and its vertices on fsaverage's sphere where no file has them."""

from __future__ import annotations

import numpy as np
import pytest
from known_meshes import icosphere
from nibabel.gifti import GiftiDataArray, GiftiImage, GiftiLabel, GiftiLabelTable
from scipy.spatial.transform import Rotation

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.fslr import (
    CORTEX,
    FSAVERAGE,
    MIDDLE,
    MOVED,
    OWN,
    SPHERE,
    fslr,
    on_other_sphere,
    read_mask,
)
from rt1t2_dask.surface.gifti import shape_bytes, surface_bytes

TURN = Rotation.from_euler("xyz", [20, -35, 50], degrees=True)
COARSE, FINE = icosphere(2, 100.0), icosphere(4, 100.0)


def label_bytes(values) -> bytes:
    table = GiftiLabelTable()
    for key, name in ((0, "???"), (1, "cortex")):
        one = GiftiLabel(key, 0, 0, 0, 1)
        one.label = name
        table.labels.append(one)
    array = GiftiDataArray(np.asarray(values, np.int32), "NIFTI_INTENT_LABEL", "NIFTI_TYPE_INT32")
    return bytes(GiftiImage(darrays=[array], labeltable=table).to_bytes())


def test_a_sphere_follows_a_turn_of_another_mesh_to_its_edge():
    turned = FINE.moved(TURN.apply(FINE.vertices))
    found = on_other_sphere(COARSE, FINE, turned)
    np.testing.assert_allclose(found.vertices, TURN.apply(COARSE.vertices), atol=1e-9)
    np.testing.assert_array_equal(found.faces, COARSE.faces)


def test_between_vertices_too_a_turn_is_followed():
    other = COARSE.moved(Rotation.from_euler("z", 3.3, degrees=True).apply(COARSE.vertices))
    found = on_other_sphere(other, FINE, FINE.moved(TURN.apply(FINE.vertices)))
    np.testing.assert_allclose(np.linalg.norm(found.vertices, axis=1), 100)
    np.testing.assert_allclose(found.vertices, TURN.apply(other.vertices), atol=1e-9)


def files(**more) -> dict[str, bytes]:
    cortex = np.arange(len(COARSE.vertices)) > 20
    found = {
        MIDDLE: surface_bytes(COARSE.moved(COARSE.vertices * 0.7), "left"),
        SPHERE: surface_bytes(COARSE, "left", "Sphere"),
        CORTEX: label_bytes(cortex),
    }
    return found | more


def test_a_hemisphere_is_read_with_both_spheres():
    there = COARSE.moved(TURN.apply(COARSE.vertices))
    ready = fslr(files(**{FSAVERAGE: surface_bytes(there, "left", "Sphere")}))
    moved = FINE.moved(TURN.apply(FINE.vertices))
    pair = {MOVED: surface_bytes(FINE, "left"), OWN: surface_bytes(moved, "left")}
    made = fslr(files(**pair))
    for own in (ready, made):
        np.testing.assert_allclose(own.sphere.vertices, there.vertices, atol=1e-4)
        np.testing.assert_allclose(own.own_sphere.vertices, COARSE.vertices, atol=1e-4)
        assert np.count_nonzero(~own.cortex) == 21
        assert own.middle.vertex_areas.sum() == pytest.approx(
            0.49 * COARSE.vertex_areas.sum(), rel=1e-5
        )


def test_the_cortex_is_read_from_labels_and_from_a_map():
    mask = np.array([True, False, True])
    assert np.array_equal(read_mask(label_bytes(mask)), mask)
    assert np.array_equal(read_mask(shape_bytes({"roi": mask.astype(float)}, "left")), mask)


def test_files_that_do_not_belong_together_are_refused():
    other = surface_bytes(icosphere(1, 100.0), "left", "Sphere")
    with pytest.raises(SubjectError, match=r"\[42, 162\] vertices"):
        fslr(files(**{FSAVERAGE: other}))
