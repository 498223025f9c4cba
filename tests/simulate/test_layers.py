"""A person's own layers outside the brain, against what the settings and real heads say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.effects import to_index
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.layers import Shells, draw_shells, paint_shells
from rt1t2_dask.simulate.person import simulate_person
from rt1t2_dask.simulate.scanner import Scanner

LINE = Grid((1, 1, 121), np.diag([1.0, 1.0, 0.25, 1.0]))
FAR = 100.0


def shells(fat_mm: float = 3.0, bone_mm: float = 6.0) -> Shells:
    drawn = draw_shells(np.random.default_rng(0), LINE)
    flat = np.ones(LINE.shape, np.float32)
    return replace(
        drawn, bone_mm=bone_mm * flat, fat_mm=fat_mm * flat, texture=-5 * flat, csf_mm=1.5
    )


def profile(own: Shells, contrast: str, muscle: float = 0.0) -> np.ndarray:
    """Intensities every quarter millimetre outwards from the hull, high on the head."""
    hull = np.arange(121, dtype=np.float32).reshape(LINE.shape) / 4
    away = np.full(LINE.shape, FAR, np.float32)
    distances = {
        "hull": hull,
        "face": away,
        "eyes": away,
        "airways": away,
        "muscle": np.full(LINE.shape, muscle, np.float32),
    }
    return paint_shells(own, distances, np.zeros(LINE.shape, np.float32), contrast, 1.0)[0, 0]


def at(mm: float) -> int:
    return round(4 * mm)


def test_the_layers_follow_each_other_with_their_own_values() -> None:
    own = shells()
    t1w, t2w = profile(own, "t1w"), profile(own, "t2w")
    # Fluid to 1.5, skull to 7.5 with marrow in its middle, galea to 8.5, fat to 11.5, skin to 13.
    for mm, tissue in (
        (0.75, "fluid"), (2.25, "table"), (4.5, "marrow"), (6.75, "table"), (8.0, "muscle"),
        (10.0, "fat"), (12.25, "skin"),
    ):  # fmt: skip
        expected = own.values[tissue]
        assert (t1w[at(mm)], t2w[at(mm)]) == pytest.approx(expected, rel=1e-5), tissue
    assert t1w[at(14) :].max() == 0 and t1w[at(12.25)] > 0


def test_more_fat_or_muscle_moves_the_skin_outwards_by_that_much() -> None:
    def skin(image: np.ndarray) -> float:
        return float(np.flatnonzero(image > 0)[-1]) / 4

    thin = profile(shells(), "t1w")
    assert skin(profile(shells(fat_mm=7.0), "t1w")) - skin(thin) == pytest.approx(4, abs=0.26)
    own = shells()
    assert skin(profile(own, "t1w", muscle=1.0)) - skin(thin) == pytest.approx(
        own.muscle_mm, abs=0.26
    )


def test_marrow_is_brighter_than_the_tables_and_fat_than_muscle() -> None:
    for seed in range(20):
        values = draw_shells(np.random.default_rng(seed), LINE).values
        assert values["marrow"][0] > 4 * values["table"][0]
        assert values["fat"][0] > values["muscle"][0] and values["fat"][1] > values["muscle"][1]


@pytest.mark.heavy
def test_scalp_differs_between_people_as_real_scalp_and_more_than_fluid(head: HeadModel) -> None:
    """METHODS 2b: log(T1w/T2w) differs by SD 0.10 to 0.35 in scalp, 0.012 to 0.07 in fluid.

    Twelve people give an SD within a factor of 1.6 (95 %, chi square), which the bounds allow for.
    """
    own = np.array([_log_ratios(head, seed) for seed in range(12)])
    scalp, fluid = own.std(axis=0, ddof=1)
    assert 0.10 / 1.6 < scalp < 0.35 * 1.6
    assert 0.012 / 1.6 < fluid < 0.07 * 1.6
    assert scalp > 2 * fluid


def _log_ratios(head: HeadModel, seed: int) -> list[float]:
    scanner = Scanner(gain_sd=0, bias_sd=0)
    person = simulate_person(head, seed=seed, voxel_mm=5, scanner=scanner)
    back = np.linalg.inv(person.truth.t2w_to_t1w)
    in_t2w = person.t1w.grid.world() @ back[:3, :3].T + back[:3, 3]
    index = np.moveaxis(to_index(in_t2w, person.t2w.affine), -1, 0)
    t2w = map_coordinates(person.t2w.data.astype(float), index, order=1)
    ratio = np.log(np.maximum(person.t1w.data, 1) / np.maximum(t2w, 1))
    at_template = np.moveaxis(to_index(person.truth.template_mm, head.grid.affine), -1, 0)
    soft, csf = (
        map_coordinates(share.astype(np.float32), at_template, order=1)
        for share in (head.soft, np.where(head.brain, head.csf, 0))
    )
    scalp = (soft > 0.5) & (person.truth.template_mm[..., 2] > -20) & (person.t1w.data > 150)
    return [float(np.median(ratio[mask])) for mask in (scalp, csf > 0.9)]
