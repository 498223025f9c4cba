"""A finished study opens as datasets and tables, and a wrong one says so in a line."""

import json
import shutil
import warnings

import matplotlib as mpl
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from rt1t2_dask import open_study
from rt1t2_dask.errors import UserError

mpl.use("agg")


@pytest.fixture(scope="module")
def study(finished_maps):
    return open_study(finished_maps / "out")


def nifti(folder, path):
    return np.asanyarray(nib.load(folder / "out" / path).dataobj).transpose(2, 1, 0)


def of_person(label, desc):
    stem = f"{label}_space-MNI152NLin2009aSym_desc-{desc}_T1wT2wratio"
    return f"{label}/anat/{stem}.nii.gz"


def test_everybodys_maps_are_those_of_the_folder(study, finished_maps):
    for stage, name, desc in (("smooth", "smoothed", "smoothed"), ("ratio", "ratio", "ratio")):
        maps = study.maps(stage)
        assert list(maps) == [name]
        assert maps[name].dims == ("participant", "z", "y", "x")
        for label in ("sub-00", "sub-12"):
            found = maps[name].sel(participant=label).to_numpy()
            np.testing.assert_array_equal(found, nifti(finished_maps, of_person(label, desc)))


def test_coordinates_are_millimetres_and_the_columns_of_the_table(study, finished_maps):
    maps = study.maps()
    affine = nib.load(finished_maps / "out" / of_person("sub-00", "ratio")).affine
    for axis, name in enumerate("xyz"):
        steps = affine[axis, 3] + affine[axis, axis] * np.arange(maps.sizes[name])
        np.testing.assert_allclose(maps[name], steps)
    table = pd.read_csv(finished_maps / "maps" / "participants.tsv", sep="\t")
    assert maps["age"].to_numpy().tolist() == table["age"].tolist()
    assert maps["sex"].to_numpy().tolist() == table["sex"].tolist()
    assert set(maps["group"].to_numpy()) == {"pat", "hc"}
    assert maps["used"].all()
    assert maps.attrs["space"] == "MNI152NLin2009aSym"
    assert maps.attrs["units"] == "1"
    assert maps.attrs["simulated"] is False
    np.testing.assert_allclose(np.reshape(maps.attrs["affine"], (4, 4)), affine)
    assert (study.people["participant_id"] == maps["participant"].to_numpy()).all()


def test_selecting_and_plotting_are_those_of_xarray(study):
    maps = study.maps()
    controls = maps.where(maps.group == "hc", drop=True)
    assert controls.sizes["participant"] == 7
    np.testing.assert_array_equal(controls.smoothed, maps.smoothed[6:])
    slice_ = maps.sel(participant="sub-03").sel(z=10, method="nearest").smoothed
    assert float(slice_.z) == 12
    slice_.plot()
    means = maps.smoothed.groupby("group").mean("participant")
    assert means.sizes["group"] == 2
    assert maps.sel(z=slice(-20, 20)).sizes["z"] == 7


def test_dask_chunks_are_inner_chunks_of_runs_of_people(study):
    maps = study.maps(people=5)
    assert maps.chunks["participant"] == (5, 5, 3)
    assert maps.chunks["z"] == (32,)


def test_regions_have_names_and_are_the_table(study):
    table = study.table("parcels")
    assert study.regions.dims == ("participant", "region")
    np.testing.assert_array_equal(study.regions, table.drop(columns="participant_id"))
    one = study.regions.sel(region="Left Hippocampus", participant="sub-04")
    assert int(one.label) == 48
    assert float(one) == table.set_index("participant_id").loc["sub-04", "Left_Hippocampus"]
    assert study.regions.where(study.regions.group == "pat", drop=True).sizes["participant"] == 6


def test_a_contrast_is_maps_and_tables(study, finished_maps):
    contrast = study.contrasts["patVsHc"]
    files = {
        **{name: f"stat-{name}" for name in ("t", "effect", "d", "n", "dof", "mde")},
        "fwe": "stat-t_desc-fwe",
        "fwe_tfce": "stat-tfce_desc-fwe",
        "uncorrected": "stat-t_desc-uncorrected",
    }
    assert set(contrast.maps) == {*files, "clusters"}
    folder = finished_maps / "out" / "group"
    assert len(list(folder.glob("contrast-patVsHc_stat-*.nii.gz"))) == len(files)
    for name, file in files.items():
        path = f"group/contrast-patVsHc_{file}_statmap.nii.gz"
        np.testing.assert_array_equal(contrast.maps[name], nifti(finished_maps, path))
    assert contrast.maps.attrs["tested"] == "smooth"
    assert contrast.maps.attrs["contrast"] == "patVsHc"
    for kind, columns in {
        "clusters": {"peak_x_mm", "voxels"},
        "peaks": {"x_mm"},
        "regions": {"region"},
        "effects": {"cluster"},
        "design": {"row"},
    }.items():
        assert columns <= set(getattr(contrast, kind).columns), kind
    peak = contrast.clusters.iloc[0]
    at = {axis: peak[f"peak_{axis}_mm"] for axis in "xyz"}
    assert abs(float(contrast.maps["t"].sel(at, method="nearest"))) > 3
    assert list(study.contrasts) == ["patVsHc"]
    assert "patVsHc" in repr(contrast)


def test_every_table_is_there_by_name(study, finished_maps):
    files = (finished_maps / "out" / "group").glob("*.tsv")
    assert {path.stem for path in files} < set(study.tables)
    assert {"participants", "failures"} < set(study.tables)
    assert study.receptors.equals(study.table("receptors"))
    assert study.quality["used"].eq("yes").all()
    assert "quality" in study.tables
    assert len(study.tables) == len(list(study.tables))


def test_it_shows_what_it_holds(study, finished_maps):
    for shown in (repr(study), study._repr_html_()):
        for word in ("small", "7 hc, 6 pat", "patVsHc", "receptors", "smooth"):
            assert word in shown
        assert "SIMULATED" not in shown
    assert study.report == finished_maps / "out" / "report.html"
    assert study.cohort == "small"


def test_wrong_names_list_those_there_are(study):
    with pytest.raises(UserError, match=r"no contrast 'wrong'; there is: patVsHc\.$"):
        study.contrasts["wrong"]
    with pytest.raises(KeyError):
        study.contrasts["wrong"]
    assert study.contrasts.get("wrong") is None
    with pytest.raises(UserError, match=r"no table 'wrong'; there is: .*quality"):
        study.table("wrong")
    with pytest.raises(UserError, match=r"stage 'parcels' .* choose from map, smooth\.$"):
        study.maps("parcels")


def test_the_lake_opens_the_newest_run_of_a_cohort(study, finished_maps):
    lake = finished_maps / "lake"
    found = open_study(lake, cohort="small")
    xr.testing.assert_identical(found.maps().compute(), study.maps().compute())
    xr.testing.assert_identical(found.regions, study.regions)
    assert found.contrasts["patVsHc"].clusters.equals(study.contrasts["patVsHc"].clusters)
    with pytest.raises(UserError, match=r"has no report.html; .* written to"):
        found.report.exists()
    with pytest.raises(UserError, match=r"is a lake; add cohort=NAME, of: small\.$"):
        open_study(lake)
    with pytest.raises(UserError, match=r"no run of cohort other; it has: small\.$"):
        open_study(lake, cohort="other")
    with pytest.raises(UserError, match="no finished run nonsense of cohort small"):
        open_study(lake, cohort="small", run="nonsense")


def test_a_place_without_a_finished_study_is_told(tmp_path, finished_maps):
    with pytest.raises(UserError, match="empty or missing"):
        open_study(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"holds no study: .*it holds cohort/"):
        open_study(finished_maps / "studies")
    known = json.loads((finished_maps / "out" / "provenance.json").read_text())
    path = tmp_path / "provenance.json"
    for state, words in {
        "incomplete": "is not finished; run the same command again",
        "participants": "no results of a group yet",
    }.items():
        path.write_text(json.dumps(known | {"state": state}))
        with pytest.raises(UserError, match=words):
            open_study(tmp_path)
    lakes = (json.dumps(known | {"lake": place}) for place in (7, {"url": "lake"}, ["lake"]))
    for text in ("{", "[]", "null", '{"state": "complete", "config": {}}', "{}", *lakes):
        path.write_text(text)
        with pytest.raises(UserError, match=r"provenance.json is damaged; run the study again\.$"):
            open_study(tmp_path)
    with pytest.raises(UserError, match="holds the study of cohort small, not psp"):
        open_study(finished_maps / "out", cohort="psp")
    with pytest.raises(UserError, match="not a known scheme"):
        open_study("ftp://server/out")


def test_tables_open_without_the_lake_and_a_moved_lake_can_be_named(finished_maps, tmp_path):
    known = json.loads((finished_maps / "out" / "provenance.json").read_text())
    shutil.copytree(finished_maps / "out" / "group", tmp_path / "out" / "group")
    for name in ("participants.tsv", "atlas-Neuromorphometrics_dseg.tsv"):
        shutil.copy(finished_maps / "out" / name, tmp_path / "out" / name)
    moved = known | {"lake": str(tmp_path / "gone")}
    (tmp_path / "out" / "provenance.json").write_text(json.dumps(moved))
    study = open_study(tmp_path / "out")
    assert len(study.people) == 13
    assert study.regions.sizes["region"] == 119
    with pytest.raises(UserError, match=r"lake is not at .*gone.*lake=PLACE"):
        study.maps()
    with pytest.raises(UserError, match=r"lake is gone or was cleared.*lake=PLACE"):
        study.contrasts["patVsHc"].maps.load()
    found = open_study(tmp_path / "out", lake=str(finished_maps / "lake"))
    assert found.maps().sizes["participant"] == 13


def test_a_part_that_was_removed_is_told(finished_maps, tmp_path):
    shutil.copytree(finished_maps / "lake" / "parts" / "map", tmp_path / "lake" / "parts" / "map")
    study = open_study(finished_maps / "out", lake=str(tmp_path / "lake"))
    with pytest.raises(UserError, match="was removed from the lake; run the study again"):
        study.maps()


def test_arguments_that_make_no_sense_are_told(study, finished_maps):
    out, lake = finished_maps / "out", finished_maps / "lake"
    assert len(open_study(out, lake=lake).people) == 13
    for place in ("", " ", b"out", None, 3):
        with pytest.raises(UserError, match="give a path or URL, as text"):
            open_study(place)
    with pytest.raises(UserError, match=r"open_study\(lake=''\): give a path"):
        open_study(out, lake="")
    with pytest.raises(UserError, match="has no keyword nonsense; there are: cohort, run, lake"):
        open_study(out, nonsense=1)
    with pytest.raises(UserError, match="is an output folder, which holds one run"):
        open_study(out, run="ab12")
    with pytest.raises(UserError, match="add cohort=NAME"):
        open_study(lake, run="ab12")
    for people in (0, -3):
        with pytest.raises(UserError, match="at least one person"):
            study.maps(people=people)


def test_maps_and_statistics_can_be_written_as_other_formats(study, tmp_path):
    maps, statistics = study.maps(), study.contrasts["patVsHc"].maps
    for k, dataset in enumerate((maps.isel(participant=slice(2)), statistics)):
        dataset.to_netcdf(tmp_path / f"{k}.nc")
        again = xr.open_dataset(tmp_path / f"{k}.nc")
        np.testing.assert_array_equal(again.attrs["affine"], dataset.attrs["affine"])
        xr.testing.assert_allclose(again[list(dataset)], dataset.compute())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maps.to_zarr(tmp_path / "maps.zarr", consolidated=False)
    again = xr.open_zarr(tmp_path / "maps.zarr", consolidated=False)
    assert again["group"].to_numpy().tolist() == maps["group"].to_numpy().tolist()


def test_maps_without_site_effects_are_those_that_were_tested(study, finished_maps, tmp_path):
    known = json.loads((finished_maps / "out" / "provenance.json").read_text())
    shutil.copytree(finished_maps / "out" / "group", tmp_path / "out" / "group")
    shutil.copytree(finished_maps / "lake", tmp_path / "lake")
    shutil.copytree(tmp_path / "lake/parts/smooth", tmp_path / "lake/parts/harmonised")
    keys = [own["smooth"] for own in known["parts"].values()]
    known["group_parts"]["other"]["harmonised"] = keys[::-1][:12]
    (tmp_path / "out" / "provenance.json").write_text(json.dumps(known))
    found = open_study(tmp_path / "out", lake=tmp_path / "lake")
    assert found.map_stages == ("map", "smooth", "harmonised")
    maps = found.maps("harmonised")["smoothed"]
    assert maps["participant"].to_numpy().tolist() == list(known["parts"])[:12]
    np.testing.assert_array_equal(maps, study.maps()["smoothed"][::-1][:12])
    assert "gain" not in maps.coords
    assert found.contrasts["patVsHc"].maps.attrs["tested"] == "harmonised"
    assert "patVsHc (of maps('harmonised'))" in repr(found)
