"""Contrasts with age and sex held beside their own, from the command line."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.config.contrasts import Paired, Regression, TwoSample
from rt1t2_dask.pipelines.adjusted.demographics import to_hold

QUICK = (
    "permute.n=0", "receptors.n_permutations=0", "receptors.spatial=none", "report.mosaics=0",
    "report.age_and_sex=true", "absence.tests=false", "contrast.variance=equal",
    "contrast.extent_mm3=0",
)  # fmt: skip


def test_the_table_has_both_effects(maps_study, maps_arguments, tmp_path):
    root, maps = maps_study()
    assert command([*maps_arguments, *QUICK]) == 0
    group = tmp_path / "out" / "group"
    rows = pd.read_csv(group / "contrast-patVsHc_age_and_sex.tsv", sep="\t")
    clusters = pd.read_csv(group / "contrast-patVsHc_clusters.tsv", sep="\t")
    assert rows["volume_mm3"].tolist() == clusters["volume_mm3"].tolist()
    largest = rows["volume_mm3"].idxmax()
    people = pd.read_csv(root / "participants.tsv", sep="\t")
    voxel = voxel_of(group, clusters.loc[largest])
    wanted = adjusted_t(maps[(slice(None), *voxel)], people)
    assert rows["peak_t_adjusted"][largest] == pytest.approx(wanted, rel=1e-4)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "With age and sex held" in page
    keys = json.loads((tmp_path / "out" / "provenance.json").read_text())["group_parts"]
    assert set(keys["age_and_sex"]) == {"patVsHc"}


@pytest.mark.heavy
def test_an_f_has_no_effect_and_does_not_fail(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study(n_patients=6, n_controls=10)
    table = pd.read_csv(root / "participants.tsv", sep="\t")
    table.loc[12:, "group"] = "T"
    table.to_csv(root / "participants.tsv", sep="\t", index=False)
    anova = "+cohort.contrasts.any={test: anova, groups: [pat, hc, third]}"
    words = ["+cohort.groups.third=T", anova, "~cohort.contrasts.patVsHc"]
    assert command([*maps_arguments, *QUICK, *words]) == 0
    path = tmp_path / "out" / "group" / "contrast-any_age_and_sex.tsv"
    rows = pd.read_csv(path, sep="\t", na_values="n/a")
    assert len(rows)
    assert rows[["effect", "effect_adjusted"]].isna().all(axis=None)
    assert rows["peak_t_adjusted"].notna().all()


def voxel_of(group, row):
    image = nib.load(group / "contrast-patVsHc_stat-t_statmap.nii.gz")
    peak = [row[f"peak_{axis}_mm"] for axis in "xyz"]
    return tuple(np.rint(np.linalg.inv(image.affine) @ [*peak, 1])[:3].astype(int))


def adjusted_t(values, people):
    patient = (people["group"] == "P").astype(float)
    male = (people["sex"] == "M").astype(float)
    matrix = sm.add_constant(np.column_stack([patient, people["age"], male]))
    return sm.OLS(values.astype(float), matrix).fit().tvalues[1]


@pytest.mark.heavy
def test_switched_off_there_is_none(lake_before, maps_study, maps_arguments, tmp_path):
    maps_study()
    assert command([*maps_arguments, *QUICK, "report.age_and_sex=false"]) == 0
    assert not list((tmp_path / "out" / "group").glob("*age_and_sex*"))


@pytest.mark.heavy
def test_an_unknown_age_is_a_note_and_no_failure(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study()
    table = pd.read_csv(root / "participants.tsv", sep="\t", dtype=str)
    table.loc[2, "age"] = "n/a"
    table.to_csv(root / "participants.tsv", sep="\t", index=False)
    assert command([*maps_arguments, *QUICK]) == 0
    assert "is not shown with age and sex held" in (tmp_path / "out" / "report.html").read_text()
    assert not list((tmp_path / "out" / "group").glob("*age_and_sex*"))


ROWS = pd.DataFrame({"group": ["a", "a", "b"], "age": [1.0, 2.0, 3.0], "sex": ["M", "M", "M"]})


@pytest.mark.parametrize(
    ("form", "held"),
    [
        (TwoSample(groups=("a", "b")), ("age",)),
        (TwoSample(groups=("a", "b"), covariates=("Age",)), ()),
        (Regression(test="regression", of="age", within=("a", "b")), ()),
        (Paired(test="paired", groups=("a", "b"), pair="pair"), ()),
    ],
)
def test_only_what_varies_and_is_not_there_is_held(form, held):
    assert to_hold(form, ROWS) == held
