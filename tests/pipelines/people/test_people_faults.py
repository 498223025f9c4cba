"""What of a participants table is refused in one line, and what only looks as if it were wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest
from participant_tables import cohort, table

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.contrasts.group_design import build
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.contrasts.results import design_table
from rt1t2_dask.pipelines.people.faults import is_age, people_faults
from rt1t2_dask.pipelines.people.notes import _few_numbers
from rt1t2_dask.pipelines.people.read import columns_read
from rt1t2_dask.pipelines.people.table import chosen_people
from rt1t2_dask.stats.glm.effect_sizes import effect_size_of
from rt1t2_dask.yaml_values import as_yaml

GROUP = ["1", "1", "1", "0", "0", "0"]


def design_of(rows: pd.DataFrame, **form):
    whole = {"test": "two_sample", "groups": ["pat", "hc"]} | form
    own = cohort(contrasts={"a": {name: value for name, value in whole.items() if value}})
    return build(own.every_contrast()["a"], chosen_people(rows, own), "hc")


def test_people_without_a_block_are_no_block():
    rows = table(group=GROUP, fam=["x", "n/a", "y", "x", "", "y"])
    said = r"block fam is missing for 2 of 6 participants \(sub-01, sub-04\).*cohort.exclude"
    with pytest.raises(UserError, match=said):
        design_of(rows, block="fam")
    assert set(design_of(rows.fillna("z"), block="fam").blocks) == {"x", "y", "z"}


def test_a_pair_that_is_missing_is_named_by_its_column():
    rows = table(group=GROUP, couple=["1", "2", "3", "1", "n/a", "3"])
    with pytest.raises(UserError, match=r"pair couple is missing for 1 of 6 .*\(sub-04\)"):
        design_of(rows, test="paired", pair="couple")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"covariates": ["cat"], "categorical": ["Cat"]}, "cohort.categorical uses Cat, which is"),
        ({"categorical": ["nope"]}, "cohort.categorical uses nope, which is not a column"),
        ({"onset_column": "strat"}, "cohort.onset_column uses strat, which is not a column"),
        ({"site_column": "centre"}, "cohort.site_column centre is missing for 1 of 6 participants"),
    ],
)
def test_a_name_that_is_no_column_and_a_site_that_is_missing_are_one_line(more, said):
    rows = table(group=GROUP, cat=list("123123"), centre=["a", "b", "n/a", "a", "b", "a"])
    [fault] = people_faults(rows, cohort(**more))
    assert said in fault
    assert people_faults(rows, cohort(covariates=["cat"], categorical=["cat"])) == []


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1,234", "1,500", "2,000"] * 2, "(1,234 may be 1234 or 1.234)"),
        (["1.234,5", "1.500,5", "2.000,0"] * 2, "dose='1.234,5' in row 2 (sub-00)"),
        (["1 000", "2 000", "n/a"] * 2, "dose='1 000' in row 2 (sub-00)"),
        (["5%", "10 %", "20%"] * 2, "dose='5%' in row 2 (sub-00)"),
        (["1,234", "unknown", "2,000"] * 2, "or list the column in cohort.categorical"),
    ],
)
def test_numbers_that_cannot_be_read_are_never_levels(cells, said):
    rows = table(group=GROUP, dose=cells)
    [fault] = people_faults(rows, cohort(covariates=["dose"]))
    assert said in fault
    assert people_faults(rows, cohort(covariates=["dose"], categorical=["dose"])) == []


@pytest.mark.parametrize(
    "levels", [("3T", "1.5T"), ("18-25", "26-35"), ("<65", "65+"), ("v1.2.3", "1.2.3"), ("a1", "2")]
)
def test_levels_with_digits_stay_levels(levels):
    rows = table(group=GROUP, kind=[*levels, levels[0]] * 2)
    if levels[1] == "2":  # some numbers and some words are no column of either
        assert people_faults(rows, cohort(covariates=["kind"]))
    else:
        assert people_faults(rows, cohort(covariates=["kind"])) == []


@pytest.mark.parametrize(
    ("one", "other"), [("1-12", "11-2"), ("1_12", "11_2"), ("1.05", "1.5"), ("10.01", "10.1")]
)
def test_two_levels_are_two(one, other):
    rows = table(group=GROUP, kind=[one, other, "x"] * 2)
    assert people_faults(rows, cohort(covariates=["kind"], categorical=["kind"])) == []


@pytest.mark.parametrize(("one", "other"), [("site 1", "Site1"), ("A-b", "ab"), ("3 T", "3T")])
def test_one_level_in_two_ways_is_refused(one, other):
    rows = table(group=GROUP, kind=[one, other, "x"] * 2)
    [fault] = people_faults(rows, cohort(covariates=["kind"]))
    assert "spells one level in several ways" in fault


@pytest.mark.parametrize("column", ["couple", "block", "family_id"])
def test_pairs_blocks_and_families_are_as_written(column):
    form = {"test": "paired", "groups": ["pat", "hc"], "pair": "couple", "block": "block"}
    rows = table(group=GROUP, couple=list("123123"), block=list("123123"), family_id=list("123123"))
    rows[column] = ["01", "1", "A", "01", "1", "a"]
    own = cohort(contrasts={"a": form | {"covariates": ["family_id"]}})
    assert people_faults(rows, own) == []


@pytest.mark.parametrize(
    "column",
    ["age_at_scan_centred", "age_bl_z", "age_years_sq", "age_years2", "ageAtScan_Z", "age_scan_c"],
)
def test_what_is_computed_from_ages_is_no_age(column):
    rows = table(group=GROUP, **{column: ["-3.1", "0", "900.5", "-9", "12", "1"]})
    assert people_faults(rows, cohort(covariates=[column])) == []


@pytest.mark.parametrize(
    "column", ["age", "age_at_scan", "age_years", "age_at_visit_2", "ageAtMRI"]
)
def test_ages_are_ages(column):
    assert is_age(column)


@pytest.mark.parametrize(
    ("cell", "value"), [("010", "8"), ("1e3", "1000.0"), ("1.10", "1.1"), ("0x1F", "31")]
)
def test_a_group_that_yaml_changes_is_to_be_quoted(cell, value):
    rows = table(group=[cell, cell, "0", "0"])
    [fault] = people_faults(rows, cohort(groups={"pat": value, "hc": "0"}))
    assert f"YAML reads {cell} as {value}; write the value in quotes" in fault
    assert value in as_yaml(cell)


def test_words_are_what_they_are_in_yaml():
    assert as_yaml("PSP") == as_yaml("a: [") == as_yaml("1") - {"1.0"} == set()


@pytest.mark.parametrize(
    "more", [{"covariates": ["group"]}, {"adjusted": ["group"]},
             {"contrasts": {"a": {"test": "regression", "of": "group"}}}],
)  # fmt: skip
def test_group_means_the_groups_alone(more):
    with pytest.raises(ValueError, match=r"cannot use the column group of participants\.tsv"):
        cohort(group_column="dx", **more)
    cohort(**more)


def test_a_few_whole_numbers_are_pointed_at():
    rows = table(group=GROUP, ward=list("123123"), arm=list("121212"), iq=["90.5", *"12345"])
    own = cohort(covariates=["ward", "arm", "iq"])
    [note] = _few_numbers(rows, own)
    assert note.startswith("column ward is numeric and has only 1, 2, 3")
    read = columns_read(chosen_people(rows, own), own).set_index("column")["read_as"]
    assert read[["ward", "arm", "iq"]].tolist() == ["number"] * 3


COVARIATES = {"row": list("13254687"), "pat": list("21364578"), "difference": list("61425387")}


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ({"covariates": ["row", "pat"]}, ("pat", "hc", "covariate:row", "covariate:pat")),
        (
            {"test": "one_sample", "groups": None, "group": "hc", "covariates": ["difference"]},
            ("mean", "covariate:difference"),
        ),
        ({"test": "regression", "groups": None, "of": "row"}, ("pat", "hc", "covariate:row")),
    ],
)
def test_covariates_are_never_called_as_columns_of_the_design(form, names):
    rows = table(group=["1", "1", "1", "0", "0", "0", "0", "0"], **COVARIATES)
    design = design_of(rows, **form)
    assert design.names == names
    people = tuple(rows["participant_id"])
    shown = design_table(cast(ContrastPlan, SimpleNamespace(design=design, people=people)))
    assert shown.columns.tolist() == ["participant_id", "row", "group", *names]
    assert effect_size_of(design) == ("partial_r" if form.get("of") else "g")
