"""Covariates that the participants table lacks and the images have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.config.image_numbers import IMAGE_NUMBERS, VOLUMES
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import COVARIATE, Person
from rt1t2_dask.pipelines.quality.covariates import STAGE_OF, until_known, with_image_numbers
from rt1t2_dask.pipelines.quality.table import IN_RATIO
from rt1t2_dask.storage.parts import Lake, Part

SCANS = (
    "source.voxel_mm=4", "source.groups.PSP.n=4", "source.groups.PSP.n_male=2",
    "source.groups.HC.n=4", "source.groups.HC.n_male=2", "source.groups.PSPS2.n=1",
    "source.groups.PSPS2.n_male=0", "permute.n=0", "receptors.n_permutations=0",
    "receptors.spatial=none", "report.figures=false", "report.mosaics=0",
    "partial_volume.covariate=none", "absence.tests=false", "cluster=synchronous",
)  # fmt: skip


def test_every_number_is_one_of_the_quality_table_and_none_is_the_level_of_the_ratio():
    assert {*IMAGE_NUMBERS} - {"grey_share"} <= {*STAGE_OF}
    assert not {*IMAGE_NUMBERS} & {*IN_RATIO}
    assert {*VOLUMES} <= {*IMAGE_NUMBERS}


def plan_of(lake: Lake, label: str, **records) -> PersonPlan:
    tasks = {}
    for stage, record in records.items():
        part = Part(stage, f"{abs(hash((label, stage))):032x}"[:32])
        lake.write(part, EMPTY, record=record)
        tasks[stage] = Task(stage, part, {}, {}, {}, {})
    return PersonPlan(Person(label, "a"), tasks)


EMPTY = xr.Dataset()


def test_numbers_come_from_the_records_of_each_person(tmp_path):
    lake = Lake(str(tmp_path))
    one = plan_of(
        lake, "sub-1", brain={"brain_ml": 1500.0}, ingest={"lesion_ml": 12.0},
        tissue={"grey_ml": 600.0, "white_ml": 500.0, "csf_ml": 400.0},
    )  # fmt: skip
    other = plan_of(lake, "sub-2", brain={"brain_ml": 1300.0}, ingest={})
    people = pd.DataFrame({"participant_id": ["sub-2", "sub-1", "sub-3"]})
    found = with_image_numbers(lake, people, [one, other], ["brain_ml", "lesion_ml"])
    assert found[COVARIATE + "brain_ml"].tolist()[:2] == [1300.0, 1500.0]
    assert found[COVARIATE + "lesion_ml"].tolist()[:2] == [0.0, 12.0]
    assert found.loc[2].isna().sum() == 2
    share = with_image_numbers(lake, people, [one], ["grey_share"])
    assert share[COVARIATE + "grey_share"][1] == pytest.approx(0.4)
    with pytest.raises(UserError, match="no such number"):
        with_image_numbers(lake, people, [other], ["grey_ml"])


def test_stand_ins_are_no_combination_of_each_other():
    people = pd.DataFrame({"participant_id": [f"sub-{k}" for k in range(9)]})
    known = until_known(people, ["brain_ml", "lesion_ml"])
    values = known[[COVARIATE + "brain_ml", COVARIATE + "lesion_ml"]].to_numpy()
    assert np.linalg.matrix_rank(np.column_stack([np.ones(9), values])) == 3


@pytest.mark.heavy
def test_a_study_holds_the_volume_of_each_brain(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["+cohort=psp", *SCANS, "cohort.covariates=[brain_ml]"]
    assert command([*words, "check=true"]) == 0
    assert "covariates from the images" in capsys.readouterr().out
    assert command([*words, "stage=contrast", "part=1"]) == 2
    assert "come from the images" in capsys.readouterr().err
    assert command(words) == 0
    group = tmp_path / "outputs" / "psp" / "group"
    design = pd.read_csv(group / "contrast-pspVsHc_design.tsv", sep="\t")
    quality = pd.read_csv(group / "quality.tsv", sep="\t").set_index("participant_id")
    table = pd.read_csv(tmp_path / "outputs" / "psp" / "participants.tsv", sep="\t")
    known = quality["brain_ml"].reindex(table["participant_id"]).to_numpy()
    np.testing.assert_allclose(table["brain_ml"], known)
    rows = design["brain_ml"][:-1].astype(float)
    np.testing.assert_allclose(rows, known - known.mean(), rtol=1e-6)
    assert command(words) == 0


@pytest.mark.parametrize("word", ["", "check=true"])
def test_maps_have_no_such_numbers(maps_study, maps_arguments, capsys, tmp_path, word):
    maps_study()
    words = [*maps_arguments, "cohort.covariates=[brain_ml]", *([word] if word else [])]
    assert command(words) == 2
    said = capsys.readouterr()
    assert "numbers of the images need scans" in said.err + said.out
    assert not (tmp_path / "lake" / "parts" / "map").exists()


def test_tissue_cannot_be_held_in_contrasts_of_maps(maps_study, maps_arguments, capsys):
    maps_study()
    assert command([*maps_arguments, "partial_volume.covariate=grey"]) == 2
    assert "needs scans" in capsys.readouterr().err


@pytest.mark.parametrize("setting", ["absence.g", "absence.width", "contrast.extent_mm3"])
def test_no_setting_is_infinite(maps_study, maps_arguments, capsys, setting):
    maps_study()
    assert command([*maps_arguments, f"{setting}=.inf"]) == 2
    assert setting in capsys.readouterr().err
