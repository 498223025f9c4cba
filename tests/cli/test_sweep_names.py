"""Folders of sweeps: one a job, whatever is swept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.cli.command_line import _jobs, command
from rt1t2_dask.cli.sweep_names import MOST_BYTES, folder_names, one_folder

SETTINGS = st.dictionaries(st.sampled_from(["a", "b.c"]), st.text(max_size=200), min_size=1)


@given(
    st.lists(SETTINGS, min_size=1, max_size=6, unique_by=lambda s: json.dumps(s, sort_keys=True))
)
def test_names_are_short_unique_and_one_folder(jobs):
    names = folder_names(jobs)
    assert len({one_folder(name) for name in names}) == len(jobs)
    assert all(len(name.encode()) <= MOST_BYTES and "/" not in name for name in names)


@pytest.mark.parametrize(
    ("one", "other"), [("\u00e9", "e\u0301"), ("b", "b."), ("c", "c "), ("d", "D"), ("e/f", "e_f")]
)
def test_names_that_are_one_folder_somewhere_are_two(one, other):
    names = folder_names([{"a": one}, {"a": other}, {"a": "z"}])
    assert names[2] == "a=z"
    assert all(name.startswith("job-") for name in names[:2])
    assert names[0] != names[1]


def test_plain_settings_name_their_folder_and_others_keep_theirs():
    few = folder_names([{"smooth.fwhm_mm": "6"}, {"smooth.fwhm_mm": "8"}])
    assert few == ["smooth.fwhm_mm=6", "smooth.fwhm_mm=8"]
    long = {"receptors.maps": "[" + ",".join("ABCDEFGH" * 20) + "]"}
    assert folder_names([long])[0] == folder_names([{"a": "b"}, long])[1]
    assert folder_names([long])[0].startswith("job-")


def test_two_paths_that_look_alike_are_two_jobs():
    jobs = list(_jobs(["+cohort=psp", "contrast.mask=a/b.nii,a_b.nii,c.nii"], multirun=True))
    assert len({job.folder for job in jobs}) == 3
    assert jobs[2].folder == "contrast.mask=c.nii"
    assert [job.changed["contrast.mask"] for job in jobs] == ["a/b.nii", "a_b.nii", "c.nii"]


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_a_sweep_says_which_settings_each_folder_has(maps_study, maps_arguments, tmp_path):
    maps_study()
    mask = "'" + str(tmp_path / ("x" * 120)) + "'"
    long = f"receptors.gm_prior={mask},null"
    quick = [
        "permute.n=0",
        "receptors.n_permutations=0",
        "receptors.spatial=none",
        "report.mosaics=0",
    ]
    assert command(["-m", *maps_arguments, *quick, long, "dry_run=true"]) == 2
    assert not (tmp_path / "out").exists()
    assert command(["-m", *maps_arguments, *quick, "contrast.p=0.001,0.01"]) == 0
    told = json.loads((tmp_path / "out" / "sweep_jobs.json").read_text())
    assert told == {f"contrast.p={p}": {"contrast.p": p} for p in ("0.001", "0.01")}
    assert all((tmp_path / "out" / name / "report.html").exists() for name in told)


@pytest.mark.parametrize("name", ["it's", "a b", "50%", "x#y", "Müller", r"back\'s", "a,b"])
def test_a_folder_of_studies_may_have_any_name(name, maps_study, maps_arguments, tmp_path, capsys):
    maps_study()
    own = tmp_path / name
    (tmp_path / "studies").rename(own)
    asked = ["--config-dir", str(own), *maps_arguments[2:]]
    assert command([*asked, "dry_run=true"]) == 0, capsys.readouterr().err
    assert command(["--config-dir", str(own), "+cohort=none", "dry_run=true"]) == 2
    assert "small" in capsys.readouterr().err
