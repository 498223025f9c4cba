"""FreeSurfer's tables as they are written."""

from __future__ import annotations

import pytest

from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.tables import (
    person_label,
    read_aparcstats2table,
    read_long,
    read_map,
    read_stats,
    read_wide,
)

APARC = b"""lh.aparc.thickness\tlh_bankssts_thickness\tlh_insula_thickness\t\
lh_MeanThickness_thickness\teTIV
sub-01\t2.5\t3.1\t2.6\t1500000
/data/fs/sub-02\t2.4\t\t2.5\t1400000
"""
STATS = b"""# Title Segmentation Statistics
# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd
unknown 1 2 3 4 5 6 7 8 9
bankssts  1457 973 2459 2.607 0.425 0.108 0.022 11 1.3
"""


def test_aparcstats2table():
    rows = read_aparcstats2table(APARC, "lh.thickness.txt")
    assert rows.to_numpy().tolist() == [
        ["sub-01", "lh_bankssts", "thickness", 2.5],
        ["sub-02", "lh_bankssts", "thickness", 2.4],
        ["sub-01", "lh_insula", "thickness", 3.1],
    ]
    commas = read_aparcstats2table(APARC.replace(b"\t", b","), "lh.thickness.csv")
    assert commas.equals(rows)


def test_decimal_commas_of_thickness_are_never_thousands():
    text = APARC.replace(b"2.5\t3.1", b"2,345\t3,125").replace(b"2.4", b"2,512")
    rows = read_aparcstats2table(text.replace(b".5", b",5"), "lh.thickness.txt")
    assert rows["value"].tolist() == [2.345, 2.512, 3.125]
    head = "participant_id\tregion\tfeature\tvalue\n01\tlh_insula\tthickness\t"
    both = f"{head}2,345\n01\tlh_insula\tarea\t1,234\n"
    assert read_long(both.encode(), "t")["value"].tolist() == [2.345, 1.234]
    points = f"{head}2.345\n01\tlh_insula\tarea\t1,234\n"
    with pytest.raises(UserError, match=r"area of lh_insula is '1,234'"):
        read_long(points.encode(), "t")


def test_an_area_that_may_be_either_is_refused_in_one_line():
    text = APARC.replace(b"thickness", b"area").replace(b"2.5\t3.1", b"1,234\t2,001")
    said = r"is '1,234', no number \(2 such cells\); write the number alone \(1,234 may be 1234 or"
    with pytest.raises(UserError, match=said):
        read_aparcstats2table(text.replace(b"2.4", b"1200"), "lh.area.txt")


def test_stats_of_one_person():
    rows = read_stats(STATS, "01", "lh", "lh.aparc.stats")
    found = {f: v for _, _, f, v in rows.to_numpy().tolist()}
    assert found == {
        "area": 973, "volume": 2459, "thickness": 2.607, "meancurv": 0.108,
        "gauscurv": 0.022, "foldind": 11, "curvind": 1.3,
    }  # fmt: skip
    assert set(rows["region"]) == {"lh_bankssts"}
    assert set(rows["participant_id"]) == {"sub-01"}


def test_long_and_wide_tables():
    head = b"participant_id\themisphere\tregion\tfeature\tvalue\n"
    long = head + b"01\tL\tinsula\tarea\t7\n01\tR\tinsula\tarea\tn/a\n"
    assert read_long(long, "t").to_numpy().tolist() == [["sub-01", "lh_insula", "area", 7.0]]
    wide = b"participant_id,L_insula,R_insula\nsub-01,1.4,1.5\n"
    assert read_wide(wide, "rt1t2", "t").to_numpy().tolist() == [
        ["sub-01", "lh_insula", "rt1t2", 1.4],
        ["sub-01", "rh_insula", "rt1t2", 1.5],
    ]
    assert read_map(b"region\td\nL_insula\t-0.1\n", "map") == {"lh_insula": -0.1}


def test_a_zero_is_a_region_that_somebody_lacks():
    """aparcstats2table fills the regions of others with 0."""
    rows = read_aparcstats2table(APARC.replace(b"2.4\t", b"0.0\t"), "lh.thickness.txt")
    assert rows[["participant_id", "region"]].to_numpy().tolist() == [
        ["sub-01", "lh_bankssts"],
        ["sub-01", "lh_insula"],
    ]
    flat = b"participant_id\tregion\tfeature\tvalue\n01\tlh_a\tgauscurv\t0\n"
    assert read_long(flat, "t")["value"].tolist() == [0.0]


@pytest.mark.parametrize(
    "wall",
    [
        "unknown",
        "corpuscallosum",
        "Medial_wall",
        "???",
        "Background+FreeSurfer_Defined_Medial_Wall",
    ],
)
def test_the_medial_wall_is_no_region(wall):
    long = f"participant_id\themisphere\tregion\tfeature\tvalue\n1\tL\t{wall}\tarea\t7\n"
    assert not len(read_long(long.encode(), "t"))
    wide = f"participant_id\tlh_{wall}\tlh_insula\tL_44_ROI\n1\t1\t2\t3\n".encode()
    assert read_wide(wide, "rt1t2", "t")["region"].tolist() == ["lh_insula", "lh_44_ROI"]


@pytest.mark.parametrize("text", ["01", "sub-01", "/x/y/sub-01", "sub-01_ses-2", "sub-01/"])
def test_people_have_one_name(text):
    assert person_label(text) == "sub-01"


@pytest.mark.parametrize(
    ("reader", "content", "said"),
    [
        (read_aparcstats2table, b"subject\tlh_a\nsub-1\t2\n", "aparcstats2table writes"),
        (read_aparcstats2table, APARC.replace(b"2.5\t3", b"2,5\t3"), "'2,5', no number"),
        (read_long, b"participant_id\tvalue\n1\t2\n", "has no column region"),
        (read_map, b"a\tb\n1\t2\n", "needs columns region and value"),
        (read_map, b"region\tn\td\nL_a\t9\t0.1\n", "name its column value"),
        (read_map, b"region\td\nL_a\t9\nlh_a\t1\n", "lh_a is duplicated"),
    ],
)
def test_wrong_tables_are_refused(reader, content, said):
    with pytest.raises(UserError, match=said):
        reader(content, "table.tsv")


def test_a_damaged_stats_file_is_refused():
    with pytest.raises(UserError, match="not a FreeSurfer stats file"):
        read_stats(b"hello\n", "01", "lh", "lh.aparc.stats")
    with pytest.raises(UserError, match="damaged"):
        read_stats(STATS + b"insula 1\n", "01", "lh", "lh.aparc.stats")
