"""All that is shown decides whether the output folder is written again, and so does its code."""

from __future__ import annotations

import logging

import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.pipelines.analyses import ANALYSES
from rt1t2_dask.pipelines.analysis import GroupPlan
from rt1t2_dask.pipelines.engine.code import reached
from rt1t2_dask.pipelines.outputs.image_study import FinishedImages

QUICK = [
    *("permute.n=0", "receptors.n_permutations=0", "receptors.spatial=none"),
    *("report.mosaics=0", "report.slices=[]", "report.threshold_sensitivity=false"),
]


@pytest.mark.parametrize(
    "module",
    ["receptors.table", "stats.demographics", "report.page", "pipelines.contrasts.results"],
)
def test_the_key_follows_the_imports_of_the_writers(module):
    group = GroupPlan(tuple(object.__new__(kind) for kind in ANALYSES))
    study = FinishedImages(None, None, group)
    assert f"rt1t2_dask.{module}" in reached(study.modules())


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_a_corrected_age_reaches_the_output(maps_study, maps_arguments, tmp_path, caplog):
    root, _ = maps_study()
    caplog.set_level(logging.INFO)
    assert command([*maps_arguments, *QUICK]) == 0
    demographics = tmp_path / "out" / "group" / "demographics.tsv"
    before = demographics.read_text()
    table = pd.read_csv(root / "participants.tsv", sep="\t")
    table.loc[0, "age"] += 7
    table.to_csv(root / "participants.tsv", sep="\t", index=False)
    caplog.clear()
    assert command([*maps_arguments, *QUICK]) == 0
    assert demographics.read_text() != before
    assert "nothing to do" not in caplog.text
    assert command([*maps_arguments, *QUICK]) == 0
    assert "nothing to do" in caplog.text
