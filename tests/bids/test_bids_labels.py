"""Whose a file is by its folder and its name."""

from __future__ import annotations

import pytest

from rt1t2_dask.bids.labels import require_own
from rt1t2_dask.errors import SubjectError


def test_labels_with_underscores_and_other_zeros_are_their_folders_own():
    require_own(
        [
            "sub-empty_file/anat/sub-empty_file_T1w.nii.gz",
            "sub-01/ses-1/anat/sub-1_ses-01_T1w.nii.gz",
            "sub-01/anat/T1w.nii.gz",
        ]
    )


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("sub-02/anat/sub-12_T1w.nii.gz", "person"),
        ("sub-02/ses-2/anat/sub-02_ses-1_T1w.nii.gz", "session"),
    ],
)
def test_another_persons_or_sessions_file_is_refused(path, what):
    with pytest.raises(SubjectError, match=f"is named for another {what}"):
        require_own([path])
