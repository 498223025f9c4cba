"""BIDS sidecars: inheritance, and what is read of an acquisition."""

from __future__ import annotations

import json

import pytest

from rt1t2_dask.bids_sidecars import acquisition, merged, sidecars

IMAGE = "sub-01/ses-2/anat/sub-01_ses-2_acq-mprage_T1w.nii.gz"


def test_the_nearest_goes_last():
    listed = [
        "sub-01/ses-2/anat/sub-01_ses-2_acq-mprage_T1w.json",
        "T1w.json",
        "acq-mprage_T1w.json",
        "T2w.json",
        "acq-other_T1w.json",
        "sub-01/sub-01_T1w.json",
        "sub-02/sub-02_T1w.json",
        "sub-01/ses-2/anat/sub-01_ses-2_acq-mprage_T1w.nii.gz",
    ]
    assert sidecars(IMAGE, listed) == [
        "T1w.json",
        "acq-mprage_T1w.json",
        "sub-01/sub-01_T1w.json",
        "sub-01/ses-2/anat/sub-01_ses-2_acq-mprage_T1w.json",
    ]


def test_later_files_win_and_a_byte_order_mark_is_no_fault():
    contents = [b'\xef\xbb\xbf{"EchoTime": 0.003, "FlipAngle": 9}', b'{"EchoTime": 0.004}']
    assert merged(contents) == {"EchoTime": 0.004, "FlipAngle": 9}


@pytest.mark.parametrize("content", [b"[1]", b"{", b"\xff\xfe"])
def test_what_is_no_object_is_refused(content):
    with pytest.raises(ValueError):
        merged([content])


def test_only_what_tells_protocols_apart_is_read():
    document = {
        "Manufacturer": " Siemens ", "ScanningSequence": ["GR", "IR"], "EchoTime": 0.003,
        "FlipAngle": True, "PatientName": "never", "RepetitionTime": "2.3", "SequenceVariant": "",
    }  # fmt: skip
    found = acquisition(json.loads(json.dumps(document)))
    assert found == {"Manufacturer": "Siemens", "ScanningSequence": "GR IR", "EchoTime": 0.003}
