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
    IntensityMap,
    apply,
    contrast_doubt,
    contrast_kept,
    extrapolated_share,
    fit,
    mrtool_style,
)
from rt1t2_dask.ratio.classes import external_classes
from rt1t2_dask.ratio.reference import load_reference
from rt1t2_dask.simulate.effects import Effect, planted_change
from rt1t2_dask.simulate.head import HeadModel

Quantiles = dict[str, np.ndarray]


def quantiles_of(seed: int) -> Quantiles:
    rng = np.random.default_rng(seed)
    return {
        name: np.sort(rng.normal(mean, sd, 25)) + 100
        for name, mean, sd in (("csf", 0, 10), ("bone", -40, 8), ("soft", 50, 25))
    }


def pool_adjacent_violators(y: np.ndarray) -> np.ndarray:
    """Second implementation of isotonic regression, by the min-max formula."""
    n = len(y)
    means = [[y[i : j + 1].mean() if j >= i else np.inf for j in range(n)] for i in range(n)]
    return np.array([max(min(means[i][k:]) for i in range(k + 1)) for k in range(n)])


@settings(max_examples=25, deadline=None)
@given(subject=st.integers(0, 10**6), reference=st.integers(0, 10**6))
def test_knots_lie_on_the_isotonic_fit_and_rise(subject: int, reference: int) -> None:
    found = fit(quantiles_of(subject), quantiles_of(reference))
    assert np.all(np.diff(found.knots_x) > 0) and np.all(np.diff(found.knots_y) > 0)
    x = np.concatenate(list(quantiles_of(subject).values()))
    y = np.concatenate(list(quantiles_of(reference).values()))[np.argsort(x, kind="stable")]
    expected = np.interp(found.knots_x, np.sort(x), pool_adjacent_violators(y))
    np.testing.assert_allclose(found.knots_y, expected, atol=1e-4 * np.ptp(y))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), gain=st.floats(0.1, 50))
def test_a_gain_is_undone(seed: int, gain: float) -> None:
    """Pure gain: the calibrated image is the reference-scaled one, whatever the gain."""
    reference = quantiles_of(seed)
    subject = {name: gain * values for name, values in reference.items()}
    image = np.linspace(20, 260, 200)
    values = np.concatenate(list(reference.values()))
    inside = (image > values.min()) & (image < values.max())
    found = apply(fit(subject, reference), gain * image)
    np.testing.assert_allclose(found[inside], image[inside], rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(subject=st.integers(0, 10**6), reference=st.integers(0, 10**6))
def test_maps_are_monotone_and_positive(subject: int, reference: int) -> None:
    found = apply(fit(quantiles_of(subject), quantiles_of(reference)), np.linspace(-500, 900, 999))
    assert np.all(np.diff(found) >= 0) and found.min() > 0


def test_outside_the_knots_the_outer_slope_goes_on() -> None:
    ramp = IntensityMap(np.array([1.0, 2.0, 3.0, 5.0]), np.array([10.0, 20.0, 30.0, 40.0]))
    # Slopes of the outer three knots: (30 - 10) / 2 below, (40 - 20) / 3 above.
    np.testing.assert_allclose(apply(ramp, np.array([0.5, 8.0])), [5.0, 60.0])
    assert np.isnan(apply(ramp, np.array([np.nan]))[0])
    assert extrapolated_share(ramp, np.array([0.0, 1.0, 4.0, 6.0])) == 0.5


def test_contrast_kept_is_the_power_of_a_power_law() -> None:
    x = np.linspace(50, 150, 200)
    assert contrast_kept(IntensityMap(x, 3 * x), x) == pytest.approx(1.0)
    assert contrast_kept(IntensityMap(x, x**0.4), x) == pytest.approx(0.4, abs=1e-4)


@pytest.fixture(scope="module")
def clean(head: HeadModel) -> Mapping[str, Volume]:
    names = ("t1w", "t2w", "white", "grey", "brain")
    return {name: at_2mm(head, getattr(head, name)) for name in names}


def calibrated(t1w: Volume, t2w: Volume, brain: np.ndarray) -> np.ndarray:
    classes = external_classes(t1w, t2w, brain)
    found = mrtool_style(t1w, t2w, classes, brain, load_reference())
    return apply(found.t1w, t1w.data) / apply(found.t2w, t2w.data)


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


def test_scanner_settings_vanish_and_a_whole_brain_change_survives(
    clean: Mapping[str, Volume],
) -> None:
    """METHODS 2: settings spread the raw ratio by half; a true -9.1 % must come back."""
    tissue = np.clip(clean["white"].data + clean["grey"].data, 0, 1)
    healthy, ill = white_ratios(clean, 0 * tissue), white_ratios(clean, -0.091 * tissue)
    white = clean["white"].data > 0.9
    raw = [
        np.median(scanned(clean["t1w"], one).data[white])
        / np.median(scanned(clean["t2w"], two).data[white])
        for one, two in zip(SETTINGS, SETTINGS[::-1], strict=True)
    ]
    assert np.std(raw) / np.mean(raw) > 0.3
    assert healthy.std() / healthy.mean() < 0.01
    across = 100 * (ill[:, None] / healthy[None, :] - 1)  # every pair of scanners
    assert across.mean() == pytest.approx(-9.1, abs=1.5)
    assert across.std() < 1.0


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
    assert 1.4 < white / grey < 1.8
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
    brain = clean["brain"].data > 0.5
    classes = external_classes(clean["t1w"], clean["t2w"], brain)
    found = mrtool_style(clean["t1w"], clean["t2w"], classes, brain, load_reference())
    assert contrast_doubt(found) is None
    assert 0.5 < found.contrast_kept_t1w < 2 and 0.5 < found.contrast_kept_t2w < 2
    said = contrast_doubt(replace(found, contrast_kept_t2w=0.1))
    assert said is not None and "T2w by 0.10" in said and "T1w by" not in said
    median = np.median(clean["t1w"].data[classes["soft"]]) / np.median(clean["t1w"].data[brain])
    assert found.medians_t1w["soft"] == pytest.approx(100 * median, rel=1e-5)
