import numpy as np
import pytest

from rt1t2_dask.stats.scale import Scale
from rt1t2_dask.stats.sensitivity import ContrastMaps, summarise

SHAPE = (6, 7, 8)


def two_groups(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    patients, controls = (rng.normal(1.5, 0.05, size=(8, *SHAPE)) for _ in range(2))
    patients[:, :3] *= 0.9
    return patients, controls


def maps_of(patients: np.ndarray, controls: np.ndarray) -> ContrastMaps:
    effect = patients.mean(axis=0) - controls.mean(axis=0)
    spread = np.sqrt((patients.var(axis=0, ddof=1) + controls.var(axis=0, ddof=1)) / 8)
    level = np.concatenate([patients, controls]).mean(axis=0)
    return ContrastMaps(effect, effect / spread, level)


def half() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[:3] = True
    return mask


def test_percent_sign_and_t_of_a_planted_tenth() -> None:
    maps = maps_of(*two_groups())
    rows = summarise(maps, maps.effect, {"changed": half(), "rest": ~half()})
    changed, rest = rows
    assert changed["voxels"] == half().sum()
    assert changed["effect_percent"] == pytest.approx(-10.5, abs=0.5)  # of the mean of both groups
    assert changed["t"] == pytest.approx(maps.t[half()].mean())
    assert changed["same_sign_share"] == 1.0
    assert abs(rest["effect_percent"]) < 0.5


def test_the_standardised_ratio_has_an_effect_and_no_percent() -> None:
    patients, controls = two_groups(1)
    ratio = maps_of(patients, controls)
    centred = maps_of((patients - 1) / (patients + 1), (controls - 1) / (controls + 1))
    (found,) = summarise(centred, ratio.effect, {"changed": half()}, Scale.SIGNED)
    assert np.isnan(found["effect_percent"])
    assert found["effect"] == pytest.approx(centred.effect[half()].mean())
    assert found["same_sign_share"] > 0.99


def test_log_ratios_give_the_percent_of_the_ratio() -> None:
    """A planted tenth on every person's ratio is exp(b) - 1 on logs, whatever the level."""
    patients, controls = two_groups(2)
    logs = maps_of(np.log(patients), np.log(controls))
    (found,) = summarise(logs, logs.effect, {"changed": half()}, Scale.LOG)
    assert found["effect_percent"] == pytest.approx(-10.0, abs=0.5)


def test_a_region_that_was_not_tested_has_no_numbers() -> None:
    maps = maps_of(*two_groups())
    maps.effect[:3] = np.nan
    (row,) = summarise(maps, maps.effect, {"changed": half()})
    assert row == {"region": "changed", "voxels": 0}
