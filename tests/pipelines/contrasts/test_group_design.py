"""From a contrast of a cohort file to a design and its words, and through settings and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter

from rt1t2_dask.config.contrasts import AnyForm, Form
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.contrasts.design_settings import (
    DesignSettings,
    as_settings,
    from_settings,
)
from rt1t2_dask.pipelines.contrasts.group_design import build, words
from rt1t2_dask.stats.glm.fit import fit

GROUP = ["pat"] * 5 + ["hc"] * 6 + ["more"] * 4
FORMS = {
    "two": ["pat", "hc"],
    "adjusted": {"test": "two_sample", "groups": ["pat", "hc"], "covariates": ["age", "dose"]},
    "blocks": {"test": "two_sample", "groups": ["pat", "hc"], "block": "site"},
    "pairs": {"test": "paired", "groups": ["pat", "hc"], "pair": "couple"},
    "mean": {"test": "one_sample", "group": "hc", "value": 1.4},
    "any": {"test": "anova", "groups": ["pat", "hc", "more"]},
    "slope": {"test": "regression", "of": "age", "within": ["pat", "hc"]},
    "formula": {"formula": "~ group + age", "of": "group"},
}


def form(said: object) -> Form:
    return TypeAdapter(AnyForm).validate_python(said)


def people() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = len(GROUP)
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{k:02d}" for k in range(n)],
            "group": GROUP,
            "covariate:age": rng.uniform(40, 80, n),
            "covariate:dose": rng.normal(size=n),
            "covariate:site": [f"s{k % 2}" for k in range(n)],
            "covariate:couple": [*"abcde", *"edcbaf", *"wxyz"],
            "covariate:word": ["x"] * n,
        }
    )


def design(said: object, rows: pd.DataFrame | None = None):
    return build(form(said), people() if rows is None else rows, "hc")


@pytest.mark.parametrize("name", FORMS)
def test_a_design_comes_back_from_its_settings(name):
    """Through JSON, as a key is made of it: the same fit, and nobody's label."""
    made = design(FORMS[name])
    settings = as_settings(made).model_dump_json()
    assert "sub-" not in settings
    again = from_settings(DesignSettings.model_validate_json(settings))
    maps = np.random.default_rng(1).normal(size=(len(GROUP), 7))
    first, second = fit(made.observed(maps), made), fit(made.observed(maps), again)
    np.testing.assert_array_equal(first.t, second.t)
    assert (again.names, again.flips, again.q) == (made.names, made.flips, made.q)
    assert again.group.tolist() == made.group.tolist()
    blocks = (None if d.blocks is None else d.blocks.tolist() for d in (made, again))
    assert next(blocks) == next(blocks)


def test_who_takes_part_and_what_is_compared():
    assert design(FORMS["two"]).rows.tolist() == list(range(11))
    assert design(FORMS["two"]).contrast[:, 0].tolist() == [1, -1]
    assert design(FORMS["mean"]).rows.tolist() == list(range(5, 11))
    assert design(FORMS["any"]).q == 2
    slope = design(FORMS["slope"])
    assert slope.names == ("pat", "hc", "age")
    assert slope.contrast[:, 0].tolist() == [0, 0, 1]
    blocks = design(FORMS["blocks"]).blocks
    assert blocks.tolist() == people()["covariate:site"][:11].tolist()


def test_pairs_follow_their_column_and_not_their_order():
    made = design(FORMS["pairs"])
    couple = people()["covariate:couple"]
    assert couple[made.rows].tolist() == couple[made.partner].tolist()
    assert sorted(made.rows.tolist()) == list(range(5))
    assert sorted(made.partner.tolist()) == list(range(5, 10))


@pytest.mark.parametrize("taken", ["group", "row", "mean", "hc", "anchor", "protocol[P2]"])
def test_a_covariate_called_as_a_column_of_the_design_is_marked(taken):
    rows = people().rename(columns={"covariate:dose": f"covariate:{taken}"})
    said = {"test": "two_sample", "groups": ["pat", "hc"], "covariates": [taken, "age"]}
    assert design(said, rows).names == ("pat", "hc", f"covariate:{taken}", "age")


@pytest.mark.parametrize(
    ("name", "column", "row", "said"),
    [
        ("adjusted", "dose", 3, r"dose.*1.*sub-03"),
        ("pairs", "couple", 6, r"couple.*1.*sub-06"),
        ("blocks", "site", 0, r"site.*1.*sub-00"),
    ],
)
def test_whoever_lacks_a_value_is_named_where_they_take_part(name, column, row, said):
    rows = people()
    rows.loc[14, f"covariate:{column}"] = None  # of a third group
    design(FORMS[name], rows)
    rows.loc[row, f"covariate:{column}"] = None
    with pytest.raises(UserError, match=said):
        design(FORMS[name], rows)


def test_a_slope_needs_numbers():
    with pytest.raises(UserError, match="word"):
        design({"test": "regression", "of": "word"})


@pytest.mark.parametrize("name", FORMS)
def test_words_name_the_groups_and_both_directions(name):
    said, own = words(form(FORMS[name])), form(FORMS[name])
    assert all(member in said.title for member in own.members)
    assert bool(said.positive) == bool(said.negative) == (name != "any")
    assert all(covariate in said.title for covariate in own.covariates or ())
