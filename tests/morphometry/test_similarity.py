"""Similarity networks, case-control numbers and cohorts together, against the NSPN tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rt1t2_dask.config.morphometry import Similarity
from rt1t2_dask.morphometry import features, similarity
from rt1t2_dask.morphometry.across import combine, shared_people
from rt1t2_dask.morphometry.regions import average_parts, canonical
from rt1t2_dask.stats import contrast, from_formula

NSPN = Path("reference") / "transcriptomics" / "ms_nspn"
SETS = {
    "T1_5": ("volume", "area", "thickness", "meancurv", "gauscurv"),
    "T1_7": ("thickness", "area", "volume", "meancurv", "gauscurv", "foldind", "curvind"),
    "T1_7_MT": (
        *("thickness", "area", "volume", "meancurv", "gauscurv", "foldind", "curvind"),
        "MT",
    ),
}


@pytest.mark.parametrize("name", list(SETS))
def test_regional_similarity_of_nspn(shared, name):
    known = np.load(shared / NSPN / "features_first40.npz", allow_pickle=True)
    columns = [list(known["features"]).index(f) for f in SETS[name]]
    values = np.moveaxis(known["values"], 0, 2)[:, :, columns]
    expected = pd.read_csv(shared / NSPN / f"regional_ms_{name}_first40.csv.gz").iloc[:, 1:]
    found = similarity.regional(similarity.networks(values))
    np.testing.assert_allclose(found, expected.to_numpy(), atol=1e-6)


def test_case_control_and_cohorts_of_nspn(shared):
    people = pd.read_csv(shared / NSPN / "design_all297.csv")
    values = pd.read_csv(shared / NSPN / "regional_ms_T1_5_all297.csv.gz").iloc[:, 1:].to_numpy()
    expected = pd.read_csv(shared / NSPN / "case_control_T1_5.csv")
    named = pd.DataFrame(
        {
            "group": people["group"].map({0: "reference", 1: "site"}),
            "age": people["age"],
            "sex": people["sex"].map({0: "f", 1: "m"}),
        }
    )
    t, dof, n = [], [], []
    for cohort in ("discovery", "validation"):
        rows = np.flatnonzero((people["cohort"] == cohort).to_numpy())
        design = from_formula("~ group + age * sex", named, rows, of="group", reference="reference")
        found = contrast(values, design)
        np.testing.assert_allclose(found["t"], expected[f"t_{cohort}"], atol=1e-6)
        t.append(found["t"].to_numpy())
        dof.append(found["dof"].to_numpy())
        n.append(len(rows))
    together = combine(np.array(t), np.array(dof), n)
    np.testing.assert_allclose(together["p_fisher"], expected["p_fisher"], atol=1e-6)
    np.testing.assert_allclose(together["q_fisher"], expected["q_fisher"], atol=1e-6)
    np.testing.assert_allclose(together["mean_t"], expected["mean_t"], atol=1e-6)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.1, 50), st.floats(-100, 100))
def test_similarity_does_not_know_units(seed, factor, offset):
    values = np.random.default_rng(seed).normal(size=(2, 9, 4))
    scaled = values * np.array([factor, 1, 1, 1]) + offset
    assert np.allclose(similarity.networks(values), similarity.networks(scaled), atol=1e-6)


def test_a_missing_region_is_left_out_and_not_guessed():
    values = np.random.default_rng(0).normal(size=(2, 8, 5))
    holed = values.copy()
    holed[0, 3, 1] = np.nan
    found = similarity.networks(holed)
    rest = np.delete(values, 3, axis=1)
    kept = np.delete(np.arange(8), 3)
    assert np.isnan(found[0, 3]).all()
    assert np.allclose(found[0][np.ix_(kept, kept)], similarity.networks(rest)[0])
    assert np.allclose(found[1], similarity.networks(values)[1])
    regional = similarity.regional(found)
    assert np.isnan(regional[0, 3])
    assert np.allclose(regional[0, kept], similarity.regional(similarity.networks(rest))[0])
    assert similarity.global_mean(regional)[0] == pytest.approx(regional[0, kept].mean())


def test_cohorts_together_equal_scipy():
    t, dof = np.array([[2.0], [1.0], [-0.5]]), np.array([[30.0], [50.0], [20.0]])
    p = 2 * stats.t.sf(np.abs(t), dof)
    found = combine(t, dof, [32, 52, 22]).iloc[0]
    assert found["p_fisher"] == pytest.approx(stats.combine_pvalues(p[:, 0], "fisher")[1])
    one_sided = stats.t.sf(t, dof)[:, 0]
    weights = np.sqrt([32, 52, 22])
    z = stats.combine_pvalues(one_sided, "stouffer", weights=weights)[0]
    assert found["z_stouffer"] == pytest.approx(z)
    assert found["positive"] == 2
    assert not found["consistent"]


def test_people_in_two_cohorts_are_counted():
    assert shared_people([[1, 2, 3], [3, 4], [4, 5, 3]]) == 3


@pytest.mark.parametrize("names", [("rt1t2",), ("rt1t2", "area")])
def test_one_map_makes_no_network(names):
    given = dict.fromkeys(("least_regions", "outlier"), 0.8) | {"outliers": "report"}
    with pytest.raises(ValueError, match="one feature cannot make a network"):
        Similarity(features=names, also=("area", "volume"), across="all", **given)


def test_a_feature_looked_at_alone_leaves_the_networks_as_they_are():
    regions = [f"lh_{letter}" for letter in "abcdef"]
    rows = pd.DataFrame(
        [("sub-1", r, f, 1.0) for f in ("area", "volume", "thickness") for r in regions]
        + [("sub-1", r, "rt1t2", 2.0) for r in [*regions[:4], "lh_thalamus"]],
        columns=["participant_id", "region", "feature", "value"],
    )
    found = features.gather(rows, ["sub-1"], ["area", "volume", "thickness"], ["rt1t2"])
    assert found.regions == tuple(regions)
    assert np.isnan(found.values[0, :, 3]).tolist() == [False] * 4 + [True] * 2
    alone = features.gather(rows, ["sub-1"], [], ["rt1t2"])
    assert alone.regions == (*regions[:4], "lh_thalamus")


def test_outliers_and_gaps_are_listed():
    values = np.random.default_rng(2).normal(size=(20, 3, 3))
    values[4, 1, 2], values[5, 0, 0] = 40, np.nan
    data = features.Features(values, ("lh_a", "lh_b", "lh_c"), ("area", "volume", "thickness"))
    odd = features.outlier_table(data, 6)
    assert odd[["person", "region", "feature"]].to_numpy().tolist() == [[4, "lh_b", "thickness"]]
    gaps = features.missing_table(data)
    assert gaps.to_numpy().tolist() == [[5, "lh_a", "area"]]
    assert features.measured_share(values)[5] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "name", ["L_insula", "lh_insula", "lh.insula", "ctx-lh-insula", "left insula", "LH-insula"]
)
def test_one_way_to_write_a_region(name):
    assert canonical(name) == "lh_insula"


def test_parts_are_averaged():
    values, names = average_parts(
        np.array([1.0, 3.0, 5.0, np.nan]),
        ["lh_insula_part1", "lh_insula_part2", "lh_cuneus_part1", "lh_cuneus_part2"],
    )
    assert names == ["lh_insula", "lh_cuneus"]
    assert values.tolist() == [2.0, 5.0]
