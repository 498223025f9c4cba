"""Which files are a person's: sessions, runs, contrast agent, masks by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.bids.files import Scans, Wanted, scans
from rt1t2_dask.errors import SubjectError

ANAT = "sub-01/anat/sub-01_"
PAIR = [f"{ANAT}T1w.nii.gz", f"{ANAT}T2w.nii"]


def chosen(paths: list[str], derived: list[str] | None = None, **wanted) -> Scans:
    return scans(paths, derived or [], Wanted(**wanted))


def test_the_only_pair_is_taken():
    found = chosen(
        [*PAIR, f"{ANAT}T1w.json", f"{ANAT}FLAIR.nii.gz", "sub-01/anat/._sub-01_T1w.nii"]
    )
    assert (found.t1w.path, found.t2w.path) == tuple(PAIR)
    assert found.t1w.reason == "the only one"
    assert found.lesion is None
    assert found.brain_mask is None


@given(st.permutations([*PAIR, f"{ANAT}label-lesion_mask.nii.gz", f"{ANAT}desc-brain_mask.nii.gz"]))
def test_the_order_of_the_listing_does_not_matter(paths):
    found = chosen(paths)
    assert found.lesion is not None
    assert found.brain_mask is not None
    assert found.t1w.path == PAIR[0]


RUNS = [f"{ANAT}run-{n}_T1w.nii.gz" for n in ("01", "02", "10")]


@pytest.mark.parametrize(
    ("run", "number"), [(1, "01"), (2, "02"), (10, "10"), ("first", "01"), ("last", "10")]
)
def test_a_run_is_chosen_and_the_choice_is_said(run, number):
    t2w = [f"{ANAT}run-{n}_T2w.nii.gz" for n in ("01", "02", "10")]
    found = chosen([*RUNS, *t2w], run=run)
    assert found.t1w.path == f"{ANAT}run-{number}_T1w.nii.gz"
    assert found.t1w.reason == f"1 of 3: source.run={run}"


def test_several_runs_without_a_choice_are_refused_with_their_names():
    with pytest.raises(SubjectError, match=r"3 T1w images match: .*run-02.*source\.run"):
        chosen([*RUNS, PAIR[1]])


def test_a_run_that_is_not_there_is_refused():
    with pytest.raises(SubjectError, match=r"no T1w image is left by source\.run=7"):
        chosen([*RUNS, PAIR[1]], run=7)


SESSIONS = [f"sub-01/ses-{s}/anat/sub-01_ses-{s}_{k}.nii.gz" for s in "ab" for k in ("T1w", "T2w")]


def test_a_session_is_chosen():
    assert chosen(SESSIONS, session="b").t2w.path == SESSIONS[3]


@pytest.mark.parametrize("session", [None, "c"])
def test_sessions_without_a_good_choice_are_refused(session):
    with pytest.raises(SubjectError, match=r"source\.session"):
        chosen(SESSIONS, session=session)


def test_t1w_and_t2w_of_two_sessions_need_to_be_named():
    two = [SESSIONS[0], SESSIONS[3]]
    with pytest.raises(SubjectError, match="T1w is of session a, the T2w of session b"):
        chosen(two)
    assert chosen(two, t1w="*ses-a*", t2w="*ses-b*").t2w.path == SESSIONS[3]


def test_an_image_with_contrast_agent_is_taken_only_by_name():
    agent = f"{ANAT}ce-gadolinium_T1w.nii.gz"
    found = chosen([agent, *PAIR])
    assert found.t1w.path == PAIR[0]
    assert found.t1w.reason == "1 of 2: leaving out contrast agent (ce-gadolinium)"
    with pytest.raises(SubjectError, match="contrast agent"):
        chosen([agent, PAIR[1]])
    assert chosen([agent, *PAIR], t1w="*_ce-gadolinium_*").t1w.path == agent


@pytest.mark.parametrize("suffix", ["T1w", "T2w"])
def test_a_missing_contrast_is_said(suffix):
    rest = [path for path in PAIR if suffix not in path]
    with pytest.raises(SubjectError, match=rf"there is no \*_{suffix}"):
        chosen(rest)


@pytest.mark.parametrize(
    "name",
    [
        "label-lesion_mask.nii.gz",
        "label-lesion_mask.nii",
        "label-lesionStroke_mask.nii.gz",
        "desc-lesion_mask.nii.gz",
        "label-L_desc-T1lesion_mask.nii.gz",
        "lesion_mask.nii",
        "T1w_label-lesion_roi.nii.gz",
        "roi.nii.gz",
        "space-T1w_label-lesion_mask.nii.gz",
    ],
)
@pytest.mark.parametrize("folder", ["sub-01/anat", "derivatives/lesions/sub-01/anat"])
def test_lesion_masks_are_known_by_name(name, folder):
    mask = f"{folder}/sub-01_{name}"
    beside = mask.startswith("sub-01")
    found = chosen([*PAIR, *([mask] if beside else [])], [] if beside else [mask])
    assert found.lesion is not None
    assert found.lesion.path == mask


def test_a_mask_beside_the_scan_goes_before_derivatives():
    own, other = f"{ANAT}label-lesion_mask.nii.gz", "derivatives/x/sub-01/sub-01_roi.nii.gz"
    found = chosen([*PAIR, own], [other])
    assert found.lesion is not None
    assert found.lesion.path == own


def test_two_lesion_masks_are_refused():
    masks = [f"derivatives/{x}/sub-01/anat/sub-01_label-lesion_mask.nii.gz" for x in "ab"]
    with pytest.raises(SubjectError, match=r"2 lesion masks match.*source\.lesion"):
        chosen(PAIR, masks)


def test_a_lesion_mask_in_another_space_is_never_passed_over():
    with pytest.raises(SubjectError, match="another space"):
        chosen(PAIR, ["derivatives/x/sub-01/sub-01_space-MNI152NLin6Asym_label-lesion_mask.nii.gz"])


def test_a_mask_of_another_session_is_not_taken():
    mask = "sub-01/ses-b/anat/sub-01_ses-b_label-lesion_mask.nii.gz"
    assert chosen([*SESSIONS, mask], session="a").lesion is None
    assert chosen([*SESSIONS, mask], session="b").lesion is not None


def visits(*labels: str) -> list[str]:
    return [f"sub-01/ses-{s}/anat/sub-01_ses-{s}_{k}.nii" for s in labels for k in ("T1w", "T2w")]


@pytest.mark.parametrize(
    ("labels", "session", "label"),
    [
        (("1", "2", "10"), "first", "1"),
        (("1", "2", "10"), "last", "10"),
        (("M00", "M06", "M24"), "last", "M24"),
        (("20190301", "20181231"), "first", "20181231"),
        (("baseline",), "last", "baseline"),
        (("first", "second"), "first", "first"),
    ],
)
def test_first_and_last_of_sessions_go_by_numbers(labels, session, label):
    assert f"ses-{label}_" in chosen(visits(*labels), session=session).t1w.path


def test_the_first_session_is_one_with_both_scans_and_is_named():
    found = chosen([*visits("2", "3"), "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii"], session="first")
    assert found.t2w.path == "sub-01/ses-2/anat/sub-01_ses-2_T2w.nii"
    assert found.t1w.reason == "1 of 3: source.session=first (ses-2)"
    assert chosen(PAIR, session="first").t1w.reason == "the only one"


def test_sessions_without_an_order_are_not_guessed():
    with pytest.raises(
        SubjectError,
        match=r"the labels of sessions post, pre have no "
        r"order.*\{column\}",
    ):
        chosen(visits("pre", "post"), session="first")


def test_sidecars_part_scans_and_are_told_of_a_scan_that_was_named():
    two = [*PAIR, f"{ANAT}acq-b_T1w.nii.gz"]
    agents = {PAIR[0]: "ContrastBolusAgent=Gd"}

    def said(path: str) -> str:
        return agents.get(path, "")

    found = scans(two, [], Wanted(), said)
    assert found.t1w.path == two[2]
    assert "ContrastBolusAgent=Gd" in found.t1w.reason
    named = scans(two, [], Wanted(t1w="*sub-01_T1w*"), said)
    assert named.t1w.path == PAIR[0]
    assert "although marked contrast agent (ContrastBolusAgent=Gd" in named.t1w.reason


def test_a_mask_that_is_named_elsewhere_is_not_chosen_among_several():
    two = [f"{ANAT}label-lesion_desc-{rater}_mask.nii" for rater in "ab"]
    found = scans([*PAIR, *two], [], Wanted(), given=("lesion",))
    assert found.lesion is None
    assert found.passed == tuple(two)


def test_maps_are_taken_by_name_alone_and_never_the_wrong_way_round():
    maps = [f"{ANAT}{kind}.nii.gz" for kind in ("UNIT1", "R1map", "T1map")]
    assert chosen([*PAIR, *maps]).t1w.path == PAIR[0]
    assert chosen([*PAIR, *maps], t1w="*_R1map.*").t1w.path == maps[1]
    with pytest.raises(SubjectError, match=r"T1map\.nii\.gz is bright where a T1w is dark"):
        chosen([*PAIR, *maps], t1w="*_T1map.*")
    with pytest.raises(SubjectError, match=r"but sub-01_UNIT1.*source\.t1w=\*_UNIT1"):
        chosen([PAIR[1], *maps])


def test_one_name_in_two_folders_is_told_apart():
    other = "sub-01/old/sub-01_T1w.nii.gz"
    with pytest.raises(SubjectError, match=r"sub-01/anat/.*, sub-01/old/.*\*/anat/\*"):
        chosen([*PAIR, other])
    assert chosen([*PAIR, other], t1w="*/anat/*").t1w.path == PAIR[0]
