"""The section on calibration: what it warns of, and what each kind shows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rt1t2_dask.report.sections.calibration import (
    anchor_differences,
    calibration_section,
    warnings,
)

PEOPLE = pd.DataFrame(
    {
        "participant_id": [f"sub-{k}" for k in range(6)],
        "group": ["psp"] * 3 + ["hc"] * 3,
        "protocol": ["P1"] * 6,
        "fluid": [0.10, 0.12, 0.14, 0.0, 0.02, 0.04],
        "muscle": 1.0,
        "eye": 0.1,
        "apart": [0.1, 0.1, 0.1, 0.1, 0.1, 0.6],
        "another_sequence": ["no"] * 6,
    }
)


def protocols(**more: object) -> pd.DataFrame:
    row = {
        "protocol": "P1", "what": "site north", "known_from": "headers", "scans": 6, "n_psp": 3,
        "n_hc": 3, "another_sequence": 1, "lambda_applied": 0.5, "lambda_estimate": 0.5,
        "lambda_low": 0.2, "lambda_high": 0.8, "p_gain": 0.99, "dof": 4, "reason": "",
        "raw_sd": 0.1, "calibrated_sd": 0.05, "calibrated_over_raw": 0.5,
    }  # fmt: skip
    return pd.DataFrame([row | more])


def differences(table: pd.DataFrame, slopes: dict[str, float] | None = None) -> pd.DataFrame:
    return differences_of(PEOPLE, PEOPLE["participant_id"].tolist(), table, slopes)


def differences_of(
    people: pd.DataFrame, members: list[str], table: pd.DataFrame,
    slopes: dict[str, float] | None = None,
) -> pd.DataFrame:  # fmt: skip
    return anchor_differences(
        people, table, {"a": ("psp", "hc")}, {"a": members}, {"a": slopes or {}}
    )


def test_who_is_left_out_of_the_contrast_is_out_of_the_anchors_difference():
    odd = PEOPLE.iloc[[0, 0]].assign(
        participant_id=["flagged", "elsewhere"], fluid=3.0, another_sequence=["yes", "no"]
    )
    everybody = pd.concat([PEOPLE, odd], ignore_index=True)
    members = [*PEOPLE["participant_id"], "flagged"]
    for table in (protocols(), protocols(lambda_applied=0.0)):
        pd.testing.assert_frame_equal(differences_of(everybody, members, table), differences(table))


def test_the_anchors_difference_and_what_is_carried():
    row = differences(protocols(), {"anchor": 0.07}).iloc[0]
    assert np.isclose(row["difference"], 10.0)
    assert np.isclose(row["se"], 100 * np.sqrt(2 * 0.02**2 / 3))
    assert np.isclose(row["carried"], -5.0) and row["slope"] == 0.07


def test_where_nothing_is_taken_out_the_difference_may_carry_gain_of_its_own_sign():
    table = protocols(lambda_applied=0.0, lambda_estimate=0.3, reason="P(gain) is 0.40")
    row = differences(table).iloc[0]
    assert np.isclose(row["carried"], 3.0) and np.isnan(row["slope"])
    (said,) = warnings("eb_gain", table, differences(table))
    assert "gain is not corrected there" in said and " 3.0 % of the difference" in said
    assert "CSF and not gain" not in said


def test_a_raw_contrast_shifts_by_what_is_said_to_be_carried():
    """One group has 20 % more gain, none of it is taken out, and lambda is 1."""
    rng = np.random.default_rng(0)
    gain = np.r_[rng.normal(0.2, 0.1, 500), rng.normal(0.0, 0.1, 500)]
    people = pd.DataFrame(
        {"participant_id": [str(k) for k in range(1000)], "group": ["psp"] * 500 + ["hc"] * 500,
         "protocol": "P1", "fluid": gain - 1, "another_sequence": "no"}
    )  # fmt: skip
    table = protocols(lambda_applied=0.0, lambda_estimate=1.0)
    found = differences_of(people, people["participant_id"].tolist(), table).iloc[0]
    log_ratio = 0.4 + gain
    assert np.isclose(found["carried"], 100 * (log_ratio[:500].mean() - log_ratio[500:].mean()))


def test_any_calibration_that_widens_the_spread_is_warned_of():
    wide = protocols(calibrated_over_raw=6.2)
    assert "multiplies the SD" in warnings("mrtool_style", wide, pd.DataFrame())[0]
    assert "by 6.2" in warnings("mrtool_style", wide, pd.DataFrame())[0]
    little = warnings("eb_gain", protocols(calibrated_over_raw=1.02), pd.DataFrame())
    assert "by 1.02; compare calibration=none" in little[0]
    assert warnings("eb_gain", protocols(calibrated_over_raw=1.0), pd.DataFrame()) == []
    unknown = protocols(calibrated_over_raw=float("nan"))
    assert warnings("mrtool_style", unknown, pd.DataFrame()) == []


def test_a_difference_of_the_anchor_is_warned_of_above_two_percent():
    said = warnings("eb_gain", protocols(), differences(protocols()))
    assert len(said) == 1 and "10.0 %" in said[0]
    small = differences(protocols(lambda_applied=0.1))
    assert warnings("eb_gain", protocols(), small) == []


def test_every_kind_has_its_tables():
    people = PEOPLE.assign(
        another_sequence=["no"] * 5 + ["yes"], fluid=[np.nan, *PEOPLE["fluid"][1:]]
    )
    own = calibration_section("eb_gain", protocols(), people, differences(protocols()), "log")
    assert any("CSF of 1 person could not be measured" in said for said in own.sentences)
    captions = [table.caption for table in own.tables]
    assert captions == [
        "Protocols", "Gain by protocol", "SD between people", "CSF anchor by contrast",
        "Another sequence?",
    ]  # fmt: skip
    assert "logarithm" in own.methods[0] and own.limits
    other = calibration_section("none", protocols(), PEOPLE, pd.DataFrame(), "ratio")
    assert "gain was not corrected" in other.sentences[1] and not other.methods
