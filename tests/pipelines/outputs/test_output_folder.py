"""The output folder is never written over other results or files that are not ours."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.images.plan import Failure
from rt1t2_dask.pipelines.outputs import dataset, folder
from rt1t2_dask.pipelines.outputs.tables import write_table
from rt1t2_dask.storage.stores import Store, open_store


def configured(*words: str):
    return _configure(Job(("+cohort=psp", *words)))


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(str(tmp_path / "out"), {})


def said(store: Store) -> dict[str, object]:
    return json.loads(store.read(folder.PROVENANCE))


def table(store: Store, path: str) -> pd.DataFrame:
    rows = pd.read_csv(
        open_store(store.url, {}).url + f"/{path}", sep="\t", dtype=str, keep_default_na=False
    )
    return rows.set_index("participant_id")


def test_an_empty_folder_and_our_own_results_may_be_written(store):
    folder.check_folder(store, configured(), "one")
    store.write("share/north.npz", b"kept")
    folder.check_folder(store, configured(), "one")
    folder.claim_folder(store, configured(), "one")
    folder.check_folder(store, configured(), "one")
    assert said(store)["state"] == folder.INCOMPLETE


def test_files_that_are_not_ours_are_never_touched(store):
    store.write("thesis.docx", b"precious")
    with pytest.raises(UserError, match="no output of ours"):
        folder.claim_folder(store, configured(), "one")
    assert store.read("thesis.docx") == b"precious"
    folder.claim_folder(store, configured("overwrite=true"), "one")
    assert store.read("thesis.docx") == b"precious"


def test_another_configuration_is_refused_unless_it_may_be_overwritten(store):
    folder.claim_folder(store, configured(), "one")
    store.write("group/parcels.tsv", b"old")
    store.write("sub-01/anat/a.nii.gz", b"old")
    store.write("notes.txt", b"mine")
    with pytest.raises(UserError, match="another configuration"):
        folder.claim_folder(store, configured("smooth.fwhm_mm=6"), "two")
    assert store.read("group/parcels.tsv") == b"old"
    folder.claim_folder(store, configured("smooth.fwhm_mm=6", "overwrite=true"), "two")
    assert sorted(store.list()) == ["notes.txt", folder.PROVENANCE]
    assert said(store)["study"] == "two"


def test_a_torn_provenance_counts_as_anothers(store):
    store.write(folder.PROVENANCE, b'{"study": "one"')
    with pytest.raises(UserError, match="another configuration"):
        folder.check_folder(store, configured(), "one")


def test_people_and_a_study_share_a_folder_where_their_images_are_alike(store):
    people = configured("level=participant")
    folder.join_folder(store, people)
    assert folder.is_of_participants(store)
    folder.check_folder(store, configured("permute.n=7"), "one")
    with pytest.raises(UserError, match="another configuration"):
        folder.check_folder(store, configured("smooth.fwhm_mm=6"), "one")
    folder.claim_folder(store, configured(), "one")
    assert not folder.is_of_participants(store)


def test_people_beside_a_finished_study_make_it_incomplete(store):
    images = folder.image_key(configured())
    known = {"state": folder.COMPLETE, "study": "one", "images": images, "more": [1]}
    store.write(folder.PROVENANCE, folder.json_bytes(known))
    folder.join_folder(store, configured("level=participant"))
    assert said(store) == known | {"state": folder.INCOMPLETE}


@pytest.mark.parametrize("word", ["smooth.fwhm_mm=6", "resample.voxel_mm=2", "calibration=none"])
def test_the_key_of_images_follows_their_settings_alone(word):
    own = folder.image_key(configured())
    assert folder.image_key(configured(word)) != own
    assert folder.image_key(configured("permute.n=7", "contrast.p=0.01")) == own


def test_rows_of_people_are_replaced_and_others_keep_their_text(store):
    rows = pd.DataFrame({"participant_id": ["sub-2", "sub-1"], "flag": [None, "x"], "n": [1.5, 2]})
    folder.add_quality(store, rows, ["sub-1", "sub-2"])
    before = table(store, folder.QUALITY)
    new = pd.DataFrame({"participant_id": ["sub-2"], "flag": ["worse"], "n": [9]})
    folder.add_quality(store, new, ["sub-2"])
    after = table(store, folder.QUALITY)
    assert after.index.tolist() == ["sub-1", "sub-2"]
    assert after.loc["sub-1"].equals(before.loc["sub-1"])
    assert after["flag"]["sub-2"] == "worse"


def test_a_mended_person_leaves_the_table_of_failures(store):
    failed = [Failure("sub-1", "ingest", "two\nlines"), Failure("sub-2", "brain", "why")]
    folder.write_failures(store, failed)
    assert table(store, folder.FAILURES)["reason"]["sub-1"] == "two lines"
    folder.add_failures(store, [], ["sub-1"])
    assert table(store, folder.FAILURES).index.tolist() == ["sub-2"]
    folder.add_failures(store, [Failure("sub-3", "map", "new")], ["sub-3"])
    assert table(store, folder.FAILURES).index.tolist() == ["sub-2", "sub-3"]


def test_sources_are_named_as_bids_does_where_they_lie_in_the_dataset(tmp_path):
    config = configured(f"source.root={tmp_path}")
    assert dataset.bids_uri(config, str(tmp_path), "sub-1/a.nii") == "bids:source:sub-1/a.nii"
    assert dataset.bids_uri(config, "/masks", "a.nii") == "/masks/a.nii"
    links = dataset.description(config)["DatasetLinks"]
    assert links == {"source": tmp_path.as_uri()}
    bucket = dataset.description(configured("source.root=s3://bucket/x"))
    assert bucket["SourceDatasets"] == [{"URL": "s3://bucket/x"}]


@pytest.mark.parametrize(
    ("told", "container"),
    [
        ({}, None),
        ({"TAG": "of another program"}, None),
        ({"TYPE": "docker", "TAG": "rt1t2-dask:0.1.0"}, ("docker", "rt1t2-dask:0.1.0", None)),
        (
            {"TYPE": "docker", "TAG": "x:1", "URI": "docker://host/x:1"},
            ("docker", "x:1", "docker://host/x:1"),
        ),
    ],
)
@pytest.mark.parametrize("apptainer", [False, True])
def test_a_container_is_named_as_its_image_tells(told, container, apptainer, monkeypatch):
    for key in ("TYPE", "TAG", "URI"):
        monkeypatch.delenv(f"RT1T2_CONTAINER_{key}", raising=False)
    for key, value in told.items():
        monkeypatch.setenv(f"RT1T2_CONTAINER_{key}", value)
    if apptainer:
        monkeypatch.setenv("APPTAINER_CONTAINER", "/images/x.sif")
    else:
        monkeypatch.delenv("APPTAINER_CONTAINER", raising=False)
    (by,) = dataset.description(configured())["GeneratedBy"]
    if container is None:
        assert "Container" not in by
        return
    kind, tag, uri = container
    expected = {"Type": "apptainer" if apptainer else kind, "Tag": tag}
    assert by["Container"] == expected | ({"URI": uri} if uri else {})


def test_every_column_of_a_table_is_described_beside_it(tmp_path):
    store = open_store(str(tmp_path))
    rows = pd.DataFrame({"participant_id": ["sub-1"], "age": [50.0], "dose": [np.nan]})
    write_table(store, "participants.tsv", rows, {"simulated": True})
    assert store.read("participants.tsv") == b"participant_id\tage\tdose\nsub-1\t50\tn/a\n"
    found = json.loads(store.read("participants.json"))
    assert list(found) == ["simulated", "LongName", "participant_id", "age", "dose"]
    assert found["age"]["Units"] == "year"
    assert "dose" in found["dose"]["Description"]


def test_ratings_in_the_browser_outlive_calibration_and_smoothing():
    key = folder.rating_key(configured())
    assert folder.rating_key(configured("smooth.fwhm_mm=8", "calibration.kind=none")) == key
    assert folder.rating_key(configured("normalise.kind=ants_syn")) != key
