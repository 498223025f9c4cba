"""Correlations of a score with colocalisation against scipy and every permutation."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.receptors.scores import score_correlation


def study(n=9, maps=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, maps)), rng.integers(0, 8, n).astype(float)


def test_rho_is_scipys_and_unknown_scores_are_left_out():
    z, score = study()
    score[3] = np.nan
    found = score_correlation(z, score, 0)
    kept = np.isfinite(score)
    wanted = [stats.spearmanr(z[kept, k], score[kept]).statistic for k in range(z.shape[1])]
    np.testing.assert_allclose(found.rho, wanted)
    assert found.n == 8
    assert np.isnan(found.p).all()


def test_p_nears_that_of_all_permutations():
    z, score = study(n=5, maps=3, seed=4)
    found = score_correlation(z, score, 20_000, seed=1)
    every = np.array(list(permutations(score)))
    rho = np.array([[stats.spearmanr(z[:, k], s).statistic for s in every] for k in range(3)])
    own = np.abs(found.rho)[:, None] * (1 - 1e-9)
    np.testing.assert_allclose(found.p, (np.abs(rho) >= own).mean(axis=1), atol=0.02)
    largest = np.abs(rho).max(axis=0)
    np.testing.assert_allclose(found.p_fwe, [(largest >= o).mean() for o in own[:, 0]], atol=0.02)


def test_more_permutations_keep_those_there_are():
    z, score = study()
    few, many = (score_correlation(z, score, n, seed=2) for n in (256, 512))
    reached = np.round(few.p * 257 - 1)
    assert (np.round(many.p * 513 - 1) >= reached).all()


def test_level_is_kept():
    rng = np.random.default_rng(5)
    found = [
        score_correlation(rng.normal(size=(11, 6)), rng.normal(size=11), 199, seed=k).p_fwe.min()
        for k in range(400)
    ]
    assert np.mean(np.array(found) <= 0.05) < 0.09


@pytest.mark.parametrize("n", [0, 4])
def test_too_few_people_have_no_correlation(n):
    found = score_correlation(np.ones((n, 2)), np.ones(n), 99)
    assert np.isnan(found.rho).all()
    assert found.n == n


def test_a_score_that_does_not_vary_has_none():
    found = score_correlation(study()[0], np.ones(9), 99)
    assert np.isnan(found.rho).all()


def test_a_map_that_nobody_has_takes_nobody_out_of_the_others():
    z, score = study()
    more = np.column_stack([z, np.full(len(z), np.nan)])
    found, plain = score_correlation(more, score, 99), score_correlation(z, score, 99)
    for name in ("rho", "p", "p_fwe"):
        np.testing.assert_allclose(getattr(found, name)[:-1], getattr(plain, name))
        assert np.isnan(getattr(found, name)[-1])


@pytest.mark.heavy
@pytest.mark.assets
def test_a_study_correlates_the_scores_of_its_table(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study()
    table = pd.read_csv(root / "participants.tsv", sep="\t", dtype=str)
    table["pain"] = [str(k % 5) if k < 6 else "n/a" for k in range(len(table))]
    table.to_csv(root / "participants.tsv", sep="\t", index=False)
    words = ["cohort.scores=[pain]", "permute.n=0", "receptors.spatial=none", "report.mosaics=0"]
    assert command([*maps_arguments, *words]) == 0
    group = tmp_path / "out" / "group"
    rows = pd.read_csv(group / "receptors_scores.tsv", sep="\t")
    people = pd.read_csv(group / "receptors_people.tsv", sep="\t")
    assert set(rows["n"]) == {6}
    for row in rows.itertuples():
        own = people[people["map"] == row.map]["fisher_z"].to_numpy()
        assert row.rho == pytest.approx(stats.spearmanr(own, [0, 1, 2, 3, 4, 0]).statistic)
    assert "Receptors and scores" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("name", ["sex", "group"])
def test_a_score_of_words_is_refused(maps_study, maps_arguments, capsys, name):
    maps_study()
    assert command([*maps_arguments, f"cohort.scores=[{name}]"]) == 2
    assert f"cohort.scores names {name}, which holds text" in capsys.readouterr().err


def test_a_score_that_is_no_column_is_refused_by_its_setting(maps_study, maps_arguments, capsys):
    maps_study()
    assert command([*maps_arguments, "cohort.scores=[absent]"]) == 2
    assert "cohort.scores names absent, which is not a column" in capsys.readouterr().err
