import numpy as np
import pytest

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.reference import load_reference
from rt1t2_dask.simulate.head import HeadModel, build_head
from rt1t2_dask.simulate.intensities import WHITE_T1W

SHELL = ("bone", "soft")


def value_at(head: HeadModel, image: np.ndarray, mm: tuple[float, float, float]) -> float:
    index = np.rint(np.array(mm) - head.grid.affine[:3, 3]).astype(int)
    return float(image[tuple(index)])


def test_fractions_are_shares(head: HeadModel) -> None:
    total = np.zeros(head.grid.shape, np.float32)
    for name in ("grey", "white", "csf", "bone", "soft"):
        share = getattr(head, name)
        assert share.min() >= 0 and share.max() <= 1.001
        total += np.where(head.brain, 0, share)
    assert total.max() < 1.002  # float16 rounding


def test_layers_follow_each_other_from_brain_to_air(head: HeadModel) -> None:
    def first(image: np.ndarray, column: tuple[int, int]) -> int:
        return int(np.flatnonzero(image[column[0], column[1], ::-1] > 0.5)[0])

    x, y = (np.rint(np.array([20.0, -20.0]) - head.grid.affine[:2, 3])).astype(int)
    from_crown = [first(image, (x, y)) for image in (head.soft, head.bone, head.csf, head.brain)]
    assert from_crown == sorted(from_crown)
    scalp, bone = from_crown[1] - from_crown[0], from_crown[2] - from_crown[1]
    assert 4 <= scalp <= 13 and 4 <= bone <= 10  # mm, human range


def test_whole_head_fits(head: HeadModel) -> None:
    """Only the neck leaves the grid, through its floor."""
    soft = head.soft > 0.5
    for side in (soft[0], soft[-1], soft[:, 0], soft[:, -1], soft[:, :, -1]):
        assert not side.any()
    assert soft[:, :, 0].any()


def test_brain_is_the_templates(head: HeadModel) -> None:
    assert 1.5e6 < head.brain.sum() < 2.1e6  # mm^3; ICBM152 brain with sulcal fluid
    inside = head.brain & (head.white > 0.95)
    assert np.median(head.t1w[inside]) == pytest.approx(WHITE_T1W, rel=0.02)


def test_ratio_comes_in_the_order_of_the_literature(head: HeadModel) -> None:
    """METHODS 2: deep white > pallidum/putamen > thalamus side > caudate > ventricle."""
    ratio = np.divide(head.t1w, head.t2w, where=head.t2w > 1, out=np.zeros_like(head.t1w))
    splenium, putamen = value_at(head, ratio, (0, -37, 16)), value_at(head, ratio, (26, 2, 2))
    caudate, ventricle = value_at(head, ratio, (13, 14, 8)), value_at(head, ratio, (6, 4, 16))
    assert splenium > putamen > caudate > ventricle
    white, grey = (np.median(ratio[head.brain & (m > 0.9)]) for m in (head.white, head.grey))
    assert 1.4 < white / grey < 1.8


def test_bone_and_soft_tissue_look_like_the_template_heads(head: HeadModel) -> None:
    """Medians in percent of the brain's, against the shipped figures of real average heads."""
    reference = load_reference().landmarks
    for contrast, image in (("t1w", head.t1w), ("t2w", head.t2w)):
        unit = 100 / np.median(image[head.brain])
        for name in SHELL:
            found = np.median(image[getattr(head, name) > 0.95]) * unit
            assert found == pytest.approx(
                np.median(reference.quantiles(contrast, name)), rel=0.3
            ), name


def test_other_grids_are_refused() -> None:
    small = Volume(np.ones((8, 8, 8)), np.eye(4))
    with pytest.raises(ValueError, match="one grid"):
        build_head(small, small, Volume(np.ones((8, 8, 9)), np.eye(4)))
    coarse = Volume(np.ones((8, 8, 8)), np.diag([2.0, 2, 2, 1]))
    with pytest.raises(ValueError, match="1 mm"):
        build_head(coarse, coarse, coarse)
