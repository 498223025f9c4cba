"""Quality numbers of heads that are right, and of the same heads with one fault planted."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from known_head import icbm
from scipy import ndimage
from sklearn.metrics import mutual_info_score

import rt1t2_dask.conf
from rt1t2_dask.config.quality import Quality
from rt1t2_dask.images.brain.tissue import segment
from rt1t2_dask.images.quality.judge import MEASURES, beyond
from rt1t2_dask.images.quality.measures import (
    Person,
    Template,
    bias_left,
    coverage,
    measure,
    mutual_information,
)
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import Warp, about, compose, rotation, translation
from rt1t2_dask.images.volume import Grid, Volume

MM = 3.0
CENTRE = np.array([0.0, -18.0, 15.0])


@pytest.fixture(scope="module")
def limits() -> dict[str, tuple[float | None, float | None]]:
    folder = Path(str(rt1t2_dask.conf.__file__)).parent
    written = yaml.safe_load((folder / "config.yaml").read_text())["quality"]
    return Quality.model_validate(written).pairs()


@pytest.fixture(scope="module")
def template() -> Template:
    fine = {name: icbm(name) for name in ("t1", "gm", "wm")}
    grid = Grid((66, 78, 63), fine["t1"].affine @ np.diag([MM] * 3 + [1.0]))
    t1w, grey, white = (to_grid(fine[n], grid, order=1) for n in ("t1", "gm", "wm"))
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(t1w.data > 20, iterations=2))
    return Template(t1w, brain, grey.data / 255, white.data / 255)


@pytest.fixture(scope="module")
def person(template: Template) -> Person:
    """A head that is the template's, turned and scaled, with texture, noise and a smooth field."""
    pose = compose(rotation((4.0, -6.0, 3.0)), np.diag([0.95, 1.02, 0.97, 1.0]))
    grid = Grid((70, 84, 70), np.diag([MM] * 3 + [1.0]) @ translation((-35.0, -48.0, -30.0)))
    back = np.linalg.inv(pose)
    shares = [template.grey, template.white, template.brain - template.grey - template.white]
    grey, white, fluid = (
        to_grid(template.t1w.with_data(s.astype(np.float32)), grid, rigid=back, order=1).data
        for s in shares
    )
    brain = to_grid(template.t1w.with_data(template.brain), grid, rigid=back, order=0).data
    rng = np.random.default_rng(0)
    shape, affine = grid.shape, grid.affine
    field = np.exp(0.2 * ndimage.gaussian_filter(rng.normal(size=shape), 12) * 12)
    t1w = (75 * grey + 100 * white + 25 * fluid) * field + rng.normal(0, 3, shape)
    t2w = (110 * grey + 80 * white + 220 * fluid) + rng.normal(0, 3, shape)
    image = Volume(np.abs(t1w).astype(np.float32), affine)
    prior = np.stack([fluid, grey, white], axis=-1)[brain]
    return Person(
        t1w=image,
        t2w=Volume(np.abs(t2w).astype(np.float32), affine),
        rigid=np.eye(4),
        brain=brain,
        tissue=segment(image, brain, prior).labels.data,
        ratio=np.where(brain, 1.45 * t1w / np.maximum(t2w, 1), np.nan),
        warp=Warp(pose, np.zeros((*template.brain.shape, 3), np.float32), template.t1w.grid),
    )


def flagged(person: Person, template: Template, limits) -> set[str]:
    numbers = measure(person, template)
    return {phrase.split()[0] for phrase in beyond(numbers, limits)}


def turned(person: Person, by: np.ndarray) -> Person:
    return replace(person, warp=replace(person.warp, affine=by @ person.warp.affine))


def test_a_head_that_is_right_is_not_flagged(person, template, limits):
    numbers = measure(person, template)
    assert beyond(numbers, limits) == []
    assert all(math.isfinite(v) for v in numbers.values())
    assert set(numbers) - {"ratio_white", "ratio_grey"} <= set(MEASURES)
    assert numbers["jacobian_min"] == numbers["jacobian_max"] == 1
    assert numbers["affine_volume"] == pytest.approx(0.95 * 1.02 * 0.97)


@pytest.mark.parametrize(
    "by",
    [about(rotation((40.0, 0.0, 0.0)), CENTRE), about(rotation((0.0, 0.0, 180.0)), CENTRE),
     translation((0.0, 15.0, 0.0))],
)  # fmt: skip
def test_a_wrong_pose_is_caught(person, template, limits, by):
    found = flagged(turned(person, by), template, limits)
    assert {"registration_ncc", "registration_mi"} <= found


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_a_brain_mask_is_caught(person, template, limits, axis):
    half = person.brain & (person.t1w.grid.world()[..., axis] > CENTRE[axis])
    assert "mask_dice" in flagged(replace(person, brain=half), template, limits)


def test_swapped_images_are_caught(person, template, limits):
    swapped = replace(person, t1w=person.t2w, t2w=person.t1w)
    found = flagged(swapped, template, limits)
    assert {"t1w_white_grey", "t2w_csf_white", "registration_ncc"} <= found


@pytest.mark.parametrize("image", ["t1w", "t2w"])
def test_a_strong_field_left_is_caught(person, template, limits, image):
    scan: Volume = getattr(person, image)
    y = (person.t1w.grid.world()[..., 1] - CENTRE[1]) / 70
    spoiled = scan.with_data((scan.data * np.exp(0.4 * y)).astype(np.float32))
    assert f"bias_left_{image}" in flagged(replace(person, **{image: spoiled}), template, limits)


def test_a_flattened_ratio_is_caught(person, template, limits):
    flat = replace(person, ratio=person.ratio**0.3)
    assert "ratio_white_grey" in flagged(flat, template, limits)


def test_a_fold_is_caught(person, template, limits):
    field = person.warp.displacement.copy()
    field[30:36, :, :, 0] = -3 * MM * np.arange(6)[:, None, None]
    folded = replace(person, warp=replace(person.warp, displacement=field))
    assert {"jacobian_min", "jacobian_folded"} <= flagged(folded, template, limits)


def test_noise_is_caught(person, template, limits):
    rng = np.random.default_rng(1)
    noisy = np.abs(person.t1w.data + rng.normal(0, 25, person.t1w.data.shape))
    spoiled = replace(person, t1w=person.t1w.with_data(noisy.astype(np.float32)))
    assert {"snr_t1w", "white_cv_t1w"} <= flagged(spoiled, template, limits)


def test_a_ratio_with_signs_gives_no_number(person, template):
    signed = replace(person, ratio=person.ratio - 1.5)
    assert math.isnan(measure(signed, template)["ratio_white_grey"])


def test_a_lesion_hides_nothing_else(person, template, limits):
    lesion = np.zeros(person.brain.shape, dtype=bool)
    lesion[30:40, 40:50, 30:40] = True
    bright = person.t1w.with_data(np.where(lesion, np.float32(300), person.t1w.data))
    tissue = np.where(lesion & person.brain, 7, person.tissue).astype(np.uint8)
    hurt = replace(person, t1w=bright, tissue=tissue, lesion=lesion)
    assert flagged(hurt, template, limits) == set()
    assert flagged(replace(hurt, lesion=None), template, limits) == {"registration_ncc"}


def test_mutual_information_is_that_of_scikit_learn():
    rng = np.random.default_rng(2)
    a = rng.uniform(size=5000)
    b = a + rng.uniform(0, 0.3, 5000)
    bins = []
    for x in (a, b):
        low, high = np.quantile(x, [0.005, 0.995])
        bins.append(np.clip(np.floor((x - low) / (high - low) * 16), 0, 15).astype(int))
    expected = mutual_info_score(*bins)
    assert mutual_information(a, b, bins=16) == pytest.approx(expected, rel=1e-9)


def test_bias_left_is_the_field_that_was_planted():
    where = np.stack(np.meshgrid(*[np.linspace(-1, 1, 30)] * 3, indexing="ij"))
    log_field = 0.1 * where[0] + 0.05 * where[1] * where[2] + 0.03 * where[2] ** 2
    white = np.ones(log_field.shape, dtype=bool)
    found = bias_left(100 * np.exp(log_field), white)
    assert found == pytest.approx(log_field[1:-1, 1:-1, 1:-1].std(), rel=0.05)
    assert bias_left(np.full(log_field.shape, 7.0), white) == pytest.approx(0, abs=1e-9)


def test_coverage_names_the_lowest_region():
    names = {4: "a", 7: "b", 9: "c"}
    found = coverage(np.array([0.9, np.nan, 0.4]), names)
    assert found == {
        "least_region_coverage": 0.0, "least_covered_region": "b", "regions_under_half": 2,
        "regions_lesioned": 0,
    }  # fmt: skip
    lesion = np.array([0.0, 0.0, 0.2])
    counted = coverage(np.array([0.9, np.nan, 0.4]), names, lesion)
    assert counted["regions_under_half"] == counted["regions_lesioned"] == 1


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_every_limit_can_be_set_and_flags_both_sides(name):
    assert beyond({name: 0.5}, {name: (0.4, 0.6)}) == []
    assert beyond({name: 0.4}, {name: (0.4, 0.6)}) == []
    assert beyond({name: 0.39}, {name: (0.4, None)})[0].startswith(f"{name} 0.39 is under 0.4")
    assert beyond({name: 0.61}, {name: (None, 0.6)})[0].startswith(f"{name} 0.61 is over 0.6")
    assert beyond({name: math.nan}, {name: (0.4, 0.6)}) == []
    assert beyond({name: None}, {name: (0.4, 0.6)}) == []


def test_the_settings_know_every_measure(limits):
    assert set(limits) == set(MEASURES)
