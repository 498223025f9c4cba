"""Whose folder is there under another spelling, and what lies where an image should."""

from __future__ import annotations

import unicodedata

import pytest

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.pipelines.engine.not_here import cannot_be_read, fetched, why_missing
from rt1t2_dask.pipelines.people.folders import as_on_disk, labels_of, require_place, without_row
from rt1t2_dask.storage.base import AwayError, DiskError
from rt1t2_dask.storage.stores import open_store

MISSING = "there is no sub-01_T1w.nii or .nii.gz in sub-01/anat."


def row(label: str, **more) -> dict[str, object]:
    return {"participant_id": label, **more}


def test_a_folder_of_another_spelling_is_named_and_none_is_no_fault(configure):
    config = configure()
    require_place(config, row("sub-01"), {"sub-01/", "sub-1/"})
    require_place(config, row("sub-01"), set())
    require_place(config, row("sub-01"), {"sub-02/"})
    with pytest.raises(SubjectError, match=r"no folder sub-01.*sub-1") as told:
        require_place(config, row("sub-01"), {"sub-1/", "sub-11/"})
    assert "participant_id" in told.value.remedy


def test_a_map_of_another_spelling_is_named_unless_the_table_names_one(configure):
    config = configure(source="maps")
    names = {"sub-1_T1wT2wratio.nii.gz", "participants.tsv"}
    with pytest.raises(SubjectError, match=r"no map sub-01_\S+ .*but sub-1_T1wT2wratio"):
        require_place(config, row("sub-01"), names)
    require_place(config, row("sub-01", map="elsewhere/a.nii.gz"), names)
    require_place(config, row("sub-1"), names)


def test_a_dicom_folder_is_asked_for_only_where_it_is_named_after_a_person(configure):
    own = configure("source.folder='{id}/scans'", source="dicom")
    with pytest.raises(SubjectError, match="no folder 7"):
        require_place(own, row("sub-7"), {"007/"})
    common = configure("source.folder='all/{id}'", source="dicom")
    require_place(common, row("sub-7"), {"007/"})


def test_umlauts_are_taken_in_either_form():
    composed = "sub-M\u00fcller"
    apart = unicodedata.normalize("NFD", composed)
    assert as_on_disk(composed, [f"{apart}/"]) == apart
    assert as_on_disk(composed, [f"{composed}/"]) == composed
    assert as_on_disk(composed, [f"{apart}_T1wT2wratio.nii.gz"]) == apart
    assert without_row([f"{apart}/", "sub-2/", "sub-3.html"], [composed]) == ["sub-2"]
    assert labels_of(["sub-2/", "sub-1/", "sub-/", "code/", "sub-4"]) == ["sub-1", "sub-2"]


def test_a_link_says_how_to_bring_what_it_leads_to():
    annexed = cannot_be_read("sub-1/a.nii", AwayError("sub-1/a.nii", "../.git/annex/objects/x"))
    assert "datalad get sub-1/a.nii" in annexed.remedy
    assert "/mnt/x" in fetched("sub-1/a.nii", "/mnt/x")
    assert "datalad" not in fetched("sub-1/a.nii", "/mnt/x")
    torn = cannot_be_read("sub-1/a.nii", DiskError("input/output error"))
    assert "sub-1/a.nii" in torn.reason
    assert "input/output error" in torn.reason
    assert "cohort.exclude" in torn.remedy


def reason(root, said: str = MISSING) -> str:
    with pytest.raises(SubjectError) as told, why_missing(open_store(str(root), {}), "sub-01"):
        raise SubjectError(said, "remedy")
    return str(told.value)


def test_what_lies_in_place_of_an_image_is_said(tmp_path):
    assert reason(tmp_path).startswith(f"{MISSING[:-1]}: ")
    assert "sub-01/ " in reason(tmp_path)
    (tmp_path / "sub-01.zip").write_text("x")
    assert "sub-01.zip is not unpacked" in reason(tmp_path)
    anat = tmp_path / "sub-01" / "anat"
    anat.mkdir(parents=True)
    (anat / "sub-01_T2w.mgz").write_text("x")
    assert reason(tmp_path) == f"{MISSING} remedy"
    (anat / "sub-01_T1w.json").write_text("{}")
    assert reason(tmp_path) == f"{MISSING} remedy"
    (anat / "sub-01_T1w.mgz").write_text("x")
    assert "sub-01/anat/sub-01_T1w.mgz" in reason(tmp_path)
    assert reason(tmp_path, "the T1w has 3 slices.") == "the T1w has 3 slices. remedy"


def test_a_folder_that_is_a_dead_link_is_named(tmp_path):
    (tmp_path / "sub-01").mkdir()
    (tmp_path / "sub-01" / "anat").symlink_to(tmp_path / "gone")
    assert "sub-01/anat is a link to a folder" in reason(tmp_path)
