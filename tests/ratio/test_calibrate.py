import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scanners import SETTINGS, at_2mm, scanned

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.ratio.calibrate import (
    KINDS,
    MAPPED,
    UNITS,
    Calibration,
    calibrate,
    contrast_doubt,
    contrast_kept,
    extrapolated_share,
)
from rt1t2_dask.ratio.classes import CLASS_NAMES, LANDMARK_CLASSES, external_classes
from rt1t2_dask.ratio.intensity_map import IntensityMap, apply
from rt1t2_dask.ratio.landmarks import CONTRASTS, Landmarks, in_percent, measure
from rt1t2_dask.ratio.peers import NYUL_SHARES
from rt1t2_dask.ratio.reference import Reference, load_reference
from rt1t2_dask.simulate.effects import Effect, planted_change
from rt1t2_dask.simulate.head import HeadModel


def person(seed: int = 0) -> Landmarks:
    """A person like the reference, with their own differences of up to a tenth."""
    like = load_reference().landmarks
    rng = np.random.default_rng(seed)
    classes = like.classes * rng.uniform(0.9, 1.1, size=(2, 5, 1))
    return replace(like, classes=classes, brain=like.brain * rng.uniform(0.9, 1.1, size=(2, 1)))


def scaled(one: Landmarks, gain: float, offset: float) -> Landmarks:
    stripe = np.stack([gain * one.stripe[:, 0] + offset, gain * one.stripe[:, 1]], axis=1)
    return Landmarks(gain * one.classes + offset, one.voxels, gain * one.brain + offset, stripe)


def test_units_are_stated_for_every_kind() -> None:
    assert set(UNITS) == set(KINDS) and len(set(UNITS.values())) == len(KINDS)
    for kind in KINDS:
        assert calibrate(kind, person(), load_reference()).record["units"] == UNITS[kind]


STRAIGHT = [(kind, c) for kind in MAPPED for c in CONTRASTS if (kind, c) != ("mrtool_style", "t2w")]


@pytest.mark.parametrize(("kind", "contrast"), STRAIGHT)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), gain=st.floats(0.1, 50), offset=st.floats(0, 40))
def test_gain_and_offset_are_undone(
    kind: str, contrast: str, seed: int, gain: float, offset: float
) -> None:
    """Whatever the scanner's gain and offset, the calibrated intensities are the same."""
    clean, image = person(seed), np.linspace(30, 250, 50)
    before, after = (
        calibrate(kind, one, load_reference()) for one in (clean, scaled(clean, gain, offset))
    )
    expected = apply(before.maps[contrast], image)
    found = apply(after.maps[contrast], gain * image + offset)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), gain=st.floats(0.1, 50), gamma=st.floats(0.7, 1.4))
def test_gain_and_gamma_of_a_t2w_are_undone(seed: int, gain: float, gamma: float) -> None:
    clean, image = person(seed), np.linspace(30, 250, 50)
    bent = replace(clean, classes=gain * clean.classes**gamma, brain=gain * clean.brain**gamma)
    before, after = (
        calibrate("mrtool_style", one, load_reference()).maps["t2w"] for one in (clean, bent)
    )
    np.testing.assert_allclose(apply(after, gain * image**gamma), apply(before, image), rtol=2e-3)


@pytest.mark.parametrize("kind", MAPPED)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_maps_are_monotone_and_positive(kind: str, seed: int) -> None:
    for found in calibrate(kind, person(seed), load_reference()).maps.values():
        mapped = apply(found, np.linspace(-500, 900, 999))
        assert np.all(np.diff(mapped) >= 0) and mapped.min() > 0


@pytest.mark.parametrize("kind", MAPPED)
def test_the_reference_maps_onto_itself(kind: str) -> None:
    reference = load_reference()
    found = calibrate(kind, reference.landmarks, reference)
    image = np.linspace(30, 250, 50)
    for contrast in CONTRASTS:
        np.testing.assert_allclose(apply(found.maps[contrast], image), image, rtol=1e-5)
        assert found.record[f"contrast_kept_{contrast}"] == pytest.approx(1)


def test_mrtool_style_goes_through_its_classes_and_on_with_the_outer_slope() -> None:
    one, reference = person(3), load_reference()
    found = calibrate("mrtool_style", one, reference).maps["t1w"]
    levels = {n: (one.level("t1w", n), reference.landmarks.level("t1w", n)) for n in CLASS_NAMES}
    for x, y in levels.values():
        assert apply(found, np.array([x]))[0] == pytest.approx(y, rel=1e-5)
    (x0, y0), (x1, y1) = levels["csf"], levels["soft"]
    expected = y1 + (y1 - y0) / (x1 - x0) * 40
    assert apply(found, np.array([x1 + 40]))[0] == pytest.approx(expected, rel=1e-5)


def test_linear_external_is_the_published_formula() -> None:
    """Ganzetti 2014: Ic = (XR - YR)/(XS - YS) I + (XS YR - XR YS)/(XS - YS)."""
    one, reference = person(4), load_reference()
    for contrast in CONTRASTS:
        xs, ys = one.level(contrast, "eye"), one.level(contrast, "muscle")
        xr = reference.landmarks.level(contrast, "eye")
        yr = reference.landmarks.level(contrast, "muscle")
        image = np.linspace(50, 200, 9)
        expected = (xr - yr) / (xs - ys) * image + (xs * yr - xr * ys) / (xs - ys)
        found = calibrate("linear_external", one, reference).maps[contrast]
        np.testing.assert_allclose(apply(found, image), expected, rtol=1e-5)


def test_whitestripe_gives_the_stripe_the_references_mean_and_sd() -> None:
    one, reference = scaled(person(5), 3.0, 7.0), load_reference()
    for k, contrast in enumerate(CONTRASTS):
        image = np.linspace(300, 500, 9)
        mean, sd = one.stripe[k]
        mean_r, sd_r = reference.landmarks.stripe[k]
        found = calibrate("whitestripe", one, reference).maps[contrast]
        expected = np.maximum(mean_r + sd_r * (image - mean) / sd, 1e-3 * (mean_r + sd_r))
        np.testing.assert_allclose(apply(found, image), expected, rtol=1e-4)


def test_nyul_gives_the_brain_the_references_deciles() -> None:
    one, reference = scaled(person(6), 0.5, 3.0), load_reference()
    for contrast in CONTRASTS:
        found = calibrate("nyul", one, reference).maps[contrast]
        for share in map(float, NYUL_SHARES):
            mapped = apply(found, np.array([one.brain_quantile(contrast, share)]))[0]
            assert mapped == pytest.approx(
                reference.landmarks.brain_quantile(contrast, share), rel=1e-5
            )


def test_outside_the_knots_the_outer_slope_goes_on() -> None:
    ramp = IntensityMap(np.array([1.0, 2.0, 5.0]), np.array([10.0, 20.0, 40.0]))
    np.testing.assert_allclose(apply(ramp, np.array([0.5, 3.5, 8.0])), [5.0, 30.0, 60.0])
    assert np.isnan(apply(ramp, np.array([np.nan]))[0])


def test_contrast_kept_is_the_power_of_a_power_law() -> None:
    one, x = load_reference().landmarks, np.linspace(50, 150, 200)
    assert contrast_kept(IntensityMap(x, 3 * x), one, "t1w") == pytest.approx(1.0)
    assert contrast_kept(IntensityMap(x, x**0.4), one, "t1w") == pytest.approx(0.4, abs=1e-3)
    middle = IntensityMap(
        np.array([one.brain_quantile("t1w", 0.2), one.brain_quantile("t1w", 0.7)]),
        np.array([1.0, 2.0]),
    )
    assert extrapolated_share(middle, one, "t1w") == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_a_missing_class_fails_with_the_remedy_for_everybody(name: str) -> None:
    one = person()
    voxels = one.voxels.copy()
    voxels[CLASS_NAMES.index(name)] = 3
    with pytest.raises(SubjectError, match=f"3 voxels of {name}.*calibration=gm_median"):
        calibrate("mrtool_style", replace(one, voxels=voxels), load_reference())
    calibrate("gm_median", replace(one, voxels=voxels), load_reference())


def test_cropped_eyes_do_not_matter_to_what_needs_none() -> None:
    one, place = person(), LANDMARK_CLASSES.index("eye")
    classes, voxels = one.classes.copy(), one.voxels.copy()
    classes[:, place], voxels[place] = np.nan, 0
    found = calibrate(
        "mrtool_style", replace(one, classes=classes, voxels=voxels), load_reference()
    )
    json.dumps(found.record, allow_nan=False)
    assert "eye" not in found.record["levels_t1w"]
    whole = calibrate("mrtool_style", one, load_reference())
    np.testing.assert_array_equal(found.maps["t1w"].knots_y, whole.maps["t1w"].knots_y)


def test_controls_without_a_class_are_no_reference() -> None:
    nobody = replace(person(), classes=np.full((2, 5, 25), np.nan))
    with pytest.raises(SubjectError, match="none of the controls has csf or bone or soft"):
        calibrate("mrtool_style", person(), Reference(nobody, {}))


@pytest.fixture(scope="module")
def clean(head: HeadModel) -> Mapping[str, Volume]:
    names = ("t1w", "t2w", "white", "grey", "brain")
    return {name: at_2mm(head, getattr(head, name)) for name in names}


def calibration_of(t1w: Volume, t2w: Volume, brain: np.ndarray) -> Calibration:
    measured = measure(t1w, t2w, brain, external_classes(t1w, t2w, brain))
    return calibrate("mrtool_style", measured, load_reference())


def calibrated(t1w: Volume, t2w: Volume, brain: np.ndarray) -> np.ndarray:
    maps = calibration_of(t1w, t2w, brain).maps
    return apply(maps["t1w"], t1w.data) / apply(maps["t2w"], t2w.data)


def changed(clean: Mapping[str, Volume], change: np.ndarray) -> tuple[Volume, Volume]:
    t1w, t2w = clean["t1w"], clean["t2w"]
    return (
        t1w.with_data(t1w.data * np.sqrt(1 + change)),
        t2w.with_data(t2w.data / np.sqrt(1 + change)),
    )


def white_ratios(clean: Mapping[str, Volume], change: np.ndarray) -> np.ndarray:
    """Median white-matter ratio under each scanner setting."""
    brain, white = clean["brain"].data > 0.5, clean["white"].data > 0.9
    t1w, t2w = changed(clean, change)
    return np.array(
        [
            np.median(calibrated(scanned(t1w, one), scanned(t2w, two), brain)[white])
            for one, two in zip(SETTINGS, SETTINGS[::-1], strict=True)
        ]
    )


@pytest.mark.heavy
def test_gain_and_offset_vanish_and_a_whole_brain_change_survives(
    clean: Mapping[str, Volume],
) -> None:
    """METHODS 2: settings spread the raw ratio by half; a true -9.1 % must come back.

    Gain and offset vanish; a gamma, which bends the brain's range without an anchor in it, stays
    to 3 %.
    """
    tissue = np.clip(clean["white"].data + clean["grey"].data, 0, 1)
    healthy, ill = white_ratios(clean, 0 * tissue), white_ratios(clean, -0.091 * tissue)
    white = clean["white"].data > 0.9
    raw = [
        np.median(scanned(clean["t1w"], one).data[white])
        / np.median(scanned(clean["t2w"], two).data[white])
        for one, two in zip(SETTINGS, SETTINGS[::-1], strict=True)
    ]
    assert np.std(raw) / np.mean(raw) > 0.3
    assert healthy.std() / healthy.mean() < 0.03
    assert 100 * (ill / healthy - 1) == pytest.approx(-9.1, abs=1.5)


def test_a_regional_change_survives(head: HeadModel, clean: Mapping[str, Volume]) -> None:
    effect = Effect("thalamus", (-10.0, -20.0, 14.0), 10.0, -0.15)
    planted = planted_change(head, [effect], clean["t1w"].grid)
    brain, core = clean["brain"].data > 0.5, planted < -0.12
    before = calibrated(clean["t1w"], clean["t2w"], brain)[core].mean()
    after = calibrated(*changed(clean, planted), brain)[core].mean()
    assert 100 * (after / before - 1) == pytest.approx(100 * planted[core].mean(), abs=3)


def test_calibrated_white_over_grey_is_plausible(clean: Mapping[str, Volume]) -> None:
    ratio = calibrated(clean["t1w"], clean["t2w"], clean["brain"].data > 0.5)
    white, grey = (np.median(ratio[clean[name].data > 0.85]) for name in ("white", "grey"))
    assert 1.4 < white / grey < 1.95
    assert 0.5 < grey < white < 2.5


def test_a_stripped_head_fails_with_the_remedy(clean: Mapping[str, Volume]) -> None:
    brain = clean["brain"].data > 0.5
    t1w, t2w = (clean[n].with_data(np.where(brain, clean[n].data, 0)) for n in ("t1w", "t2w"))
    with pytest.raises(SubjectError, match="calibration="):
        calibrated(t1w, t2w, brain)


def test_fat_suppression_fails_with_the_reason(
    head: HeadModel, clean: Mapping[str, Volume]
) -> None:
    soft = at_2mm(head, head.soft).data
    dark = clean["t1w"].with_data(clean["t1w"].data * (1 - 0.75 * soft))
    with pytest.raises(SubjectError, match=r"suppressed|voxels of"):
        calibrated(dark, clean["t2w"], clean["brain"].data > 0.5)


def test_swapped_contrasts_fail(clean: Mapping[str, Volume]) -> None:
    with pytest.raises(SubjectError, match="swapped"):
        calibrated(clean["t2w"], clean["t1w"], clean["brain"].data > 0.5)


def test_flattened_contrast_is_said(clean: Mapping[str, Volume]) -> None:
    found = calibration_of(clean["t1w"], clean["t2w"], clean["brain"].data > 0.5)
    assert contrast_doubt(found.record) is None and "flag" not in found.record
    said = contrast_doubt(found.record | {"contrast_kept_t2w": 0.1})
    assert said is not None and "T2w by 0.10" in said and "T1w by" not in said


def test_percent_of_the_brain() -> None:
    one = in_percent(scaled(person(1), 7.0, 0.0))
    assert [one.brain_quantile(c, 0.5) for c in CONTRASTS] == pytest.approx([100, 100])
