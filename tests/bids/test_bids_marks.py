"""What names and sidecars say an image is not; the agents of many scanners and languages."""

from __future__ import annotations

import pytest

from rt1t2_dask.bids.agent_words import is_nothing
from rt1t2_dask.bids.marks import agent, beside, unlike
from rt1t2_dask.bids.masks import is_doubtful, is_lesion
from rt1t2_dask.bids.names import session_of, split_words


@pytest.mark.parametrize(
    "entity",
    ["ce-gadolinium", "ce-Gd", "ce-gadobutrol", "acq-postGd", "acq-postgd", "acq-POSTGD", "acq-gd",
     "acq-GD", "acq-mprageGd", "acq-mpragegd", "acq-MPRAGEce", "acq-t1ce", "acq-T1CE", "acq-km",
     "acq-mitKM", "acq-withContrast", "acq-postcontrast", "acq-contrast", "acq-gado", "acq-post",
     "rec-postGad", "desc-enhanced", "acq-3dGd", "acq-spaceGD"],
)  # fmt: skip
def test_names_of_images_after_contrast_agent(entity):
    assert unlike(f"sub-1/anat/sub-1_{entity}_T1w.nii.gz", "T1w") == f"contrast agent ({entity})"


@pytest.mark.parametrize(
    "entity",
    ["ce-none", "ce-NONE", "ce-no", "ce-pre", "acq-preGd", "acq-pregd", "acq-noGd", "acq-nogd",
     "acq-nocontrast", "acq-precontrast", "acq-withoutGd", "acq-ohneKM", "acq-native", "acq-space",
     "acq-mprage", "acq-highcontrast", "acq-highContrast", "acq-fast", "acq-iso1mm", "acq-lock",
     "acq-postop", "acq-postOp", "acq-p2", "acq-3DTFE", "acq-MEMPRvNav", "acq-dislocation",
     "part-mag", "part-magnitude", "rec-norm", "rec-dis3d", "desc-defaced", "space-T1w",
     "space-orig", "mod-T1w", "run-1", "echo-1", "acq-brain", "acq-subcortical"],
)  # fmt: skip
def test_names_of_plain_images(entity):
    assert unlike(f"sub-1/anat/sub-1_{entity}_T1w.nii.gz", "T1w") == ""


@pytest.mark.parametrize(
    ("entity", "suffix"),
    [("part-phase", "T1w"), ("part-ph", "T1w"), ("inv-2", "T1w"), ("desc-brain", "T1w"),
     ("desc-skullstripped", "T2w"), ("desc-bet", "T1w"), ("space-MNI152NLin2009cAsym", "T2w"),
     ("mod-T2w", "T1w"), ("acq-FLAIR", "T2w"), ("acq-t2flair", "T2w"), ("acq-STIR", "T2w"),
     ("acq-mip", "T1w"), ("rec-subtraction", "T1w"), ("acq-scout", "T1w")],
)  # fmt: skip
def test_names_of_other_images(entity, suffix):
    assert unlike(f"sub-1_{entity}_{suffix}.nii", suffix) == entity


def test_a_t1_flair_is_a_t1w():
    assert unlike("sub-1_acq-FLAIR_T1w.nii", "T1w") == ""


def test_echoes_and_derived_images_stand_back():
    assert beside("sub-1_echo-2_desc-preproc_T1w.nii") == "desc-preproc, echo-2"
    assert beside("sub-1_acq-a_T1w.nii") == ""


@pytest.mark.parametrize(
    "text",
    ["NONE", "none", " No ", "n/a", "", "0", "0 ml", "0.0", "No contrast", "without contrast",
     "w/o", "ohne KM", "kein KM", "keine", "sans injection", "sin contraste", "native", "pre",
     "Nil", "Not applicable", "preGd", "-", "False", "UNKNOWN", "None given",
     "nativ", "Nativ (ohne KM)", "(none)", "[NONE]", "sem contraste", "utan kontrast", "NaN",
     "undefined", "NONE\0", "ingen", "uden kontrast", "not given", "nessuno", "sin contrasté"],
)  # fmt: skip
def test_words_for_no_agent(text):
    assert is_nothing(text)


@pytest.mark.parametrize(
    "text",
    ["Gadovist", "GADOLINIUM", "yes", "Y", "1", "0.1 mmol/kg", "7.5", "Nonionic", "NOVA Gd",
     "Prohance", "premixed Gd", "Dotarem 10 ml", "with", "True",
     "Nativis", "(Gd)", "Gadovist (10 ml)"],
)  # fmt: skip
def test_words_for_an_agent(text):
    assert not is_nothing(text)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"ContrastBolusAgent": "Gadovist"}, "ContrastBolusAgent=Gadovist"),
        ({"ContrastBolusIngredient": "GADOLINIUM"}, "ContrastBolusIngredient=GADOLINIUM"),
        ({"ContrastBolusIngredient": ["NONE"]}, ""),
        ({"contrast_bolus_agent": "Gd"}, "contrast_bolus_agent=Gd"),
        ({"Contrast/Bolus Agent": "Gd"}, "Contrast/Bolus Agent=Gd"),
        ({"ceagent": "gd", "ContrastBolusVolume": 0}, "ceagent=gd"),
        ({"ContrastAgent": True}, "ContrastAgent=True"),
        ({"ContrastEnhanced": "no"}, ""),
        ({"ContrastBolusVolume": "10 ml"}, "ContrastBolusVolume=10 ml"),
        ({"ContrastBolusVolume": 0.0, "ContrastBolusTotalDose": 0}, ""),
        ({"ContrastBolusAgent": "", "ContrastBolusVolume": 10}, "ContrastBolusVolume=10"),
        ({"ContrastBolusAgent": "NONE", "ContrastBolusVolume": 10}, ""),
        ({"ContrastBolusAgentSequence": [{"CodeMeaning": "Gadobutrol"}]},
         "ContrastBolusAgentSequence=Gadobutrol"),
        ({"ContrastBolusRoute": "IV", "AcquisitionContrast": "T1", "EchoTime": 0.003}, ""),
    ],
)  # fmt: skip
def test_sidecars_say_whether_an_agent_was_given(document, said):
    assert agent(document) == said


@pytest.mark.parametrize(
    "name",
    ["label-lesion_desc-manual_mask", "desc-manual_label-lesion_mask", "label-L_mask",
     "space-T1w_label-L_desc-x_mask", "label-lesion_roi", "desc-lesionManual_mask", "lesionMask",
     "label-lesions_dseg", "desc-T1lesion_mask", "label-Läsion_mask", "label-lésion_mask", "roi"],
)  # fmt: skip
def test_lesion_masks_whatever_else_their_names_say(name):
    assert is_lesion(f"derivatives/x/sub-01/anat/sub-01_{name}.nii.gz")


@pytest.mark.parametrize(
    "name",
    ["desc-nonlesion_mask", "label-perilesion_mask", "label-GM_mask", "desc-brain_mask", "T1w",
     "desc-lesionfilled_T1w", "label-hippocampus_roi", "desc-lesionFree_mask", "hemi-L_mask",
     "label-lesion_probseg", "label-stroke_mask", "desc-hippocampus_roi"],
)  # fmt: skip
def test_masks_of_no_lesion(name):
    assert not is_lesion(f"sub-lesion1/ses-lesion/anat/sub-lesion1_ses-lesion_{name}.nii.gz")


def test_a_disease_alone_is_pointed_out():
    assert is_doubtful("sub-01_label-stroke_mask.nii")
    assert is_doubtful("sub-01_desc-hippocampus_roi.nii")
    assert not is_doubtful("sub-01_label-hippocampus_roi.nii")
    assert not is_doubtful("sub-01_label-strokelesion_mask.nii")
    assert not is_doubtful("sub-stroke01_desc-brain_mask.nii")


def test_sessions_by_name_or_folder_and_words_of_labels():
    assert session_of("sub-1/ses-b/anat/sub-1_T1w.nii") == "b"
    assert session_of("sub-1/ses-b/anat/sub-1_ses-c_T1w.nii") == "c"
    assert session_of("sub-1/anat/sub-1_T1w.nii") is None
    assert split_words("MPRAGEGd2x") == ["mprage", "gd", "2", "x"]
