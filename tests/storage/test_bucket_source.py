"""A BIDS dataset in a bucket, and masks in another place: read without any copy on disk."""

from __future__ import annotations

import pytest

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.pipelines.people.inputs import find_inputs
from rt1t2_dask.pipelines.people.table import read_people
from rt1t2_dask.storage.stores import open_store


@pytest.mark.cloud
def test_scans_and_masks_are_found_in_a_bucket(bucket_url, s3_options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = open_store(bucket_url, s3_options)
    rows = "participant_id\tgroup\nsub-1\tPSP\nsub-2\tHC\n"
    store.write("participants.tsv", rows.encode())
    for label in ("sub-1", "sub-2"):
        for name in ("T1w", "T2w"):
            store.write(f"{label}/anat/{label}_{name}.nii.gz", f"{label} {name}".encode())
    store.write("derivatives/x/sub-1/anat/sub-1_label-lesion_mask.nii.gz", b"derived")
    store.write("masks/1.nii.gz", b"drawn")
    words = ["+cohort=psp", "source=bids", f"source.root={bucket_url}",
             f"storage.url={bucket_url}/lake", f"++storage.endpoint={s3_options['endpoint']}",
             f"++storage.region={s3_options['region']}"]  # fmt: skip
    for more, content in (
        ([], b"derived"),
        (["source.lesion='masks/{id}.nii'"], b"drawn"),
        ([f"source.lesion='{bucket_url}/masks/{{id}}.nii'"], b"drawn"),
    ):
        config = _configure(Job((*words, *more), ""))
        files = find_inputs(config, read_people(config)).files
        assert files["sub-1"]["lesion"].read() == content
        assert "lesion" not in files["sub-2"]
        assert files["sub-2"]["t2w"].read() == b"sub-2 T2w"
    assert list(tmp_path.iterdir()) == []
