"""Who is compared with the controls, with which columns, and who is left out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.plan import PersonGain
from rt1t2_dask.pipelines.deviation.design import Compared, compared, groups_asked
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import COVARIATE, Person

N = 12


def config(covariates=(), patients="all", site=None, model="covariate"):
    cohort = SimpleNamespace(
        groups={"psp": "P", "msa": "M", "hc": "C"}, reference="hc", covariates=covariates, site=site
    )
    return SimpleNamespace(
        cohort=cohort,
        deviation=SimpleNamespace(patients=patients),
        site=SimpleNamespace(model=model),
    )


def people(**columns):
    group = ["psp", "msa"] + ["hc"] * N
    rows = {"participant_id": [f"sub-{k}" for k in range(N + 2)], "group": group}
    return pd.DataFrame(rows | {COVARIATE + name: own for name, own in columns.items()})


def plans(protocols=None, anchors=None):
    found = []
    for k in range(N + 2):
        gain = None
        if protocols is not None:
            gain = PersonGain(1.0, float(anchors[k]), protocols[k], True, False)
        found.append(PersonPlan(Person(f"sub-{k}", "g"), {}, {}, gain))
    return found


def test_groups_are_those_asked_for():
    assert groups_asked(config()) == ("psp", "msa")
    assert groups_asked(config(patients="none")) == ()
    assert groups_asked(config(patients=("msa",))) == ("msa",)


def test_without_covariates_there_is_a_mean():
    found = compared(config(), people(), plans())
    assert isinstance(found, Compared)
    assert found.names == ("mean",)
    assert found.patients == (0, 1) and len(found.controls) == N
    assert not found.notes


def test_covariates_are_centred_on_the_controls_whoever_the_patients_are():
    rng = np.random.default_rng(0)
    age = rng.normal(60, 10, N + 2)
    sex = ["F", "M"] + ["F", "M"] * (N // 2)
    rows = people(age=age, sex=sex)
    both = compared(config(("age", "sex")), rows, plans())
    alone = compared(config(("age", "sex"), ("psp",)), rows, plans())
    assert both.names == ("mean", "age", "sex[M]")
    np.testing.assert_array_equal(both.of_controls, alone.of_controls)
    np.testing.assert_array_equal(both.of_patients[:1], alone.of_patients)
    assert both.of_controls[:, 1].mean() == pytest.approx(0)
    assert both.of_patients[0, 1] == pytest.approx(age[0] - age[2:].mean())


def test_a_category_that_no_control_has_leaves_the_patient_out():
    rows = people(sex=["X", "M"] + ["F", "M"] * (N // 2))
    found = compared(config(("sex",)), rows, plans())
    assert found.patients == (1,)
    assert "1 patient cannot be compared with the controls" in found.notes[0]


def test_a_constant_of_the_controls_holds_for_those_alone_who_share_it():
    found = compared(config(("sex",)), people(sex=["F", "M"] + ["M"] * N), plans())
    assert found.names == ("mean",)
    assert found.patients == (1,)


def test_protocol_and_anchor_are_held():
    rng = np.random.default_rng(1)
    named = ["P1", "P2"] + ["P1", "P2"] * (N // 2)
    found = compared(config(), people(), plans(named, rng.normal(0, 0.3, N + 2)))
    assert found.names == ("mean", "protocol[P2]", "csf of P1", "csf of P2") or (
        len(found.names) == 4 and found.names[1] == "protocol[P2]"
    )
    assert np.linalg.matrix_rank(found.of_controls) == 4


def test_a_protocol_with_too_few_controls_leaves_its_patients_out():
    rng = np.random.default_rng(1)
    named = ["P2", "P1"] + ["P2"] * 2 + ["P1"] * (N - 2)
    found = compared(config(), people(), plans(named, rng.normal(0, 0.3, N + 2)))
    assert found.patients == (1,)
    assert "fewer than 3 controls have their scan protocol" in found.notes[0]


def test_the_site_is_held_where_contrasts_hold_it():
    site = ["a", "b"] + ["a", "b"] * (N // 2)
    for model, names in (("combat", ("mean", "site[b]")), ("none", ("mean",))):
        found = compared(config(site="site", model=model), people(site=site), plans())
        assert found.names == names


def test_too_few_controls_are_a_reason_and_no_failure():
    rows = people().iloc[:6]
    said = compared(config(), rows, plans()[:6])
    assert said.startswith("there are 4 controls and 2 patients")
    rng = np.random.default_rng(2)
    names = tuple("abcdefghijk")
    said = compared(config(names), people(**{n: rng.normal(size=N + 2) for n in names}), plans())
    assert said.startswith("12 controls are too few for the columns mean, a, b")


def test_a_missing_covariate_is_one_line():
    age = np.r_[np.nan, np.arange(N + 1)]
    with pytest.raises(UserError, match=r"covariate age is missing for 1 of 14 .*sub-0"):
        compared(config(("age",)), people(age=age), plans())
