"""No real session is beyond a limit; a forced fault is, with its value and the limit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

import rt1t2_dask.conf
from rt1t2_dask.config.quality import Quality
from rt1t2_dask.images.brain.mask import LEAST_NCC, LEAST_REACH
from rt1t2_dask.images.quality.judge import beyond
from rt1t2_dask.images.registration.head_pose import LEAST_MARGIN

REAL = Path(__file__).parents[2] / "reference" / "quality_real_sessions.tsv"
# Values of docs/quality-limits.md: half a mask, 8 mm off, swapped, a field of 30 %, no face.
FAULTS = {
    "half a mask": {"mask_dice": 0.88, "registration_ncc": 0.60},
    "8 mm off": {"mask_dice": 0.93, "registration_ncc": 0.36},
    "swapped": {"t1w_white_grey": 0.72, "t2w_csf_white": 0.4},
    "field": {"bias_left_t1w": 0.044},
    "no face": {"face_seen": 0.17},
    "no head": {"head_margin": 1.15},
}


@pytest.fixture(scope="module")
def limits() -> dict[str, tuple[float | None, float | None]]:
    folder = Path(str(rt1t2_dask.conf.__file__)).parent
    written = yaml.safe_load((folder / "config.yaml").read_text())["quality"]
    return Quality.model_validate(written).pairs()


def test_no_real_session_is_flagged(limits):
    real = pd.read_csv(REAL, sep="\t", index_col="session")
    assert len(real) == 6
    assert {"head_margin", "registration_ncc", "bias_left_t2w"} <= set(real.columns) <= set(limits)
    assert real.notna().all().all()
    for session, numbers in real.iterrows():
        assert beyond(numbers.to_dict(), limits) == [], session


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_each_number_of_a_fault_is_flagged_with_value_and_limit(limits, fault):
    told = beyond(FAULTS[fault], limits)
    assert len(told) == len(FAULTS[fault])
    for (name, value), words in zip(sorted(FAULTS[fault].items()), sorted(told), strict=True):
        assert words.startswith(f"{name} {value:.3g} is ")


def test_the_limits_of_the_pose_are_those_of_the_gate(limits):
    assert limits["head_margin"] == (LEAST_MARGIN, None)
    assert limits["head_ncc"] == (LEAST_NCC, None)
    assert limits["head_reach"] == (LEAST_REACH, None)
