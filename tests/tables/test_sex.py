"""Sex by words and codes, one reader for covariates and demographics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask import sex


def parsed(*cells) -> list[str | None]:
    found, _ = sex.parse(pd.Series(cells, dtype=object))
    return [None if pd.isna(value) else value for value in found]


def test_seven_spellings_are_two_sexes():
    assert parsed("m", "M", "male", "Männlich", "homme", "varón", "man") == ["M"] * 7
    assert parsed("f", "W", "Female", "weiblich", "femme", "mujer", "vrouw") == ["F"] * 7
    assert parsed("divers", "o", "unknown", "n.a.") == ["O", "O", None, None]


@pytest.mark.parametrize("codes", [("0", "1"), ("1", "2"), ("1.0", "0.0"), (1.0, 0.0)])
def test_codes_are_ambiguous_unless_a_sidecar_explains_them(codes):
    values = pd.Series(codes, dtype=object)
    found, unread = sex.parse(values)
    assert found.isna().all()
    assert unread.all()
    levels = {str(codes[0]): "male participant", str(codes[1]): {"Description": "Female"}}
    if isinstance(codes[0], str):
        assert sex.parse(sex.with_levels(values, levels))[0].tolist() == ["M", "F"]


@pytest.mark.parametrize("letters", [("m", "v"), ("h", "m")])
def test_single_letters_of_other_languages_are_ambiguous(letters):
    """m is a man in Dutch m/v and a woman in Spanish h/m."""
    assert parsed(*letters) == [None, None]
    assert parsed("man", *letters) == ["M", None, None]


def test_levels_that_name_no_one_sex_change_nothing():
    values = pd.Series(["1", np.nan, "M"], dtype=object)
    levels = {"1": "male or female", "M": "as stated", "2": None}
    assert sex.with_levels(values, levels).tolist()[0::2] == ["1", "M"]


@pytest.mark.parametrize(
    ("cells", "levels"),
    [
        (("1", "2"), {"1": "M", "2": "F"}),
        (("1.0", "2.0"), {"1": "male", "2": {"Description": "female"}}),
        (("1", "2"), {"01": "m", "2.0": "w"}),
        (("0", "1"), {"0": "Male", "1": "f"}),
    ],
)
def test_levels_are_described_by_letters_too_and_codes_are_numbers(cells, levels):
    values = sex.with_levels(pd.Series(cells, dtype=object), levels)
    assert sex.parse(values)[0].tolist() == ["M", "F"]


def test_letters_of_levels_are_ambiguous_as_those_of_cells_are():
    values = pd.Series(["1", "2"], dtype=object)
    assert sex.with_levels(values, {"1": "H", "2": "M"}).tolist() == ["1", "2"]


def test_missing_is_not_unread():
    found, unread = sex.parse(pd.Series([np.nan, "u", "?"], dtype=object))
    assert found.isna().all()
    assert not unread.any()
