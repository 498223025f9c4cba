"""From the participants table to the people of a study: kinds, levels, and what they decide."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from participant_tables import cohort, table
from scipy import stats

from rt1t2_dask.config.sites import with_site
from rt1t2_dask.pipelines.contrasts.group_design import build
from rt1t2_dask.pipelines.people.faults import people_faults
from rt1t2_dask.pipelines.people.table import chosen_people, shown
from rt1t2_dask.pipelines.share.plan import _summed


def three_sites(n: int = 44) -> pd.DataFrame:
    """Patients are rare at site 1 and common at site 3, as recruiting hospitals are."""
    rng = np.random.default_rng(1)
    site = np.repeat([1, 2, 3], [15, 15, 14])
    group = (rng.random(n) < np.array([0.2, 0.75, 0.45])[site - 1]).astype(int)
    return table(group=group.astype(str), site=site.astype(str))


def test_site_codes_are_levels_and_false_positives_are_five_percent():
    people = chosen_people(three_sites(), cohort(site_column="site"))
    form = with_site(
        cohort(site_column="site").every_contrast()["a"], "site", fixed=True, welch=True
    )
    design = build(form, people, "hc")
    assert design.names == ("pat", "hc", "site[2]", "site[3]")
    assert sorted(set(design.blocks)) == ["1", "2", "3"]
    # 4,000 null voxels at which each site has a mean of its own.
    rng = np.random.default_rng(2)
    at = np.array([int(s) - 1 for s in people["covariate:site"]])
    data = rng.normal(size=(len(people), 4000)) + rng.normal(0, 1, (3, 4000))[at]
    assert rate(design.matrix, design.contrast[:, 0], data) == pytest.approx(0.05, abs=0.012)
    linear = np.column_stack([design.matrix[:, :2], at - at.mean()])
    assert rate(linear, design.contrast[:3, 0], data) > 0.15


def rate(matrix, contrast, data) -> float:
    """Share of columns with p < .05, by ordinary least squares."""
    beta, *_ = np.linalg.lstsq(matrix, data, rcond=None)
    dof = len(matrix) - matrix.shape[1]
    spread = ((data - matrix @ beta) ** 2).sum(axis=0) / dof
    variance = contrast @ np.linalg.inv(matrix.T @ matrix) @ contrast
    t = contrast @ beta / np.sqrt(spread * variance)
    return float(np.mean(2 * stats.t.sf(np.abs(t), dof) < 0.05))


@pytest.mark.parametrize("column", ["site", "Site", "scanner", "centre", "site_id"])
def test_a_covariate_that_names_a_place_is_levels_without_a_word(column):
    rows = three_sites().rename(columns={"site": column})
    people = chosen_people(rows, cohort(covariates=[column]))
    assert sorted(set(people[f"covariate:{column}"])) == ["1", "2", "3"]


def test_pairs_and_blocks_are_text_as_written():
    form = {"test": "paired", "groups": ["pat", "hc"], "pair": "couple", "block": "family"}
    rows = table(
        group=["1", "0", "1", "0", "1", "0"],
        couple=["01", "01", " 1", "1 ", "2", "2"],
        family=["1.0", "1.0", "1", "1", "1", "1"],
    )
    people = chosen_people(rows, cohort(contrasts={"a": form}))
    design = build(cohort(contrasts={"a": form}).every_contrast()["a"], people, "hc")
    assert design.n == 3
    assert design.blocks.tolist() == ["1.0", "1", "1"]


def test_numbers_are_numbers_unless_the_cohort_says_text():
    rows = table(group=["1", "1", "0", "0"], dose=["1", "2", "1", "2"], age=["64,3", "7", "8", "9"])
    people = chosen_people(rows, cohort(covariates=["dose", "age"]))
    assert people["covariate:dose"].tolist() == [1, 2, 1, 2]
    assert people["age"].tolist() == [64.3, 7, 8, 9]
    people = chosen_people(rows, cohort(covariates=["dose"], categorical=["dose"]))
    assert people["covariate:dose"].tolist() == ["1", "2", "1", "2"]


def test_sex_is_read_alike_for_covariates_and_demographics():
    group, sex = ["1", "1", "0", "0", "1", "0"], ["m", "Female", "männlich", "W", "M", "f"]
    rows = table(group=group, sex=sex)
    people = chosen_people(rows, cohort(covariates=["sex"]))
    assert people["sex"].tolist() == people["covariate:sex"].tolist() == list("MFMFMF")
    design = build(cohort(covariates=["sex"]).every_contrast()["a"], people, "hc")
    assert design.names == ("pat", "hc", "sex[M]")


def test_codes_of_sex_are_missing_for_demographics_and_refused_as_a_covariate():
    rows = table(group=["1", "1", "0", "0"], sex=["1", "2", "1", "M"])
    assert people_faults(rows, cohort()) == []
    people = chosen_people(rows, cohort())
    assert people["sex"].isna().tolist() == [True, True, True, False]
    assert "unread:sex" not in shown(people)
    [fault] = people_faults(rows, cohort(covariates=["sex"]))
    assert "sex='1' in row 2 (sub-00) is not understood, 3 such rows" in fault
    assert people_faults(rows, cohort(covariates=["sex"], categorical=["sex"])) == []


def test_onset_is_read_under_the_name_of_its_column():
    rows = table(group=["1", "0"], start=["44.5", "n/a"])
    people = chosen_people(rows, cohort(onset_column="start"))
    assert people["age_at_onset"].tolist()[0] == 44.5
    [fault] = people_faults(rows.assign(start=["44", "late"]), cohort(onset_column="start"))
    assert "start='late' in row 3 (sub-01) is not a number" in fault


def test_pairs_and_blocks_are_no_columns_of_shared_sums():
    forms = {
        "a": {"test": "paired", "groups": ["pat", "hc"], "pair": "couple"},
        "b": {"test": "two_sample", "groups": ["pat", "hc"], "block": "family"},
    }
    assert _summed(cohort(contrasts=forms, covariates=["age"])) == ["age"]
    assert _summed(cohort(contrasts=forms, covariates=["age", "family"])) == ["age", "family"]
