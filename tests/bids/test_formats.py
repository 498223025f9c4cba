"""Images that are not read: known by their endings, with how to convert them."""

from __future__ import annotations

import pytest

from rt1t2_dask.bids.formats import ending_of, in_another_format, in_other_formats
from rt1t2_dask.bids.refusals import require_way_round
from rt1t2_dask.errors import SubjectError


def test_an_ending_is_all_after_the_first_dot_of_the_name():
    assert ending_of("sub-1.5/a_T1w.nii.gz") == "nii.gz"
    assert ending_of("a_T1w") == ""


def test_only_images_without_a_nifti_of_their_name_are_listed():
    paths = ["a_T1w.mgz", "a_T1w.nii.gz", "b_T2w.MGZ", "c_T1w.nrrd", "c_T1w.json", "d/.e_T1w.mha"]
    assert in_other_formats(paths) == ["b_T2w.MGZ", "c_T1w.nrrd"]


@pytest.mark.parametrize(("ending", "reads"), [("mgz", True), ("img", True), ("nrrd", False)])
def test_a_command_is_named_only_where_it_can_do_it(ending, reads):
    error = in_another_format(f"sub-1/anat/sub-1_T1w.{ending}", "before: ")
    assert error.reason.startswith(f"before: sub-1/anat/sub-1_T1w.{ending}")
    assert ("nib-convert" in error.remedy) == reads
    assert "sub-1_T1w.nii.gz" in error.remedy


@pytest.mark.parametrize(("suffix", "other"), [("T1map", "R1map"), ("R2map", "T2map")])
def test_a_map_that_would_turn_the_ratio_round_is_refused(suffix, other):
    require_way_round(f"sub-1_{other}.nii.gz")
    with pytest.raises(SubjectError, match=suffix) as told:
        require_way_round(f"sub-1_{suffix}.nii.gz")
    assert other in told.value.remedy
