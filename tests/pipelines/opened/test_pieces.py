"""Axes, columns, gains and other studies than those of images, one by one."""

import json
import subprocess
import sys

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from rt1t2_dask import open_study
from rt1t2_dask.cli.command_line import command
from rt1t2_dask.config.study import parse_storage
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.opened.axes import axes
from rt1t2_dask.pipelines.opened.catalogue import catalogue
from rt1t2_dask.pipelines.opened.folder import StudyFolder, read_table
from rt1t2_dask.pipelines.opened.gains import gains
from rt1t2_dask.pipelines.opened.maps import with_gain
from rt1t2_dask.pipelines.opened.people import coordinates, read_people
from rt1t2_dask.pipelines.opened.statistics import maps_of
from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.stores import open_store

SIZES = {"x": 3, "y": 4, "z": 5}


def test_axes_are_world_millimetres_where_the_grid_is_straight():
    affine = np.diag([-2.0, 3, 4, 1])
    affine[:3, 3] = 90, -126, -72
    found = axes(affine, SIZES)
    assert found["x"].to_numpy().tolist() == [90, 88, 86]
    assert found["z"].to_numpy().tolist() == [-72, -68, -64, -60, -56]
    assert all(axis.attrs["units"] == "mm" for axis in found.values())


def test_axes_of_an_oblique_grid_are_distances():
    turned = np.array([[1.2, -1.6, 0, 5], [1.6, 1.2, 0, 5], [0, 0, 3, 5], [0, 0, 0, 1]])
    found = axes(turned, SIZES)
    np.testing.assert_allclose(found["x"], [0, 2, 4])
    assert "oblique" in found["y"].attrs["doc"]


def test_columns_that_are_names_stay_text_and_missing_values_are_told(tmp_path):
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tgroup\tage\tcentre\tband\tz\n"
        "sub-1\t1\t60\t01\t2\t0.5\nsub-2\t2\tn/a\t02\tn/a\t0.25\n"
    )
    folder = StudyFolder(open_store(str(tmp_path)))
    people = read_people(folder, {"site_column": "centre", "categorical": ["band"]})
    found = coordinates(people, ["sub-2", "sub-1"], {"z"})
    assert found["group"].to_numpy().tolist() == ["2", "1"]
    assert found["centre"].to_numpy().tolist() == ["02", "01"]
    assert found["band"].to_numpy().tolist() == ["", "2"]
    np.testing.assert_array_equal(found["age"], [np.nan, 60])
    assert found["participant_z"].to_numpy().tolist() == [0.25, 0.5]
    assert "z" not in found


def test_a_column_never_takes_the_place_of_what_a_study_holds():
    columns = ["participant", "participant_participant", "x", "ratio", "mine", "part"]
    rows = [[f"{column} {k}" for column in columns] for k in range(2)]
    people = pd.DataFrame(rows, columns=columns).assign(participant_id=["sub-1", "sub-2"])
    found = coordinates(people, ["sub-1", "sub-2"], {"mine"})
    assert {name: own.to_numpy()[1] for name, own in found.items()} == {
        "participant": "sub-2",
        "participant_participant_participant": "participant 1",
        "participant_participant": "participant_participant 1",
        "participant_x": "x 1",
        "participant_ratio": "ratio 1",
        "participant_mine": "mine 1",
        "participant_part": "part 1",
    }


def test_maps_without_site_effects_are_of_the_first_people():
    keys = {name: part_key(name, "1", {}, {}) for name in "abc"}
    parts = {"sub-1": {"smooth": keys["a"]}, "sub-2": {"smooth": keys["b"]}}
    found = catalogue(parts).beside("harmonised", keys["c"])
    labels, cohort = found.cohort(Lake("lake"), "harmonised")
    assert labels == ("sub-1",)
    assert cohort.part(0).key == keys["c"]
    whole = catalogue(parts).beside("harmonised", [keys["c"], keys["a"]])
    assert whole.cohort(Lake("lake"), "harmonised")[0] == ("sub-1", "sub-2")


def fitted(**more):
    values = np.array([[[-2.0, 3.0, np.nan]]], np.float32)
    names = ("stat_t", "stat_effect", "stat_d", "stat_n", "stat_dof", "stat_se")
    arrays = {name: (("z", "y", "x"), values, {"affine": [[0.0]]}) for name in names}
    return xr.Dataset(arrays).assign({n: (("z", "y", "x"), v, {}) for n, v in more.items()})


def test_the_effect_size_is_that_of_the_contrast():
    share = np.array([[[0.25, 0.16, np.nan]]], np.float32)
    assert list(maps_of("contrast", fitted(), 1, None)) == ["t", "effect", "d", "n", "dof"]
    slope = maps_of("contrast", fitted(stat_explained=share), 1, None)
    assert list(slope) == ["t", "effect", "n", "dof", "r"]
    np.testing.assert_allclose(slope["r"][0, 0, :2], [-0.5, 0.4], rtol=1e-6)
    several = maps_of("contrast", fitted(stat_explained=share).drop_vars("stat_d"), 2, None)
    assert list(several) == ["F", "effect", "n", "dof", "eta2"]


def test_p_of_single_voxels_needs_all_permutations():
    fwe, exceed = np.array([[[1.0, np.nan]]], np.float32), np.array([[[0, 9]]], np.uint32)
    own = {"fwe": (("z", "y", "x"), fwe), "exceedances": (("z", "y", "x"), exceed)}
    found = maps_of("permute", xr.Dataset(own).chunk(), 1, 99)
    np.testing.assert_allclose(found["uncorrected"], [[[2.0, np.nan]]])
    assert list(maps_of("permute", xr.Dataset(own), 1, None)) == ["fwe"]


def test_a_study_of_sums_has_no_participants(tmp_path):
    people = read_people(StudyFolder(open_store(str(tmp_path))), {})
    assert list(people) == ["participant_id"]
    assert len(people) == 0


def test_a_table_reads_n_a_as_missing_and_some_columns_alone():
    content = b"participant_id\ta\tb\n007\t1\tn/a\n008\t2\tNA\n"
    rows = read_table(content)
    assert rows["participant_id"].tolist() == ["007", "008"]
    assert rows["b"].isna().tolist() == [True, False]
    assert list(read_table(content, only=["b", "missing"])) == ["b"]


def test_whoever_lacks_a_stage_is_left_out_of_it(tmp_path):
    keys = {name: part_key(name, "1", {}, {}) for name in "abc"}
    parts = {"sub-1": {"ratio": keys["a"], "smooth": keys["b"]}, "sub-2": {"smooth": keys["c"]}}
    found, lake = catalogue(parts), Lake(str(tmp_path))
    labels, cohort = found.cohort(lake, "ratio")
    assert labels == ("sub-1",)
    assert cohort.part(0) == Part("ratio", keys["a"])
    labels, cohort = found.cohort(lake, "smooth")
    assert labels == ("sub-1", "sub-2")
    assert [cohort.part(k).key for k in range(2)] == [keys["b"], keys["c"]]
    assert found.stages == ("ratio", "smooth")


def test_gains_are_applied_as_to_the_files_and_the_left_out_have_none(tmp_path):
    lake, key = Lake(str(tmp_path)), part_key("gain", "1", {}, {})
    logs = np.array([0.0, 0.05])
    lake.write(Part("gain", key), xr.Dataset({"gain_log": ("scan", logs)}), record={})
    about = {
        "config": {"calibration": {"kind": "eb_gain"}},
        "group_parts": {"other": {"gain": key}},
    }
    found = gains(lake, about, ["sub-1", "sub-2", "sub-left"])
    assert found == {"sub-1": 1.0, "sub-2": float(np.exp(-0.05))}
    assert gains(lake, about | {"config": {"calibration": {"kind": "none"}}}, ["sub-1"]) is None
    values = np.random.default_rng(0).normal(1.5, 0.1, (2, 3)).astype(np.float32)
    maps = xr.Dataset(
        {
            "ratio": (("participant", "x"), da.from_array(values), {"units": "1"}),
            "lesion": (("participant", "x"), np.ones((2, 3), np.uint8)),
        }
    )
    factors = np.array([1.0, np.exp(-0.05)], np.float32)
    scaled = with_gain(maps, factors)
    np.testing.assert_array_equal(scaled["ratio"][1], values[1] * np.float32(np.exp(-0.05)))
    np.testing.assert_array_equal(scaled["ratio"][0], values[0])
    assert scaled["ratio"].attrs == {"units": "1"}
    assert scaled["lesion"].dtype == np.uint8
    assert scaled["gain"].to_numpy().tolist() == factors.tolist()


def test_importing_the_package_loads_nothing():
    code = "import rt1t2_dask, sys; print(sorted({'xarray', 'numpy', 'hydra'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_another_name_of_the_package_is_an_attribute_error():
    import rt1t2_dask

    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = rt1t2_dask.nonsense


@pytest.mark.parametrize(
    ("mark", "words"),
    [({"measures": ["similarity"]}, "regional tables and has no maps"), ({"files": {}}, "sums")],
)
def test_a_study_without_maps_says_so(finished_maps, tmp_path, mark, words):
    known = json.loads((finished_maps / "out" / "provenance.json").read_text())
    (tmp_path / "group").mkdir()
    name = "contrast-patVsHc_measure-similarity_regions.tsv"
    (tmp_path / "group" / name).write_text("region\tt\nbankssts\t2.5\n")
    whole = known | mark | {"parts": {"features": ["k"]}, "group_parts": {}}
    (tmp_path / "provenance.json").write_text(json.dumps(whole))
    study = open_study(tmp_path)
    with pytest.raises(UserError, match=words):
        study.maps()
    rows = study.contrasts["patVsHc"].regions
    assert rows.to_dict("records") == [{"region": "bankssts", "t": 2.5, "measure": "similarity"}]
    with pytest.raises(UserError, match="has no maps; see its tables"):
        study.contrasts["patVsHc"].maps.load()
    assert "patVsHc" in repr(study)


def test_an_f_is_called_so(finished_maps, tmp_path):
    design = "row\tgroup\na\tpat\ncontrast-1\tn/a\ncontrast-2\tn/a\n"
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "contrast-patVsHc_design.tsv").write_text(design)
    whole = (finished_maps / "out" / "provenance.json").read_bytes()
    (tmp_path / "provenance.json").write_bytes(whole)
    maps = open_study(tmp_path).contrasts["patVsHc"].maps
    assert "F" in maps
    assert "t" not in maps


def test_the_lake_of_a_folder_is_opened_with_its_own_options(finished_maps, tmp_path):
    from rt1t2_dask.pipelines.opened.find import find_study

    known = json.loads((finished_maps / "out" / "provenance.json").read_text())
    storage = known["config"]["storage"] | {"url": "s3://bucket/lake", "region": "eu-central-1"}
    known["config"]["storage"] = storage
    (tmp_path / "provenance.json").write_text(json.dumps(known | {"lake": "s3://bucket/lake"}))
    lake = find_study(str(tmp_path), {"endpoint": "https://host"}).lake
    own = parse_storage(storage).options()
    assert lake.store.options == own | {"endpoint": "https://host"}


def test_the_command_still_refuses_what_it_refused(capsys):
    assert command(["+cohort=psp", "nonsense=1"]) == 2
    assert "nonsense" in capsys.readouterr().err


def test_people_and_maps_have_the_same_order(finished_maps):
    study = open_study(finished_maps / "out")
    order = study.maps()["participant"].to_numpy().tolist()
    assert order == study.people["participant_id"].tolist()
    assert isinstance(study.people, pd.DataFrame)
