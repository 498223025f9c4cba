"""Columns by any capitals, cells that name files or do not, and where a path leads."""

from __future__ import annotations

import pandas as pd
import pytest
from participant_tables import cohort

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.engine.places import (
    for_person,
    joined,
    located,
    people_folders,
    variants,
)
from rt1t2_dask.pipelines.people.file_columns import (
    column_notes,
    file_columns,
    found_near,
    named_path,
)
from rt1t2_dask.pipelines.people.kinds import column_of, is_text, kind, members
from rt1t2_dask.storage.stores import open_store


def write(root, *paths: str):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return open_store(str(root), {})


def test_a_column_is_found_whatever_its_capitals_and_by_its_own_before():
    rows = pd.DataFrame(columns=["Age", "sex", "SEX", "Gender"])
    assert column_of(rows, "age") == "Age"
    assert column_of(rows, "SEX") == "SEX"
    assert column_of(rows, "Sex") == "sex"
    assert column_of(rows, "nothing", "gender") == "Gender"
    assert column_of(rows, "nothing") is None


def test_the_cohorts_people_are_its_groups_less_those_excluded():
    rows = pd.DataFrame(
        {
            "participant_id": [f"sub-{k}" for k in range(6)],
            "group": ["1", "0", "2", "1", None, "0"],
        }
    )
    found = members(rows, cohort(exclude=["3", "sub-5"]))
    assert found[["participant_id", "group"]].to_numpy().tolist() == [
        ["sub-0", "pat"], ["sub-1", "hc"],
    ]  # fmt: skip


def test_sites_and_named_categories_are_never_numbers():
    own = cohort(site_column="scanner", categorical=["batch"])
    assert [kind(name, own) for name in ("scanner", "batch", "Sex", "age")] == [
        "text", "text", "sex", "any",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["a", "b"], True),
        (["a", "1"], False),
        (["a", "1,5"], False),
        (["1", "2"], False),
        ([None, None], False),
        (["low", None], True),
    ],
)
def test_text_has_no_number_among_its_values(values, text):
    assert is_text(pd.Series(values, dtype=object)) == text


def test_only_cells_that_look_like_images_make_a_column_of_files():
    rows = pd.DataFrame(
        {
            "map": ["a/b.nii.gz", None],
            "lesion": ["left", "right"],
            "mask": [None, None],
            "Lesion_mask": ["x.NII", "none"],
        },
        dtype=object,
    )
    assert file_columns(rows) == ["map"]
    notes = column_notes(rows, ["map", "lesion", "mask"], shown=True)
    assert len(notes) == 3
    assert [note for note in notes if "Lesion_mask" in note and "it lesion" in note]
    assert [note for note in notes if "column lesion" in note and "left, right" in note]
    hidden = column_notes(rows, ["lesion"], shown=False)
    assert not [note for note in hidden if "left" in note]


@pytest.mark.parametrize("cell", ["no", "None", "0", "-", "n", None, float("nan")])
def test_a_word_for_no_file_names_none(cell):
    assert named_path({"lesion": cell}, "lesion") is None
    assert named_path({}, "lesion") is None
    assert named_path({"lesion": "a.nii"}, "lesion") == "a.nii"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("masks/one.nii", "masks/One.nii.gz"),
        ("masks\\ONE.nii.gz", "masks/One.nii.gz"),
        ("/masks/one.nii.gz", "masks/One.nii.gz"),
        ("bids::masks/one.nii.gz", "masks/One.nii.gz"),
        ("masks/two.nii.gz", None),
        ("elsewhere/one.nii.gz", None),
    ],
)
def test_a_path_written_nearly_right_is_found(tmp_path, path, found):
    store = write(tmp_path, "masks/One.nii.gz", "sub-1/anat/sub-1_T1wT2wratio.nii.gz")
    assert found_near(store, path, "sub-1", "lesion") == found


def test_a_map_may_lie_in_the_persons_folder_and_a_mask_may_not(tmp_path):
    own = "sub-1/anat/sub-1_desc-x_T1wT2wratio.nii.gz"
    store = write(tmp_path, own, "sub-2/anat/sub-2_T1wT2wratio.nii.gz")
    assert found_near(store, "sub-1_T1wT2wratio.nii.gz", "sub-1", "map") == own
    assert found_near(store, "sub-1_T1wT2wratio.nii.gz", "sub-1", "lesion") is None


def test_where_a_path_leads(tmp_path):
    root = str(tmp_path / "data")
    assert located(root, "a/b.tsv") == (root, "a/b.tsv")
    assert located(root, "/x/b.tsv") == ("/x", "b.tsv")
    assert located(root, "../b.tsv") == (str(tmp_path), "b.tsv")
    assert located("s3://bucket/x", "a/b.tsv") == ("s3://bucket/x", "a/b.tsv")
    assert located(root, "s3://other/x/b.tsv") == ("s3://other/x", "b.tsv")
    for path in ("../b.tsv", "/x/b.tsv"):
        with pytest.raises(UserError, match=r"s3://bucket/x.*URL"):
            located("s3://bucket/x", path)


def test_names_of_files_of_a_person(tmp_path):
    assert variants("a.nii.gz") == ("a.nii.gz", "a.nii")
    assert variants("a.nii") == ("a.nii", "a.nii.gz")
    assert for_person("{label}/x_{id}.nii", "sub-01") == "sub-01/x_01.nii"
    assert joined("s3://bucket/x/", "a.nii") == "s3://bucket/x/a.nii"
    assert joined(str(tmp_path), "a.nii") == str(tmp_path / "a.nii")


def test_people_are_folders_and_nothing_beside_them(tmp_path):
    store = write(tmp_path, "sub-2/a", "sub-10/a", "sub-1.html", "sub-3.zip", "code/sub-4/a")
    assert people_folders(store) == ["sub-10", "sub-2"]
