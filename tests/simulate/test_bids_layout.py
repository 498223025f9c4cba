import json
from io import BytesIO

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.simulate.bids_layout import dataset_files, participant_files
from rt1t2_dask.simulate.cohort import PAPER_GROUPS, people
from rt1t2_dask.simulate.head import HeadModel
from rt1t2_dask.simulate.person import SimulatedPerson, simulate_person


@pytest.fixture(scope="module")
def patient(head: HeadModel) -> SimulatedPerson:
    return simulate_person(head, seed=(2, 9), voxel_mm=5, n_lesions=1)


def test_files_of_a_patient(patient: SimulatedPerson) -> None:
    files = dict(participant_files(patient, "sub-PSP01"))
    stems = ("T1w", "T2w", "label-lesion_mask")
    expected = {f"sub-PSP01/anat/sub-PSP01_{s}.{e}" for s in stems for e in ("nii.gz", "json")}
    assert set(files) == expected
    t1w = from_bytes(files["sub-PSP01/anat/sub-PSP01_T1w.nii.gz"], "T1w")
    np.testing.assert_array_equal(t1w.data, patient.t1w.data)
    np.testing.assert_allclose(t1w.affine, patient.t1w.affine, atol=1e-4)
    mask = files["sub-PSP01/anat/sub-PSP01_label-lesion_mask.nii.gz"]
    assert patient.lesion is not None
    np.testing.assert_array_equal(from_bytes(mask, "lesion", kind="mask").data, patient.lesion.data)
    assert files == dict(participant_files(patient, "sub-PSP01"))


def test_everything_says_simulated(patient: SimulatedPerson) -> None:
    for path, content in participant_files(patient, "sub-PSP01"):
        if path.endswith(".json"):
            sidecar = json.loads(content)
            assert sidecar["simulated"] is True and sidecar["seed"] == [2, 9]
    files = dict(dataset_files(people(PAPER_GROUPS, 2), 2))
    description = json.loads(files["dataset_description.json"])
    assert "SIMULATED" in description["Name"] and description["DatasetType"] == "raw"
    assert description["GeneratedBy"][0]["Name"] and description["BIDSVersion"]
    assert b"imulated" in files["README.md"]


def test_participants_table_reads_back() -> None:
    table = people(PAPER_GROUPS, 2)
    files = dict(dataset_files(table, 2))
    read = pd.read_csv(BytesIO(files["participants.tsv"]), sep="\t")
    pd.testing.assert_frame_equal(read, table)
    assert set(json.loads(files["participants.json"])) == {"group", "age", "sex"}
