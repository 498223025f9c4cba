"""lake=publish gives others the parts, what opens as a study, and one dataset."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from rt1t2_dask import open_study
from rt1t2_dask.cli.command_line import command
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.provenance import write_run


def published(finished_maps, to, *more):
    return command(["lake=publish", f"storage.url={finished_maps / 'lake'}", f"to={to}", *more])


@pytest.fixture(scope="module")
def place(finished_maps, tmp_path_factory):
    to = tmp_path_factory.mktemp("published") / "place"
    assert published(finished_maps, to) == 0
    return to


def test_the_dataset_is_the_study(place, finished_maps):
    study, dataset = open_study(finished_maps / "out"), xr.open_zarr(place / "small.zarr")
    assert set(dataset) == {"ratio", "smoothed", "regions"}
    np.testing.assert_array_equal(dataset["smoothed"], study.maps()["smoothed"])
    np.testing.assert_array_equal(dataset["ratio"], study.maps("ratio")["ratio"])
    np.testing.assert_array_equal(dataset["regions"], study.regions)
    assert dataset["region"].to_numpy().tolist() == study.regions["region"].to_numpy().tolist()
    for name in ("participant", "group", "age", "sex", "used"):
        assert dataset[name].to_numpy().tolist() == study.maps()[name].to_numpy().tolist()
    for name in "xyz":
        np.testing.assert_array_equal(dataset[name], study.maps()[name])
    assert dataset.attrs["simulated"] is False
    assert dataset.attrs["space"] == "MNI152NLin2009aSym"
    assert str(finished_maps) not in json.dumps(dataset.attrs)
    one = dataset.sel(participant="sub-02").sel(z=10, method="nearest")
    assert one["smoothed"].shape == (39, 33)


def test_contrasts_are_groups_of_it(place, finished_maps):
    own = open_study(finished_maps / "out").contrasts["patVsHc"].maps
    found = xr.open_zarr(place / "small.zarr", group="contrasts/patVsHc")
    assert set(found) == set(own)
    for name in own:
        np.testing.assert_array_equal(found[name], own[name])


def test_the_place_opens_as_a_study_without_names_of_files(place, finished_maps):
    study, own = open_study(place, cohort="small"), open_study(finished_maps / "out")
    xr.testing.assert_equal(study.maps().drop_vars("part"), own.maps().drop_vars("part"))
    assert {"inputs", "failures"}.isdisjoint(study.tables)
    kept = json.loads(next(place.glob("runs/small/*/provenance.json")).read_text())
    assert "inputs" not in kept
    assert not [path for path in place.rglob("*") if "sub-" in path.name]


def test_forms_and_stages_do_what_they_say(finished_maps, tmp_path, capsys):
    assert published(finished_maps, tmp_path / "alone", "form=dataset") == 0
    said = capsys.readouterr().out
    assert f'xarray.open_zarr("{tmp_path / "alone"}/small.zarr")' in said
    assert [path.name for path in (tmp_path / "alone").iterdir()] == ["small.zarr"]
    assert published(finished_maps, tmp_path / "some", "stages=smooth") == 0
    assert not (tmp_path / "some" / "small.zarr").exists()
    assert Lake(str(tmp_path / "some")).complete_keys("smooth")
    assert published(finished_maps, tmp_path / "no", "form=dataset", "stages=smooth") == 2
    assert published(finished_maps, tmp_path / "no", "form=nonsense") == 2
    assert "choose from lake, dataset, icechunk" in capsys.readouterr().err


def test_a_run_that_is_not_finished_has_no_dataset(finished_maps, tmp_path, capsys):
    lake = tmp_path / "lake"
    shutil.copytree(finished_maps / "lake", lake)
    next(lake.glob("runs/small/*/provenance.json")).unlink()
    words = ["lake=publish", f"storage.url={lake}", f"to={tmp_path / 'to'}"]
    assert command(words) == 0
    assert "no dataset, since the run is not finished" in capsys.readouterr().out
    assert not (tmp_path / "to" / "small.zarr").exists()
    assert command([*words, "form=dataset"]) == 2
    assert "run the study to its end" in capsys.readouterr().err


def test_of_several_runs_the_finished_one_is_published(finished_maps, tmp_path, capsys):
    shutil.copytree(finished_maps / "lake", tmp_path / "lake")
    lake = Lake(str(tmp_path / "lake"))
    write_run(lake, "small", "stopped", {"parts": {}})
    words = ["lake=publish", f"storage.url={tmp_path / 'lake'}", "form=dataset"]
    assert command([*words, f"to={tmp_path / 'to'}"]) == 0
    assert (tmp_path / "to" / "small.zarr" / "zarr.json").exists()
    write_run(lake, "small", "another", {"parts": {}})
    lake.store.write("runs/small/another/provenance.json", b"{}")
    capsys.readouterr()
    assert command([*words, f"to={tmp_path / 'other'}"]) == 2
    said = capsys.readouterr().err
    assert said.count("(finished)") == 2
    assert "run=stopped." in said


def test_a_refusal_comes_before_anything_is_written(finished_maps, tmp_path, capsys):
    theirs = tmp_path / "to" / "small.zarr" / "dear.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("dear")
    for more in ((), ("form=dataset",)):
        assert published(finished_maps, tmp_path / "to", *more) == 2
        said = capsys.readouterr().err.strip()
        assert "\n" not in said
        assert "Choose another place with to=" in said
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [theirs]


def test_columns_of_any_name_are_published_each_under_its_own(finished_maps, tmp_path):
    shutil.copytree(finished_maps / "lake", tmp_path / "lake")
    path = next((tmp_path / "lake").glob("runs/small/*/participants.tsv"))
    table = pd.read_csv(path, sep="\t")
    names = ["ratio", "smoothed", "participant", "a b", "a_b", "c/d", "regions", "label"]
    table = table.assign(**{name: 100 * k + np.arange(13) for k, name in enumerate(names)})
    table.to_csv(path, sep="\t", index=False)
    words = ["lake=publish", f"storage.url={tmp_path / 'lake'}", f"to={tmp_path / 'to'}"]
    assert command([*words, "form=dataset"]) == 0
    found = xr.open_zarr(tmp_path / "to" / "small.zarr")
    taken = {"a b": "participant_a_b", "a_b": "a_b", "c/d": "c_d"}
    for name in names:
        shown = taken.get(name, f"participant_{name}")
        assert found[shown].to_numpy().tolist() == table[name].tolist()
    assert found["ratio"].dims == ("participant", "z", "y", "x")
    assert found["participant"].to_numpy().tolist() == table["participant_id"].tolist()


def test_a_published_cohort_is_grouped_once_its_columns_are_read(place, finished_maps):
    cohort = xr.open_zarr(place / "small.zarr")
    cohort.coords.to_dataset().load()
    means = cohort["smoothed"].groupby("group").mean("participant")
    own = open_study(finished_maps / "out").maps()["smoothed"]
    np.testing.assert_allclose(means, own.groupby("group").mean("participant"), rtol=1e-5)
    patients = cohort.where(cohort["group"] == "pat", drop=True)
    assert patients.sizes["participant"] == 6
