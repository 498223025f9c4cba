"""What gains and protocols do to a design: columns, refusals, and the same t whatever lambda."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rt1t2_dask.config.contrasts import OneSample
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.design import (
    ContrastRefusedError,
    held_constant,
    usable,
    z_covariates,
)
from rt1t2_dask.pipelines.calibration.group_scale import (
    ScaleSettings,
    read_scaled,
    scale_settings,
    study_scale,
)
from rt1t2_dask.pipelines.calibration.plan import PersonGain
from rt1t2_dask.pipelines.contrasts.plan import against
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.pipelines.share.design import wanted_of
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.designs import paired
from rt1t2_dask.stats.glm.fit import fit

GROUP = ["psp"] * 6 + ["hc"] * 8


def plans_of(anchor, protocol="P1", corrected=True, weight=0.7, flagged=()):
    named = [protocol] * len(anchor) if isinstance(protocol, str) else protocol
    return [
        PersonPlan(
            Person(f"sub-{k}", "g"), {}, {},
            PersonGain(float(np.exp(-weight * a)), float(a), named[k], corrected, k in flagged),
        )
        for k, a in enumerate(anchor)
    ]  # fmt: skip


def anchors(n=14):
    return np.random.default_rng(0).normal(0, 0.3, n)


def people(group=GROUP):
    return pd.DataFrame({"group": group})


def test_without_gains_a_design_stays_as_it_is():
    design = two_sample(GROUP, "psp", "hc")
    plans = [PersonPlan(Person(f"sub-{k}", "g"), {}) for k in range(14)]
    assert held_constant(design, people(), plans) is design
    assert scale_settings(plans, study_scale(plans)) == {}


def test_the_anchor_is_held_where_gain_is_taken_out_alone():
    design = two_sample(GROUP, "psp", "hc")
    held = held_constant(design, people(), plans_of(anchors()))
    assert held.names == ("psp", "hc", "anchor")
    np.testing.assert_allclose(held.matrix[:, 2], anchors() - anchors().mean())
    assert held.contrast[:, 0].tolist() == [1, -1, 0]
    left = held_constant(design, people(), plans_of(anchors(), corrected=False))
    assert left.names == ("psp", "hc")


def test_t_on_logs_does_not_depend_on_lambda():
    """Corrected and raw maps give one t once the anchor is held (METHODS 2b, 6)."""
    rng = np.random.default_rng(5)
    raw = rng.normal(0, 0.1, (14, 9)) + anchors()[:, None]
    found = []
    for weight in (0.0, 0.4, 1.0):
        plans = plans_of(anchors(), weight=weight)
        design = held_constant(two_sample(GROUP, "psp", "hc"), people(), plans)
        told = ScaleSettings(**scale_settings(plans, "log"))
        rows = np.stack([read_scaled(told, k, np.exp(raw[k])) for k in range(14)])
        found.append(fit(rows, design).t)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-9)


def test_t_equals_plain_least_squares():
    rng = np.random.default_rng(6)
    y = rng.normal(1.5, 0.1, 14) + 0.3 * anchors()
    design = held_constant(two_sample(GROUP, "psp", "hc"), people(), plans_of(anchors()))
    t = fit(y[:, None], design).t[0]
    x = np.column_stack([np.ones(14), np.array(GROUP) == "psp", anchors()]).astype(float)
    beta, rest, *_ = np.linalg.lstsq(x, y, rcond=None)
    se = np.sqrt(rest[0] / 11 * np.linalg.inv(x.T @ x)[1, 1])
    assert t == pytest.approx(beta[1] / se)
    assert 0 < 2 * stats.t.sf(abs(t), 11) < 1


def test_several_protocols_get_a_term_and_logs():
    protocol = ["P1", "P2"] * 7
    plans = plans_of(anchors(), protocol)
    assert study_scale(plans) == "log"
    design = held_constant(two_sample(GROUP, "psp", "hc"), people(), plans)
    assert design.names == ("psp", "hc", "protocol[P2]", "anchor of P1", "anchor of P2")


def test_a_protocol_that_is_the_site_adds_nothing():
    protocol = ["P1", "P2"] * 7
    site = pd.DataFrame({"site": ["north", "south"] * 7})
    design = two_sample(GROUP, "psp", "hc", site)
    held = held_constant(design, people(), plans_of(anchors(), protocol, corrected=False))
    assert held.names == design.names


@pytest.mark.parametrize("protocol", [["P1"] * 6 + ["P2"] * 8, ["P1"] * 12 + ["P2"] * 2])
def test_confounded_protocols_are_refused(protocol):
    plans = plans_of(anchors(), protocol, corrected=False)
    with pytest.raises(ContrastRefusedError, match=r"confounded.*calibration=gm_median"):
        held_constant(two_sample(GROUP, "psp", "hc"), people(), plans)


def test_too_few_people_for_the_anchor_are_refused_not_raised_as_bad_input():
    group = ["psp"] * 2 + ["hc"] * 2
    with pytest.raises(ContrastRefusedError, match="residual degrees of freedom"):
        held_constant(two_sample(group, "psp", "hc"), people(group), plans_of(anchors(4)))


def test_pairs_hold_the_difference_of_anchors():
    group = ["before"] * 6 + ["after"] * 6
    design = paired(group, "after", "before", [*range(6), *range(6)])
    held = held_constant(design, people(group), plans_of(anchors(12)))
    wanted = anchors(12)[6:] - anchors(12)[:6]
    np.testing.assert_allclose(held.matrix[:, 1], wanted - wanted.mean())


def test_who_is_another_sequence_is_left_out_only_where_gain_is_taken_out():
    rows, kept = usable(people(), plans_of(anchors(), flagged=(0, 9)))
    assert len(kept) == len(rows) == 12 and rows["group"].tolist() == GROUP[1:9] + GROUP[10:]
    _, everybody = usable(people(), plans_of(anchors(), flagged=(0,), corrected=False))
    assert len(everybody) == 14


def test_z_needs_controls_that_vary():
    controls = np.array(GROUP) == "hc"
    found = z_covariates({"age": list(range(14))}, plans_of(anchors()), controls)
    assert list(found) == ["anchor"]
    protocol = ["P1"] * 3 + ["P2"] * 3 + ["P1"] * 8
    plans = plans_of(anchors(), protocol, corrected=False)
    with pytest.raises(ContrastRefusedError, match="controls do not vary"):
        z_covariates({}, plans, controls)


def test_too_few_controls_for_the_columns_are_said_as_such():
    age = np.random.default_rng(1).normal(60, 9, (3, 10))
    plans = plans_of(anchors(10))
    known = {f"c{k}": values.tolist() for k, values in enumerate(age)}
    with pytest.raises(
        ContrastRefusedError, match="4 controls are too few to adjust for anchor"
    ) as said:
        z_covariates(known, plans, np.arange(10) > 5)
    assert "do not vary" not in str(said.value)
    two = {name: known[name] for name in ("c0", "c1")}
    with pytest.raises(ContrastRefusedError, match=r"5 controls are too few.*at least 2 more"):
        z_covariates(two, plans, np.arange(10) > 4)
    assert list(z_covariates(two, plans, np.arange(10) > 3)) == ["anchor"]


def test_a_column_that_follows_from_covariates_in_the_controls_is_said_as_such():
    controls = np.array(GROUP) == "hc"
    score = np.where(controls, 2 * anchors(), 1.0).tolist()
    with pytest.raises(
        ContrastRefusedError, match="confounded with the covariates in the controls"
    ):
        z_covariates({"score": score}, plans_of(anchors()), controls)


def test_a_mean_is_compared_with_its_value_on_the_scale_of_the_contrasts():
    form = OneSample(test="one_sample", group="hc", value=1.4)
    maps = np.array([1.5, 1.3, np.nan], np.float32)
    told = ScaleSettings(**against(form, "ratio"))
    np.testing.assert_allclose(read_scaled(told, 0, maps), maps - 1.4, rtol=1e-5)
    told = ScaleSettings(**against(form, "log"), scale="log", factors=[0.9])
    found = read_scaled(told, 0, maps)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.log(0.9 * maps / 1.4), rtol=1e-4)
    zero = form.model_copy(update={"value": 0.0})
    assert against(zero, "ratio") == {}
    with pytest.raises(ContrastRefusedError, match="value=0 has none"):
        against(zero, "log")
    wanted_of(zero, ("hc",), sites=True)
    with pytest.raises(UserError, match=r"one_sample against 1\.4 needs individual data"):
        wanted_of(form, ("hc",), sites=True)
