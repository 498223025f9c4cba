"""Descriptions of series: words that say something, and the same letters by accident."""

from __future__ import annotations

import pytest

from rt1t2_dask.bids.agent_words import says_agent
from rt1t2_dask.images.dicom.words import says_no_anatomy, says_proton_density


@pytest.mark.parametrize(
    "description",
    ["3plane_loc", "3-plane localizer", "Localiser", "AAHead_Scout_MPR_sag", "Survey_32ch", "loc",
     "LOC 3pl", "ep2d_diff_mddw_30", "DTI", "dwi_b1000", "ADC", "swi_mip", "SWI3D", "tof_3d",
     "TOF3D_multi-slab", "pcasl_3d", "ASL", "perf_ep2d", "Perfusion", "BOLD rest", "fMRI_faces",
     "b1map", "B0 map", "gre_field_mapping", "fieldmap", "phase map", "T1 MIP", "Angiography",
     "MRA neck", "phase contrast", "T/S/C RF FAST PILOT", "SmartBrain", "SENSE RefScan"],
)  # fmt: skip
def test_what_is_no_anatomical_scan(description):
    assert says_no_anatomy(description)


@pytest.mark.parametrize(
    "description",
    ["t1_mpr_sag_p2_iso", "t1_mprage_sag", "T1 dislocation protocol", "performance_t1", "t1_block",
     "T1 different", "hemangioma_t1", "cavernous angioma T1", "single phase T1", "t1_fl3d_asleep",
     "basal T1", "T2 nasal", "location_T2", "diffuse_T2", "mipap T1", "t2_spc_sag_p2_iso", "T1w",
     "3D FSPGR BRAVO", "MPRAGE ADNI", "t1_Boldt_study", "2", ""],
)  # fmt: skip
def test_letters_by_accident(description):
    assert not says_no_anatomy(description)


@pytest.mark.parametrize(
    ("description", "said"),
    [
        *((text, True) for text in ("t1_mpr+C", "T1 + Gd", "t1 post", "T1 KM", "t1_ce", "T1 C+",
                                    "Gadovist T1", "t1 Dotarem", "T1 post contrast", "T1 mit KM")),
        *((text, False) for text in ("T1 pre contrast", "T1 w/o KM", "T1 ohne KM",
                                     "non-contrast T1", "no_gd T1", "T1 without contrast",
                                     "T1 post-op", "postop T1",
                                     "posterior T1", "t1_cerebellum", "T1_center", "kmeans",
                                     "T1 post surgery", "t1_sag_c1")),
    ],
)  # fmt: skip
def test_contrast_agent_is_said_or_denied(description, said):
    assert says_agent(description) is said


def test_density_is_no_study_of_parkinson():
    assert says_proton_density("pdw_mfc_3dflash")
    assert says_proton_density("Proton density")
    assert not says_proton_density("PD_study_T1")
