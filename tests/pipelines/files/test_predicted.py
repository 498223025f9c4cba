"""A plan reads no scan whole: what it predicts of people and files, and what it still tells."""

from __future__ import annotations

import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.pipelines.files import predicted
from rt1t2_dask.pipelines.people.inputs import find_inputs
from rt1t2_dask.pipelines.people.table import chosen_people, read_people


def test_people_and_files_of_a_simulation_are_known_before_it(tmp_path):
    root = tmp_path / "simulated"
    config = _configure(Job(("+cohort=psp", f"source.root={root}", "source.groups.PSP.n=3",
                             "source.groups.PSP.n_male=1")))  # fmt: skip
    table = predicted.predicted_table(config)
    assert table.to_simulate == len(table.rows) == predicted.to_simulate(config)
    people = chosen_people(table.rows, config.cohort)
    assert (people["group"] == "psp").sum() == 3
    found = predicted.predicted_files(config, people, table.to_simulate)
    assert set(found.files) == set(people["participant_id"])
    assert all({"t1w", "t2w"} <= set(own) for own in found.files.values())
    assert found.reasons == {}
    assert not root.exists()


def test_files_are_those_of_the_run_by_other_sums(dataset, configure, tmp_path):
    dataset()
    config = configure(f"storage.url={tmp_path / 'lake'}")
    people = read_people(config)
    assert predicted.to_simulate(config) == 0
    assert predicted.predicted_table(config).rows["participant_id"].tolist() == (
        people["participant_id"].tolist()
    )
    run, plan = find_inputs(config, people), predicted.predicted_files(config, people, 0)
    assert list(plan.files) == list(run.files)
    for label, own in run.files.items():
        assert {r: f.path for r, f in plan.files[label].items()} == {
            r: f.path for r, f in own.items()
        }


@pytest.mark.parametrize("lake", ["lake", "lake-that-cannot-be"])
def test_one_scan_of_two_people_is_told_in_the_plan(dataset, configure, tmp_path, lake):
    root = dataset()
    (tmp_path / "lake-that-cannot-be").write_text("a file, no folder")
    scan = (root / "sub-00/anat/sub-00_T1w.nii.gz").read_bytes()
    (root / "sub-02/anat/sub-02_T1w.nii.gz").write_bytes(scan)
    config = configure(f"storage.url={tmp_path / lake}")
    people = pd.DataFrame(read_people(config))
    plan = predicted.predicted_files(config, people, 0)
    assert sorted(plan.reasons) == ["sub-00", "sub-02"]
    assert sorted(plan.files) == ["sub-01", "sub-03"]
