"""A contrast that gains make impossible is refused alone; who is left out is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from rt1t2_dask.config.study import Cohort, Config, parse
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.analyses import registry_of
from rt1t2_dask.pipelines.analysis import Group, GroupPlan, plan_group
from rt1t2_dask.pipelines.calibration.plan import PersonGain
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS, SMOOTH
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.pipelines.quality import table as quality_table
from rt1t2_dask.pipelines.receptors.analysis import Receptors
from rt1t2_dask.storage.parts import Lake, Part

TEMPLATE = {"template_out": Part("template_out", "0" * 32)}
BOTH = {"patVsHc": ["pat", "hc"]}
ONE_OUT = "excludes 1 person with unknown gain"


def configured(*words: str, contrasts: object = None, covariates: tuple[str, ...] = ()) -> Config:
    with initialize_config_module("rt1t2_dask.conf", version_base="1.3"):
        tree = OmegaConf.to_container(
            compose("config", ["+cohort=psp", "permute.n=0", *words]), resolve=True
        )
    said = {"name": "small", "groups": {"pat": "P", "hc": "C"}, "reference": "hc"}
    said |= {"contrasts": contrasts or BOTH, "covariates": list(covariates)}
    return parse(tree).model_copy(update={"cohort": Cohort.model_validate(said)})


def gain(anchor: float, protocol: str = "P1", corrected: bool = True, flagged: bool = False):
    known = np.isfinite(anchor) and not flagged and corrected
    return PersonGain(
        float(np.exp(-0.9 * anchor)) if known else 1.0, anchor, protocol, corrected, flagged
    )


def planned(config: Config, n: tuple[int, int], gains=None, **columns: list[object]) -> GroupPlan:
    labels = [f"sub-{k:02d}" for k in range(sum(n))]
    group = ["pat"] * n[0] + ["hc"] * n[1]
    people = pd.DataFrame({"participant_id": labels, "group": group})
    for name, values in columns.items():
        people[f"covariate:{name}"] = values
    known = gains or [None] * sum(n)
    plans = [
        PersonPlan(Person(label, own), _tasks(Part("ratio", f"{k:032x}")), {}, one)
        for k, (label, own, one) in enumerate(zip(labels, group, known, strict=True))
    ]
    group = Group(config, Lake(config.storage.url), people, tuple(plans), TEMPLATE, predicted=True)
    return plan_group(group, registry_of(config))


def _tasks(ratio: Part) -> dict[str, Task]:
    smooth = SMOOTH.task({"fwhm_mm": 10, "edge": "normalised"}, {"ratio": ratio})
    return {"smooth": smooth, "parcels": PARCELS.task({}, {"smooth": smooth.part})}


def gains_of(n: int, seed: int = 0, **more: object) -> list[PersonGain]:
    anchors = np.random.default_rng(seed).normal(0, 0.3, n)
    return [gain(float(a), **more) for a in anchors]


def receptors(plan: GroupPlan) -> dict[str, Task]:
    return plan.of(Receptors).groups


def said(plan: GroupPlan, text: str) -> list[str]:
    return [note for note in plan.notes if text in note]


@pytest.mark.parametrize(
    ("odd", "why"),
    [(gain(float("nan")), "CSF could not be measured: 1"),
     (gain(0.1, flagged=True), "another sequence?): 1")],
)  # fmt: skip
def test_who_is_left_out_is_said_at_contrast_and_receptors(odd, why):
    gains = gains_of(17)
    gains[3] = odd
    plan = planned(configured(), (8, 9), gains)
    assert contrasts_of(plan)["patVsHc"].design.n == 16
    for what in ("Contrast patVsHc", "The receptor analysis"):
        (note,) = said(plan, f"{what} {ONE_OUT}")
        assert why in note and "calibration=none" in note
    nobody = planned(configured(), (8, 9), gains_of(17))
    assert not said(nobody, "excludes 1")


def test_where_no_gain_is_taken_out_nobody_is_left_out():
    gains = gains_of(17, corrected=False)
    gains[3] = gain(0.1, corrected=False, flagged=True)
    plan = planned(configured(), (8, 9), gains)
    assert contrasts_of(plan)["patVsHc"].design.n == 17 and not said(plan, "excludes 1")


COUPLE = [*range(2), *range(9)]
FORMS = {
    "two": ["pat", "hc"],
    "pairs": {"test": "paired", "groups": ["pat", "hc"], "pair": "couple"},
    "mean": {"test": "one_sample", "group": "pat"},
    "slope": {"test": "regression", "of": "score", "within": ["pat"]},
    "formula": {"formula": "~ group", "weights": {"group[pat]": 1}},
}


@pytest.mark.parametrize("name", list(FORMS))
def test_a_contrast_that_leaving_out_makes_impossible_is_refused_alone(name):
    """Two patients, one of whom is left out: exit 0, everything else is made."""
    gains = gains_of(11)
    gains[1] = gain(0.1, flagged=True)
    config = configured(contrasts={name: FORMS[name]})
    plan = planned(config, (2, 9), gains, couple=COUPLE, score=list(range(11)))
    assert not contrasts_of(plan) and said(plan, f"No contrast {name}")
    assert said(plan, ONE_OUT) and receptors(plan)


def test_pairs_that_leaving_out_breaks_are_refused_alone():
    """Two people of each group are left, but of one pair only."""
    gains = gains_of(6)
    gains[0] = gains[4] = gain(0.1, flagged=True)
    config = configured("receptors.option=paired_difference", contrasts={"pairs": FORMS["pairs"]})
    plan = planned(config, (3, 3), gains, couple=["a", "b", "c"] * 2)
    (note,) = said(plan, "No contrast pairs")
    assert "calibration=none" in note and not contrasts_of(plan)
    assert said(plan, "No receptor correlations of pairs: 0 complete pairs")


def test_a_contrast_that_the_anchor_leaves_no_dof_is_refused_alone():
    anchors = [1.0, -1.0, *np.random.default_rng(0).normal(0, 0.01, 14).tolist()]
    plan = planned(configured("contrast.variance=welch"), (2, 14), [gain(a) for a in anchors])
    (note,) = said(plan, "No contrast patVsHc")
    assert "anchor" in note and "calibration=none" in note and not contrasts_of(plan)


def test_what_is_wrong_without_gains_too_stays_wrong_input():
    config = configured(covariates=("age",))
    with pytest.raises(UserError, match="age is missing"):
        planned(config, (8, 9), gains_of(17), age=[None, *range(16)])


@pytest.mark.parametrize("option", ["effect_size", "paired_difference"])
def test_receptors_are_refused_where_protocol_and_group_are_one(option):
    pairs = {"pairs": FORMS["pairs"]}
    config = configured(f"receptors.option={option}", contrasts=pairs)
    apart = [gain(0.1 * k, "P1" if k < 6 else "P2", corrected=False) for k in range(12)]
    couple = [*range(6), *range(6)]
    plan = planned(config, (6, 6), apart, couple=couple)
    assert not receptors(plan) and said(plan, "No receptor correlations of")[0].count("confounded")
    mixed = [gain(0.1 * k, "P1" if k % 6 < 3 else "P2", corrected=False) for k in range(12)]
    plan = planned(config, (6, 6), mixed, couple=couple)
    assert len(receptors(plan)) == 1
    # A pair of one protocol has none in its difference.
    assert len(said(plan, "do not hold protocol[P2] constant")) == (option == "effect_size")


def test_z_holds_protocols_without_covariates_too():
    config = configured("receptors.covariates=false", covariates=("age",))
    age = list(range(12))
    apart = [gain(0.1, "P1" if k < 6 else "P2", corrected=False) for k in range(12)]
    plan = planned(config, (6, 6), apart, age=age)
    assert not receptors(plan) and said(plan, "controls do not vary in it")
    mixed = [gain(0.1, "P1" if k % 2 else "P2", corrected=False) for k in range(12)]
    (task,) = receptors(planned(config, (6, 6), mixed, age=age)).values()
    assert list(task.settings.covariates) == ["protocol[P2]"]


def test_covariates_called_as_columns_of_gain_keep_their_values():
    config = configured(covariates=("anchor", "age"))
    own, age = np.random.default_rng(1).permutation(17).tolist(), list(range(17))
    gains = gains_of(17)
    plan = planned(config, (8, 9), gains, anchor=own, age=age)
    names = contrasts_of(plan)["patVsHc"].design.names
    assert names == ("pat", "hc", "covariate:anchor", "age", "anchor")
    (task,) = receptors(plan).values()
    z = task.settings.covariates
    assert list(z) == ["covariate:anchor", "age", "anchor"]
    assert list(z["covariate:anchor"]) == own
    assert list(z["anchor"]) == [one.anchor for one in gains]


def test_a_text_covariate_called_protocol_keeps_its_column():
    config = configured(covariates=("protocol",))
    gains = [gain(0.1, "P1" if k % 2 else "P2", corrected=False) for k in range(16)]
    named = [f"P{1 + k // 2 % 2}" for k in range(16)]
    names = contrasts_of(planned(config, (8, 8), gains, protocol=named))["patVsHc"].design.names
    assert names == ("pat", "hc", "covariate:protocol[P2]", "protocol[P2]")


def test_quality_says_no_of_whom_contrasts_leave_out_and_has_no_z_of_them(monkeypatch):
    gains = [gain(0.1 * k) for k in range(5)]
    gains[1] = gain(float("nan"))
    plans = [PersonPlan(Person(f"sub-{k}", "pat"), {}, {}, one) for k, one in enumerate(gains)]
    numbers = {f"sub-{k}": {"ratio_white": 1.0 + k / 10} for k in range(5)}
    monkeypatch.setattr(
        quality_table, "_covered", lambda lake, plan: numbers[plan.person.label].copy()
    )
    rows = quality_table.quality_table(None, configured(), plans)
    assert rows["used"].tolist() == ["yes", "no", "yes", "yes", "yes"]
    assert rows["flag"].notna().tolist() == [False, True, False, False, False]
    logs = np.log([1.0 * gains[0].factor] + [(1 + k / 10) * gains[k].factor for k in (2, 3, 4)])
    wanted = (logs - np.median(logs)) / (1.4826 * np.median(np.abs(logs - np.median(logs))))
    z = rows["ratio_white_z"].to_numpy()
    assert np.isnan(z[1])
    np.testing.assert_allclose(z[[0, 2, 3, 4]], wanted)
