"""Every option of the receptor analysis from the command line to its tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.command_line import command
from rt1t2_dask.receptors.correlation import fisher_z, partial_correlation
from rt1t2_dask.receptors.covariates import adjusted_z
from rt1t2_dask.receptors.maps import shipped_means
from rt1t2_dask.receptors.profiles import effect_size, leave_one_out_z, mean_profile

MAPS = ["DAT_DATSPECT", "NAT_MRB_c11", "D1_SCH23390_c11"]
FAST = [f"receptors.maps=[{','.join(MAPS)}]", "permute.n=0", "report.mosaics=0"]


def tables(out):
    read = lambda name: pd.read_csv(out / "group" / name, sep="\t", na_values="n/a")  # noqa: E731
    parcels = read("parcels.tsv").iloc[:, 1:].to_numpy()
    return read, parcels[:6], parcels[6:]


@pytest.mark.parametrize("option", ["effect_size", "mean", "each", "leave_one_out"])
def test_options(maps_study, maps_arguments, tmp_path, option):
    maps_study()
    assert command([*maps_arguments, *FAST, f"receptors.option={option}"]) == 0
    read, patients, controls = tables(tmp_path / "out")
    rows = {
        "effect_size": lambda: effect_size(patients, controls),
        "mean": lambda: mean_profile(patients),
        "each": lambda: patients,
        "leave_one_out": lambda: leave_one_out_z(patients),
    }[option]()
    means = shipped_means()
    rho = partial_correlation(rows, means[MAPS].to_numpy().T, means["gm_prior"].to_numpy())
    found = read("receptors.tsv")
    np.testing.assert_allclose(found["mean_fisher_z"], fisher_z(rho).mean(axis=0), atol=1e-5)
    assert found["p_permutation"].isna().all() == (option != "effect_size")
    assert found["p_spatial"].between(0, 1).all()
    one_row = option in ("effect_size", "mean")
    assert (tmp_path / "out" / "group" / "receptors_people.tsv").exists() != one_row


def test_details_of_the_default_option(maps_study, maps_arguments, tmp_path):
    maps_study(covariates="[age]")
    words = ["receptors.correlation=pearson", "receptors.adjust_gm=false"]
    assert command([*maps_arguments, *FAST, *words]) == 0
    read, patients, controls = tables(tmp_path / "out")
    age = pd.read_csv(tmp_path / "maps" / "participants.tsv", sep="\t")["age"].to_numpy()
    people = np.concatenate([patients, controls])
    z = adjusted_z(people, age[:, None], np.arange(6)[None], np.arange(6, 13)[None])[0]
    rho = partial_correlation(z, shipped_means()[MAPS].to_numpy().T, None, "pearson")
    found = read("receptors.tsv")
    np.testing.assert_allclose(found["mean_rho"], rho.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(
        found["p_conjunction"], found[["p_permutation", "p_spatial"]].max(axis=1)
    )
    assert (found["p_fwe"] >= found["p_permutation"]).all()
    assert len(read("receptors_influence.tsv")) == 119 * 3
    assert len(read("receptors_people.tsv")) == 6 * 3


def test_regression_gives_dominance(maps_study, maps_arguments, tmp_path):
    maps_study()
    assert command([*maps_arguments, *FAST, "receptors.correlation=regression"]) == 0
    read, *_ = tables(tmp_path / "out")
    found = read("receptors_dominance.tsv")
    assert found["share"].sum() == pytest.approx(1)
    assert not (tmp_path / "out" / "group" / "receptors_power.tsv").exists()


def test_power_is_tabled(maps_study, maps_arguments, tmp_path):
    maps_study()
    assert command([*maps_arguments, *FAST]) == 0
    read, *_ = tables(tmp_path / "out")
    found = read("receptors_power.tsv")
    assert len(found) == 5 * 3
    assert found["power"].between(0, 1).all()
