"""Words for contrast agents are the same in labels of names and in descriptions of series."""

from __future__ import annotations

import pytest

from rt1t2_dask.bids.agent_words import says_agent

GIVEN = (
    "postGd", "T1_Gadavist", "t1_mprageGd", "highresPost", "AX T1 SE GD", "T1 POST GAD",
    "T1 mit Kontrastmittel", "T1 con contraste", "t1 avec injection", "T1 met contrast", "t1tsece",
    "MPRAGEce", "T1_Primovist", "sag T1 na contrastmiddel", "t1 (C+)", "preop T1 postGd",
    "high resolution T1 post", "T1_gd_dyn", "CE-T1w",
    "t1c", "T1C", "MPRAGEpost", "mprage_post", "T1wpost", "MPRAGEc", "t1 post 5min",
    "postInjection", "post injury T1 gd", "T1 com Gadolínio", "após gadolínio", "T1 med kontrast",
)  # fmt: skip
NOT_GIVEN = (
    "T1 postcentral", "t1center", "preGd", "MPRAGEpreGd", "T1 sin contraste", "noenhancement",
    "T1 ohne Kontrast", "high contrast", "lowContrast", "postictal", "T1 post mortem", "sequence",
    "T1 without injection", "t1_non_enhanced", "T1 w/o contrast", "space", "ceiling", "incentre",
    "postStim", "se_t1_gdansk", "t1 wo contrast", "T1 precontrast",
    "injury", "postInjury", "TBI injury", "postRT", "post radiotherapy", "post6m", "post-12wk",
    "postTMS", "T1 3D sem contraste", "T1 pré gado", "T1 utan kontrast", "nativ KM", "t1 sec",
    "postChemo", "T1 uden kontrast", "T1 cor", "T1_C_spine", "préGd",
)  # fmt: skip


@pytest.mark.parametrize("text", GIVEN)
def test_an_agent_is_told(text):
    assert says_agent(text)


@pytest.mark.parametrize("text", NOT_GIVEN)
def test_no_agent_is_told(text):
    assert not says_agent(text)
