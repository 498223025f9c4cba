"""Sums over cells of people: what can be worked out from them, and what they give together."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rt1t2_dask.errors import UserError
from rt1t2_dask.sites.cells import (
    MOST_HELD,
    Patterns,
    atoms,
    count,
    divide,
    held,
    is_safe,
)
from rt1t2_dask.sites.joint import SiteGrams, Wanted, build, joint_sums
from rt1t2_dask.sites.pooled import pooled_test
from rt1t2_dask.sites.shared import (
    add_differences,
    columns_of,
    demographics_of,
    group_sums,
    products_of,
    require_safe,
    rounded,
    with_own,
)
from rt1t2_dask.stats.clusters.neighbours import add_products, neighbour_index
from rt1t2_dask.stats.demographics import compare, joint_demographics
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.stats.glm.sufficient import accumulate, add

LEAST = 4


def brute_force(functionals: np.ndarray, few: int) -> float:
    """Largest share of squared weights of ``few`` people in any combination of functionals."""
    basis = np.linalg.svd(functionals.T, full_matrices=False)
    basis = basis[0][:, basis[1] > 1e-9]
    return max(
        np.linalg.svd(basis[list(rows)], compute_uv=False).max() ** 2
        for rows in itertools.combinations(range(len(basis)), few)
    )


def people_with_gaps(seed, n=14, voxels=300):
    rng = np.random.default_rng(seed)
    design = np.column_stack([np.ones(n), rng.uniform(30, 80, n)])
    values = rng.normal(1.5, 0.1, (n, voxels))
    for person in rng.choice(n, 5, replace=False):
        start = rng.integers(0, voxels - 60)
        values[person, start : start + rng.integers(5, 60)] = np.nan
    return design, values


def cells_of(design, values, least=LEAST):
    tally: dict[bytes, int] = {}
    count(np.isfinite(values), tally)
    patterns = Patterns.of(tally, len(values))
    return divide(np.arange(len(values)), patterns, design, least), patterns


def test_held_is_the_largest_share_of_any_set():
    for seed in range(4):
        design = people_with_gaps(seed, n=9)[0]
        wanted = brute_force(design.T, LEAST - 1)
        found = held(design, LEAST)
        assert found >= wanted - 1e-9
        assert found == pytest.approx(max(wanted, min(found, MOST_HELD)))
    sex = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    assert held(np.column_stack([np.ones(10), sex]), LEAST) == pytest.approx(1)
    assert is_safe(np.ones((5, 1)), 5)
    assert not is_safe(np.ones((4, 1)), 5)


@given(seed=st.integers(0, 200))
def test_no_difference_of_sums_is_about_few_people(seed):
    """Whoever knows everybody's covariates and combines all sums of all voxels finds nobody."""
    design, values = people_with_gaps(seed)
    cells, _ = cells_of(design, values)
    assert sorted(np.concatenate(cells).tolist()) == list(range(len(design)))
    sums = group_sums(values, design, cells)
    member = np.zeros((len(cells), len(design)))
    for k, cell in enumerate(cells):
        member[k, cell] = 1
    who = np.unique((sums.present.astype(float).T @ member), axis=0)
    for one, other in itertools.combinations(who, 2):
        differ = int(np.abs(one - other).sum())
        assert differ == 0 or differ >= LEAST
    functionals = np.concatenate([row * design.T for row in who])
    assert brute_force(functionals, LEAST - 1) <= MOST_HELD + 1e-9


def test_the_attack_finds_people_in_sums_of_whoever_is_there():
    design, values = people_with_gaps(1)
    found = accumulate(values, design, np.ones((1, len(design)), bool), minimum=LEAST)
    single = [
        one - other
        for one, other in itertools.combinations(found.grams, 2)
        if abs(one[0, 0] - other[0, 0]) == 1
    ]
    assert any(np.isclose(np.abs(gap[0, 1]), design[:, 1]).any() for gap in single)
    cells, _ = cells_of(design, values)
    grams = np.stack([design[cell].T @ design[cell] for cell in cells])
    present = np.unique(group_sums(values, design, cells).present, axis=1)
    sums = np.einsum("cn,cij->nij", present.astype(float), grams)
    for one, other in itertools.combinations(sums, 2):
        assert round(abs(one[0, 0] - other[0, 0])) == 0 or abs(one[0, 0] - other[0, 0]) >= LEAST


def test_cells_keep_more_than_leaving_everybody_out():
    design = np.ones((16, 1))
    values = np.ones((16, 100))
    values[3, :40] = values[5, :40] = values[11, :30] = np.nan
    cells, patterns = cells_of(design, values)
    assert len(cells) > 1
    assert min(map(len, cells)) >= LEAST
    assert patterns.kept(cells) > patterns.kept([np.arange(16)]) + 300
    assert len(cells_of(design, np.ones((16, 100)))[0]) == 1


def test_atoms_of_two_exports_are_what_their_difference_is_about():
    first = {name: 0 for name in "abcdefgh"}
    second = {name: 0 for name in "bcdefgh"}
    assert sorted(map(len, atoms([first, second]))) == [1, 7]
    assert len(atoms([first, dict(first)])) == 1


def sites_of_study(seed=0, each=20):
    rng = np.random.default_rng(seed)
    tables, maps = [], []
    for k, site in enumerate("ab"):
        rows = pd.DataFrame({"group": np.tile(["pat", "hc"], each), "site": site})
        rows["age"] = np.round(rng.uniform(30, 80, len(rows)), 1)
        rows["sex"] = np.where(np.arange(len(rows)) % 4 < 2, "M", "F")
        data = rng.normal(1.5, 0.1, (len(rows), 250)) * (1 + 0.3 * k) + 0.002 * rows[["age"]].values
        data[rows["group"] == "pat", :40] -= 0.2
        gaps = ((5, 60, 130), (2, 100, 120)) if k == 0 else ((7, 140, 160),)
        for person, start, stop in gaps:
            data[person, start:stop] = np.nan
        tables.append(rows)
        maps.append(data)
    return tables, maps


def shared_by(rows, data, least=LEAST):
    columns = columns_of(rows[["age", "sex"]], rows["group"])
    require_safe(columns, rows["group"], least)
    tally: dict[bytes, int] = {}
    count(np.isfinite(data), tally)
    patterns = Patterns.of(tally, len(rows))
    groups = {}
    for name in ("pat", "hc"):
        people = np.flatnonzero(rows["group"] == name)
        groups[name] = divide(people, patterns, columns.matrix, least)
    sums = [group_sums(data, columns.matrix, groups[name]) for name in groups]
    cells = [(name, cell) for name, own in groups.items() for cell in own]
    grams = np.stack([columns.matrix[c].T @ columns.matrix[c] for _, c in cells])
    site = SiteGrams(
        rows["site"].iloc[0], columns.names, tuple(n for n, _ in cells), grams, columns.lacking
    )
    arrays = (
        np.concatenate([s.present for s in sums]),
        np.stack([s.cross for s in sums]),
        np.stack([s.squares for s in sums]),
    )
    return site, arrays, [cell for _, cell in cells]


def test_together_they_give_what_one_analysis_gives():
    tables, maps = sites_of_study()
    shared = [shared_by(rows, data) for rows, data in zip(tables, maps, strict=True)]
    wanted = Wanted(("pat", "hc"), ("age", "sex"), np.array([[1.0], [-1.0]]), sites=True)
    joint = build([site for site, _, _ in shared], wanted)
    total = [joint_sums(site, joint, wanted, *arrays) for site, arrays, _ in shared]
    found = pooled_test([add(*total)], joint.model)
    rows = pd.concat(tables, ignore_index=True)
    design = two_sample(rows["group"], "pat", "hc", rows[["age", "sex", "site"]])
    assert joint.names == design.names
    np.testing.assert_allclose(joint.model.everybody, design.matrix.T @ design.matrix, atol=1e-6)
    kept = [data.copy() for data in maps]
    for data, (_, _, cells) in zip(kept, shared, strict=True):
        for cell in cells:
            data[np.ix_(cell, ~np.isfinite(data[cell]).all(axis=0))] = np.nan
    one = fit(np.concatenate(kept), design)
    assert np.isfinite(one.t).sum() > 200
    assert (one.n < 80).any()
    for name in ("t", "dof", "effect", "hedges_g", "se"):
        np.testing.assert_allclose(getattr(found.result, name), getattr(one, name), rtol=1e-9)
    assert (found.complete == np.isfinite(np.concatenate(maps)).all(axis=0)).all()


def test_products_follow_from_differences():
    rng = np.random.default_rng(3)
    mask = rng.random((6, 5, 7)) < 0.9
    index = neighbour_index(mask)
    rows = rng.normal(1.5, 0.1, (8, int(mask.sum())))
    differences, products = np.zeros((6, rows.shape[1])), np.zeros((6, rows.shape[1]))
    for row in rows:
        add_differences(differences, row, index)
        add_products(products, row, index)
    found = products_of(differences, (rows**2).sum(axis=0), index)
    np.testing.assert_allclose(found, products, rtol=1e-12)
    small = rounded(differences)
    np.testing.assert_allclose(small, differences, rtol=2.0**-12)
    assert abs(np.nanmean(small / differences) - 1) < 1e-5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(index=range(1, 35, 2)), "group hc has 3 people here; sums"),
        (lambda t: t.assign(sex=["F"] + ["M"] * 39), "sex[F] holds for 1 of 20 people"),
        (lambda t: t.assign(age=[9000.0] + [50.0] * 39), "about 3 of them"),
        (lambda t: t.assign(age=[np.nan] + [50.0] * 39), "age is missing for 1 people"),
    ],
)  # fmt: skip
def test_what_would_be_about_few_is_refused(change, said):
    rows = change(sites_of_study()[0][0])
    with pytest.raises(UserError) as caught:
        shared_by(rows, np.ones((len(rows), 5)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("covariates", "own", "said"),
    [
        ([], {"anchor": [9.0, *[0.1, 0.2] * 6]},
         "about 3 of them (at most 95 %). Leave out people with outlying values, or set "
         "calibration=none at every site, which shares no own:anchor."),
        (["age"], {"anchor": [9.0, *[0.1, 0.2] * 6]},
         "Use fewer covariates, leave out people with outlying values, or set calibration=none "
         "at every site"),
        ([], {"protocol[P2]": [1.0, 1.0] + [0.0] * 11},
         "own:protocol[P2] holds for 2 of 13 people of group hc; sums need at least 4 "
         "(share.minimum_people). Leave those people out with cohort.exclude, or set "
         "calibration=none at every site"),
        (["age", "far"], {}, "Use fewer covariates, or leave out people with outlying values."),
    ],
)  # fmt: skip
def test_a_column_that_nobody_asked_for_comes_with_the_setting_that_leaves_it_out(
    covariates, own, said
):
    rows = pd.DataFrame({"age": np.linspace(30, 80, 13), "far": [900.0, *[1.0, 2.0] * 6]})
    group = ["hc"] * 13
    columns = with_own(columns_of(rows[covariates], group), own)
    with pytest.raises(UserError) as caught:
        require_safe(columns, group, LEAST)
    assert said in str(caught.value)
    assert ("calibration" in str(caught.value)) == bool(own)
    require_safe(columns_of(rows[["age"]], group), group, LEAST)


def test_another_coding_is_said():
    tables, _ = sites_of_study()
    wanted = Wanted(("pat", "hc"), ("sex",), np.array([[1.0], [-1.0]]), sites=True)

    def refusal(**change):
        other = tables[1].assign(**change)
        grams = [shared_by(t, np.ones((len(t), 3)))[0] for t in (tables[0], other)]
        with pytest.raises(UserError) as caught:
            build(grams, wanted)
        return str(caught.value)

    numbers = (tables[1]["sex"] == "M").astype(float)
    assert "text at site a" in refusal(sex=numbers)
    words = tables[1]["sex"].map({"M": "male", "F": "female"})
    assert "coded sex[F], sex[M] at site a and sex[female], sex[male]" in refusal(sex=words)


def test_a_gain_column_that_the_joint_model_cannot_hold_comes_with_its_setting():
    wanted = Wanted(("pat", "hc"), (), np.array([[1.0], [-1.0]]), sites=True)

    def refusal(own, people):
        group = ["pat", "hc"] * (people // 2)
        columns = with_own(columns_of(pd.DataFrame(index=range(people)), group), own)
        rows = [columns.matrix[k::2] for k in (0, 1)]
        grams = np.stack([one.T @ one for one in rows])
        sites = [
            SiteGrams(name, columns.names, ("pat", "hc"), grams, columns.lacking) for name in "ab"
        ]
        with pytest.raises(UserError) as caught:
            build(sites, wanted)
        return str(caught.value)

    confounded = refusal({"protocol[P2]": [1.0, 0.0] * 6}, 12)
    assert "column 'b/own:protocol[P2]' is" in confounded
    assert "set calibration=none at every site" in confounded
    few = refusal({"anchor of P1": [0.1, 0.5, 0.2, 0.0], "anchor of P2": [0.3, 0.0, 0.1, 0.6]}, 4)
    assert "use fewer covariates, or set calibration=none at every site" in few


def test_demographics_of_sums_are_those_of_people():
    rows = pd.concat(sites_of_study()[0], ignore_index=True)
    each = [demographics_of(t, LEAST) for _, t in rows.groupby("site")]
    found = joint_demographics({g: [one[g] for one in each] for g in ("pat", "hc")}, "hc")
    wanted = compare(rows, ["pat", "hc"], "hc")
    for name in ("n", "age_mean", "age_sd", "n_male", "n_female", "sex_p"):
        np.testing.assert_allclose(found[name].astype(float), wanted[name].astype(float))
    few = rows.iloc[:8].assign(sex=["M"] + ["F"] * 7)
    assert demographics_of(few, LEAST)["pat"]["n_male"] is None
