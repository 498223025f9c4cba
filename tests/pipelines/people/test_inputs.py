"""Everybody's files: masks by path, scans that two people share, sources that hold nothing."""

from __future__ import annotations

import pytest

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.people.inputs import find_inputs
from rt1t2_dask.pipelines.people.table import read_people
from rt1t2_dask.pipelines.study.participants import everybody_there
from rt1t2_dask.storage.base import DiskError, UnreadableError
from rt1t2_dask.storage.folders import Folder


def found(config):
    return find_inputs(config, read_people(config))


def test_files_are_known_by_checksum_and_reason(dataset, configure):
    dataset()
    files = found(configure()).files
    assert list(files) == ["sub-00", "sub-01", "sub-02", "sub-03"]
    assert files["sub-02"]["t2w"].read() == b"sub-02 T2w.nii.gz"
    assert files["sub-02"]["t2w"].chosen == "the only one"
    assert set(files["sub-00"]) == {"t1w", "t2w"}


@pytest.mark.parametrize("where", ["inside", "absolute", "upwards", "gzipped"])
def test_a_lesion_mask_by_any_path(where, dataset, configure, tmp_path):
    root = dataset()
    folder = root / "masks" if where in ("inside", "gzipped") else tmp_path / "elsewhere"
    folder.mkdir()
    (folder / f"seg_01.nii{'.gz' if where == 'gzipped' else ''}").write_text("drawn by hand")
    start = {"inside": "masks", "gzipped": "masks", "upwards": "../elsewhere"}.get(where, folder)
    files = found(configure(f"source.lesion='{start}/seg_{{id}}.nii'")).files
    assert files["sub-01"]["lesion"].read() == b"drawn by hand"
    assert files["sub-01"]["lesion"].chosen == "by source.lesion"
    assert "lesion" not in files["sub-00"]


def test_the_column_lesion_goes_before_names(dataset, configure):
    root = dataset(("T1w.nii.gz", "T2w.nii.gz", "label-lesion_mask.nii.gz"), column="other.nii")
    (root / "other.nii").write_text("by the table")
    files = found(configure()).files
    assert files["sub-00"]["lesion"].read() == b"by the table"
    assert "lesion" not in files["sub-01"]


def test_a_path_of_the_column_that_leads_nowhere_is_the_persons_failure(dataset, configure):
    dataset(column="gone.nii")
    reasons = found(configure()).reasons
    assert list(reasons) == ["sub-00"]
    assert "gone.nii" in reasons["sub-00"]


def test_a_brain_mask_by_name_and_by_path(dataset, configure):
    root = dataset(("T1w.nii.gz", "T2w.nii.gz", "desc-brain_mask.nii.gz"))
    assert found(configure()).files["sub-03"]["brain_mask"].chosen == "by its BIDS name"
    for i in range(3):
        path = root / "derivatives" / "bet" / f"sub-{i:02d}_mask.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("brain")
    named = found(configure("source.brain_mask='derivatives/bet/{label}_mask.nii.gz'"))
    assert named.files["sub-00"]["brain_mask"].read() == b"brain"
    assert "sub-03_mask.nii.gz" in named.reasons["sub-03"]


def test_two_people_with_one_scan_are_both_refused_by_name(dataset, configure):
    root = dataset()
    (root / "sub-02/anat/sub-02_T1w.nii.gz").write_text("sub-01 T1w.nii.gz")
    reasons = found(configure()).reasons
    assert set(reasons) == {"sub-01", "sub-02"}
    assert "sub-02" in reasons["sub-01"]
    assert "cohort.exclude" in reasons["sub-02"]


def test_nothing_that_can_be_used_is_wrong_input(dataset, configure, tmp_path):
    (tmp_path / "bids").mkdir()
    with pytest.raises(UserError, match=r"participants\.tsv is not in .*it is empty or missing"):
        found(configure())
    dataset(("T1w.nii.gz",))
    with pytest.raises(UserError, match=r"none of 4 people .* for 4: there is no \*_T2w"):
        found(configure())
    with pytest.raises(UserError, match=r"source\.lesion=x"):
        dataset()
        found(configure("source.lesion=x"))


def test_a_folder_that_is_not_there_is_said(configure):
    with pytest.raises(UserError, match=r"source\.root=.*it is empty or missing"):
        found(configure())


def test_maps_and_folders_of_dicom_under_another_spelling_are_named(dataset, configure, tmp_path):
    root = dataset()
    (root / "sub-0_T1wT2wratio.nii.gz").write_text("a map")
    (root / "sub-01_T1wT2wratio.nii.gz").write_text("another")
    reasons = found(configure(source="maps")).reasons
    assert "no map sub-00_T1wT2wratio.nii.gz in source.root, but sub-0_T1w" in reasons["sub-00"]
    assert "sub-02_T1wT2wratio.nii.gz is not in source.root" in reasons["sub-02"]
    for label in ("sub-00", "sub-01", "sub-02", "sub-03"):
        (root / label).rename(root / label.replace("sub-0", "SUB"))
    with pytest.raises(UserError, match=r"no folder sub-00 in source\.root, but SUB0"):
        found(configure(source="dicom"))


def test_reports_and_archives_beside_folders_are_nobody(dataset, configure):
    root = dataset()
    for name in ("sub-00.html", "sub-98.zip", "sub-97", ".DS_Store"):
        (root / name).write_text("a report")
    there = everybody_there(configure("level=dataset"))
    assert list(there["participant_id"]) == ["sub-00", "sub-01", "sub-02", "sub-03"]


def test_an_absolute_path_to_a_link_that_leads_nowhere_is_said_as_such(
    dataset, configure, tmp_path
):
    root = dataset(column=str(tmp_path / "mask.nii.gz"))
    (tmp_path / "mask.nii.gz").symlink_to(root / ".git/annex/objects/x/x")
    reasons = found(configure()).reasons
    assert list(reasons) == ["sub-00"]
    unfetched = "mask.nii.gz is a link whose content was not fetched. Fetch it: datalad"
    assert unfetched in reasons["sub-00"]


@pytest.mark.parametrize("fault", [UnreadableError("x: permission denied."), DiskError("x: torn.")])
def test_a_file_that_the_disk_does_not_give_is_one_persons_failure(
    fault, dataset, configure, monkeypatch
):
    dataset()
    config, read = configure(), Folder.read

    def torn(self, path):
        if path.endswith("sub-02_T1w.nii.gz"):
            raise fault
        return read(self, path)

    monkeypatch.setattr(Folder, "read", torn)
    files = found(config)
    assert list(files.files) == ["sub-00", "sub-01", "sub-03"]
    said = files.reasons["sub-02"]
    assert said.startswith(f"sub-02/anat/sub-02_T1w.nii.gz cannot be read: {fault}")
    assert "cohort.exclude" in said
