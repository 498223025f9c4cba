"""Words of ``lake=``: what each takes, and places it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rt1t2_dask import open_study, run
from rt1t2_dask.cli.command_line import command
from rt1t2_dask.errors import UserError


@pytest.fixture
def lake(finished_maps, tmp_path) -> Path:
    shutil.copytree(finished_maps / "lake", tmp_path / "lake")
    return tmp_path / "lake"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("inside", ["", "/sub", "/../lake"])
@pytest.mark.parametrize("form", ["lake", "dataset"])
def test_a_lake_is_not_published_into_itself(lake, capsys, inside, form):
    before = contents(lake)
    words = ["lake=publish", f"storage.url={lake}", f"to={lake}{inside}", f"form={form}"]
    assert command(words) == 2
    assert "is in the lake" in capsys.readouterr().err
    assert contents(lake) == before


def test_a_place_beside_the_lake_is_taken_whatever_its_name(lake, tmp_path):
    to = f"{tmp_path / 'lake2'}"
    assert command(["lake=publish", f"storage.url={lake}", f"to={to}", "form=dataset"]) == 0
    assert (Path(to) / "small.zarr").is_dir()


def test_a_dry_run_publishes_nothing(lake, tmp_path, capsys):
    words = ["lake=publish", f"storage.url={lake}", f"to={tmp_path / 'there'}", "dry_run=true"]
    assert command(words) == 0
    assert "would publish small" in capsys.readouterr().out
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lake=gc", "dry_run=maybe"], "dry_run=maybe: write true or false"),
        (["lake=verify", "stage=smooth"], "takes storage settings and dry_run; not stage=smooth"),
        (["lake=status", "to=/x"], "not to=/x"),
        (["lake=publish", "to=/x", "smooth.fwhm_mm=3"], "to, cohort, run, form, stages; not"),
        (["lake=status", "lake=gc"], "lake=status, lake=gc: name one of them"),
    ],
)
def test_words_that_mean_nothing_are_refused(lake, capsys, words, said):
    before = contents(lake)
    assert command([*words, f"storage.url={lake}"]) == 2
    assert said in capsys.readouterr().err
    assert contents(lake) == before


def test_young_parts_are_counted(lake, capsys):
    shutil.rmtree(lake / "runs")
    assert command(["lake=gc", f"storage.url={lake}", "dry_run=false"]) == 0
    assert " as under a day old" in (said := capsys.readouterr().out)
    assert "0 as under a day old" not in said


@pytest.mark.parametrize("word", [5, ["smooth.fwhm_mm=8"], None])
def test_settings_of_run_are_words(word):
    with pytest.raises(UserError, match="is no setting"):
        run("psp", word)


def test_a_published_dataset_says_how_it_is_opened(lake, tmp_path):
    to = f"{tmp_path / 'there'}"
    assert command(["lake=publish", f"storage.url={lake}", f"to={to}", "form=dataset"]) == 0
    with pytest.raises(UserError, match=r'xarray.open_zarr\(".*small.zarr"\)'):
        open_study(f"{to}/small.zarr")


def test_an_empty_table_and_half_a_person_are_told(finished_maps, tmp_path):
    shutil.copytree(finished_maps / "out", tmp_path / "out")
    with pytest.raises(UserError, match="at least one person"):
        open_study(tmp_path / "out").maps(people=1.5)
    (tmp_path / "out" / "participants.tsv").write_text("")
    with pytest.raises(UserError, match="is empty"):
        _ = open_study(tmp_path / "out").people
