import numpy as np
import pytest
from known_head import KnownHead, template

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain import extract
from rt1t2_dask.images.transform import compose, inverse, move, rotation, translation
from rt1t2_dask.images.volume import Volume


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def assert_tissue_and_no_more(mask, head: KnownHead, part=np.s_[:, :, :]):
    """The known head's own mask also holds the fluid round the brain."""
    brain, white = head.brain.data[part], head.white.data[part]
    assert dice(mask, brain) > 0.95
    assert mask[white].mean() > 0.999
    assert (mask & ~brain).sum() < 0.01 * mask.sum()


def affine_error_mm(head: KnownHead, matrix) -> float:
    model = template(2.0)["brain"]
    points = move(model.affine, np.argwhere(model.data)[::50])
    return float(head.template_error_mm(points, move(matrix, points)).mean())


def found_in(image: Volume):
    model = template(2.0)
    return extract(image, model["t1w"], model["brain"])


def test_the_mask_of_a_known_head_repeats_to_the_bit(stroke_head: KnownHead):
    first, second = found_in(stroke_head.t1w), found_in(stroke_head.t1w)
    assert_tissue_and_no_more(first.mask.data, stroke_head)
    assert affine_error_mm(stroke_head, first.affine) < 4.0
    assert first.mask.data.tobytes() == second.mask.data.tobytes()
    assert first.affine.tobytes() == second.affine.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("degrees", "shift_mm"), [((0, 0, 60), (0, 80, -50)), ((100, 70, -140), (150, -100, 80))]
)
def test_any_pose_is_found(stroke_head: KnownHead, degrees, shift_mm):
    placed = compose(rotation(degrees), translation(shift_mm))
    found = found_in(Volume(stroke_head.t1w.data, placed @ stroke_head.t1w.affine))
    assert_tissue_and_no_more(found.mask.data, stroke_head)
    assert affine_error_mm(stroke_head, inverse(placed) @ found.affine) < 4.0


@pytest.mark.slow
def test_forty_percent_of_the_field_of_view_is_enough(stroke_head: KnownHead):
    slab = stroke_head.t1w.data[:, :, 40:85]
    affine = stroke_head.t1w.affine @ translation((0, 0, 40))
    found = found_in(Volume(slab, affine))
    assert_tissue_and_no_more(found.mask.data, stroke_head, np.s_[:, :, 40:85])


@pytest.mark.slow
def test_what_is_no_head_is_refused(stroke_head: KnownHead):
    noise = np.random.default_rng(0).normal(100, 10, stroke_head.t1w.data.shape)
    with pytest.raises(SubjectError, match="does not look like"):
        found_in(stroke_head.t1w.with_data(noise.astype(np.float32)))
