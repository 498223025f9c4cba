"""Ratings by eye leave people out, and the report says who did and why."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import command

HEAD = "participant_id\trating\tnote\trater\trated_at\n"
FEW = [
    *("report.mosaics=1", "permute.n=0", "report.figures=false"),
    *("receptors.n_permutations=0", "receptors.spatial=none"),
]
pytestmark = pytest.mark.usefixtures("lake_before")


def table(folder: Path, name: str, *lines: str) -> str:
    path = folder / name
    path.write_text(HEAD + "".join(f"{line}\n" for line in lines))
    return str(path)


def test_who_is_rated_exclude_is_left_out_and_the_report_says_who_did(
    maps_study, maps_arguments, tmp_path, caplog
):
    maps_study()
    one = table(tmp_path, "ab.tsv", "sub-02\tExclude\tmoved\tAB\tn/a", "sub-03\tgood\tn/a\tAB\tn/a")
    two = table(tmp_path, "cd.tsv", "03\tunsure\tn/a\tCD\tn/a")
    assert command([*maps_arguments, *FEW, f"cohort.ratings=[{one},{two}]"]) == 0
    out = tmp_path / "out"
    parcels = pd.read_csv(out / "group" / "parcels.tsv", sep="\t")
    assert "sub-02" not in parcels["participant_id"].tolist()
    assert "sub-03" in parcels["participant_id"].tolist()
    assert "rated exclude by AB: moved" in (out / "report.html").read_text()
    desk = (out / "quality.html").read_text()
    assert "rated exclude by AB: moved" in desk
    assert "rated unsure by CD" in desk
    assert "cohort.ratings: 2 people rated, 1 of them exclude" in caplog.text
    assert "sub-02" not in caplog.text


@pytest.mark.heavy
def test_a_rating_is_part_of_what_decides_the_folder(maps_study, maps_arguments, tmp_path, capsys):
    maps_study()
    ratings = table(tmp_path, "r.tsv", "sub-02\tunsure\tn/a\tAB\tn/a")
    words = [*maps_arguments, *FEW, f"cohort.ratings={ratings}"]
    assert command(words) == 0
    table(tmp_path, "r.tsv", "sub-02\tgood\tbetter\tAB\tn/a")
    assert command(words) == 0
    assert "rated good by AB: better" in (tmp_path / "out" / "quality.html").read_text()
    table(tmp_path, "r.tsv", "sub-02\texclude\tn/a\tAB\tn/a")
    assert command(words) == 2
    assert "another configuration" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["sub-2\texclude\tn/a\tAB\tn/a"], "labels that are not in participants.tsv (1): sub-2"),
        (
            [f"sub-{k:02d}\texclude\tn/a\tAB\tn/a" for k in range(13)],
            "cohort.groups.pat: nobody of this group is left",
        ),
    ],
)
def test_an_exclusion_that_hits_nobody_or_everybody_is_refused(
    maps_study, maps_arguments, tmp_path, capsys, lines, said
):
    maps_study()
    ratings = table(tmp_path, "r.tsv", *lines)
    assert command([*maps_arguments, f"cohort.ratings={ratings}"]) == 2
    assert said in capsys.readouterr().err


def test_who_is_rated_out_after_their_maps_were_made_is_on_the_desk_once(
    maps_study, maps_arguments, tmp_path
):
    maps_study()
    words = [*maps_arguments, *FEW, "level=participant"]
    assert command(words) == 0
    ratings = tmp_path / "r.csv"
    ratings.write_text("participant_id,rating,note\nsub-02,exclude,moved\n")
    assert command([*words, f"cohort.ratings={ratings}"]) == 0
    desk = (tmp_path / "out" / "quality.html").read_text()
    assert desk.count('data-label="sub-02"') == 1
    assert 'data-label="sub-02" data-state="excluded"' in desk
    assert "rated exclude: moved" in (tmp_path / "out" / "sub-02.html").read_text()


def test_the_check_names_who_is_left_out_by_rating(maps_study, maps_arguments, tmp_path, capsys):
    maps_study()
    ratings = table(tmp_path, "r.tsv", "sub-02\texclude\tn/a\tAB\tn/a")
    command([*maps_arguments, f"cohort.ratings={ratings}", "check=true"])
    assert "excluded by cohort.ratings: 1 (sub-02)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["sub-02\tbad\tn/a\tAB\tn/a"], "rating=bad in row 2, 1 such rows"),
        (["n/a\tgood\tn/a\tAB\tn/a"], "row 2 has no participant_id"),
        (
            ["sub-02\tgood\tn/a\tAB\tn/a", "02\texclude\tn/a\tAB\tn/a"],
            "rates sub-02 more than once",
        ),
    ],
)
def test_what_is_no_rating_is_refused(maps_study, maps_arguments, tmp_path, capsys, lines, said):
    maps_study()
    ratings = table(tmp_path, "r.tsv", *lines)
    assert command([*maps_arguments, f"cohort.ratings={ratings}"]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_missing_or_another_table_is_refused(
    maps_study, maps_arguments, tmp_path, capsys
):
    root, _ = maps_study()
    assert command([*maps_arguments, f"cohort.ratings={tmp_path / 'none.tsv'}"]) == 2
    assert "is not there; give the path of a ratings.tsv" in capsys.readouterr().err
    assert command([*maps_arguments, f"cohort.ratings={root / 'participants.tsv'}"]) == 2
    assert "has no column rating; it has participant_id" in capsys.readouterr().err
    assert command([*maps_arguments, f"cohort.ratings={root}"]) == 2
    assert "is a folder; give the path of a ratings.tsv in it" in capsys.readouterr().err
    by_hand = "cohort.rated=[{participant_id: sub-02, rating: exclude}]"
    assert command([*maps_arguments, by_hand]) == 2
    assert "give their paths by cohort.ratings" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
