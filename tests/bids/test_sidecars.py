"""BIDS sidecars: inheritance, and what is read of an acquisition."""

from __future__ import annotations

import json

import pytest

from rt1t2_dask.bids.sidecars import acquisition, document, sidecars
from rt1t2_dask.ratio.protocol import number_protocols

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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("form", ["{}", "[{}]"])
def test_an_object_is_read_alone_or_in_a_list(form, encoding):
    text = form.replace("{}", '{"EchoTime": 0.003, "InstitutionName": "Universität"}')
    assert document(text.encode(encoding))["EchoTime"] == 0.003


@pytest.mark.parametrize("content", [b"[1]", b"[{}, {}]", b"{", b"\xff\xfe", b"\xe4"])
def test_what_is_no_object_is_refused(content):
    with pytest.raises(ValueError):
        document(content)


def test_a_sidecar_of_another_image_says_nothing():
    listed = ["sub-01/sub-01_T1w.nii.gz", "sub-01/sub-01_T1w.JSON"]
    assert sidecars("sub-01/sub-01_T1w.nii.gz", listed) == listed[1:]
    assert sidecars("sub-01/sub-01_acq-x_T1w.nii.gz", listed) == []


def test_only_what_tells_protocols_apart_is_read():
    document = {
        "Manufacturer": " Siemens ", "ScanningSequence": ["GR", "IR"], "EchoTime": 0.003,
        "FlipAngle": True, "PatientName": "never", "RepetitionTime": "2.3", "SequenceVariant": "",
    }  # fmt: skip
    found = acquisition(json.loads(json.dumps(document)))
    assert found == {"Manufacturer": "Siemens", "ScanningSequence": "GR IR", "EchoTime": 0.003}


@pytest.mark.parametrize(
    "written", ['["GR", "IR"]', '"GR IR"', '"GR_IR"', '"GR\\\\IR"', '"gr, ir "', '["GR IR"]']
)
def test_a_sequence_is_one_however_a_converter_joins_its_codes(written):
    found = acquisition(document(f'{{"ScanningSequence": {written}}}'.encode()))
    assert found == {"ScanningSequence": "GR IR"}


def test_only_codes_are_joined_anew():
    found = acquisition({"ManufacturersModelName": "Prisma_fit", "SequenceVariant": "SK_SP_MP"})
    assert found == {"ManufacturersModelName": "Prisma_fit", "SequenceVariant": "SK SP MP"}


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "null", '"n/a"'])
def test_what_is_no_value_tells_no_protocols_apart(value):
    text = f'{{"EchoTime": {value}, "FlipAngle": 9, "SequenceVariant": [null, "n/a"]}}'
    found = acquisition(document(text.encode()))
    assert found == {"FlipAngle": 9.0}
    assert number_protocols([found, found, {"EchoTime": 0.003, **found}]) == [0, 0, 0]
