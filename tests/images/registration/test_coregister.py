import numpy as np
import pytest
from known_head import KnownHead

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.registration.coregister import rigid
from rt1t2_dask.images.transform import compose, inverse, move, translation
from rt1t2_dask.images.volume import Volume


def target_error_mm(head: KnownHead, matrix) -> float:
    points = move(head.t1w.affine, np.argwhere(head.brain.data)[::97])
    return float(np.linalg.norm(move(matrix, points) - move(head.t1_to_t2, points), axis=1).mean())


def test_a_known_offset_is_found_twice_with_the_same_bytes(stroke_head: KnownHead):
    first = rigid(stroke_head.t1w, stroke_head.t2w)
    assert target_error_mm(stroke_head, np.eye(4)) > 3.0
    assert target_error_mm(stroke_head, first.matrix) < 0.5
    np.testing.assert_allclose(first.matrix[:3, :3] @ first.matrix[:3, :3].T, np.eye(3), atol=1e-9)
    assert np.linalg.det(first.matrix[:3, :3]) > 0
    again = rigid(stroke_head.t1w, stroke_head.t2w)
    assert first.matrix.tobytes() == again.matrix.tobytes()


def test_a_slab_of_forty_percent_with_a_far_origin_is_found(stroke_head: KnownHead):
    whole, far = stroke_head.t2w, translation((80.0, 0, -80.0))
    affine = far @ whole.affine @ translation((0, 0, 40))
    found = rigid(stroke_head.t1w, Volume(whole.data[:, :, 40:85], affine))
    assert target_error_mm(stroke_head, compose(found.matrix, inverse(far))) < 1.0


def test_a_mirrored_t2w_fits_worse(stroke_head: KnownHead):
    mirrored = stroke_head.t2w.with_data(np.ascontiguousarray(stroke_head.t2w.data[::-1]))
    right = rigid(stroke_head.t1w, stroke_head.t2w).mutual_information
    assert rigid(stroke_head.t1w, mirrored).mutual_information < 0.9 * right


def test_an_image_that_cannot_be_registered_is_the_subjects_error(stroke_head: KnownHead):
    blank = stroke_head.t2w.with_data(np.zeros_like(stroke_head.t2w.data))
    with pytest.raises(SubjectError, match="could not be registered"):
        rigid(stroke_head.t1w, blank)
