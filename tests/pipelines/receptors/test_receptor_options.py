"""Every option of the receptor analysis from the command line to its tables."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.receptors.correlation import fisher_z, partial_correlation
from rt1t2_dask.receptors.covariates import adjusted_z
from rt1t2_dask.receptors.maps import shipped_means
from rt1t2_dask.receptors.profiles import effect_size, leave_one_out_z, mean_profile

MAPS = ["DAT_DATSPECT", "NAT_MRB_c11", "D1_SCH23390_c11"]
FAST = [f"receptors.maps=[{','.join(MAPS)}]", "permute.n=0", "report.mosaics=0"]
PAIRS = "{patVsHc: {test: paired, groups: [pat, hc], pair: couple}}"


@pytest.fixture
def study(maps_study, tmp_path):
    """Write the study; its cohort has no contrast unless one is given: images cost time."""

    def make(contrasts="{}", **settings):
        maps_study(**settings)
        cohort = tmp_path / "studies" / "cohort" / "small.yaml"
        cohort.write_text(cohort.read_text().replace("{patVsHc: [pat, hc]}", contrasts))

    return make


def tables(out):
    read = lambda name: pd.read_csv(out / "group" / name, sep="\t", na_values="n/a")  # noqa: E731
    parcels = read("parcels.tsv").iloc[:, 1:].to_numpy()
    return read, parcels[:6], parcels[6:]


def reference(rows, kind="spearman"):
    means = shipped_means()
    gm = None if kind == "pearson" else means["gm_prior"].to_numpy()
    return partial_correlation(rows, means[MAPS].to_numpy().T, gm, kind)


@pytest.mark.usefixtures("lake_before")
@pytest.mark.parametrize(
    ("option", "kind"),
    [
        ("effect_size", "spearman"),
        ("mean", "pearson"),
        ("each", "regression"),
        ("leave_one_out", "spearman"),
    ],
)
def test_options(study, maps_arguments, tmp_path, option, kind):
    study()
    words = [f"receptors.option={option}", f"receptors.correlation={kind}"]
    words += ["receptors.adjust_gm=false"] * (kind == "pearson")
    assert command([*maps_arguments, *FAST, *words]) == 0
    read, patients, controls = tables(tmp_path / "out")
    rows = {
        "effect_size": lambda: effect_size(patients, controls),
        "mean": lambda: mean_profile(patients),
        "each": lambda: patients,
        "leave_one_out": lambda: leave_one_out_z(patients),
    }[option]()
    found = read("receptors.tsv")
    expected = fisher_z(reference(rows, kind)).mean(axis=0)
    np.testing.assert_allclose(found["mean_fisher_z"], expected, atol=1e-5)
    assert found["p_permutation"].isna().all() == (option != "effect_size")
    assert found["p_spatial"].between(0, 1).all()
    one_row = option in ("effect_size", "mean")
    beside = {path.name for path in (tmp_path / "out" / "group").glob("receptors_*.tsv")}
    assert ("receptors_people.tsv" in beside) != one_row
    assert ("receptors_dominance.tsv" in beside) == (kind == "regression")
    assert "receptors_power.tsv" not in beside
    if kind == "regression":
        assert read("receptors_dominance.tsv")["share"].sum() == pytest.approx(1)


@pytest.mark.usefixtures("lake_before")
def test_details_of_the_default_option(study, maps_arguments, tmp_path):
    study(covariates="[age]")
    assert command([*maps_arguments, *FAST]) == 0
    read, patients, controls = tables(tmp_path / "out")
    age = pd.read_csv(tmp_path / "maps" / "participants.tsv", sep="\t")["age"].to_numpy()
    people = np.concatenate([patients, controls])
    z = adjusted_z(people, age[:, None], np.arange(6)[None], np.arange(6, 13)[None])[0]
    found = read("receptors.tsv")
    np.testing.assert_allclose(found["mean_rho"], reference(z).mean(axis=0), atol=1e-4)
    both = found[["p_permutation", "p_spatial"]].max(axis=1)
    np.testing.assert_allclose(found["p_conjunction"], both)
    q = stats.false_discovery_control(both)
    np.testing.assert_allclose(found["q_conjunction"], q, rtol=1e-4)
    assert (found["p_fwe"] >= found["p_permutation"]).all()
    assert "by both nulls (labels and spatial)" in (tmp_path / "out" / "report.html").read_text()
    assert len(read("receptors_influence.tsv")) == 119 * 3
    assert len(read("receptors_people.tsv")) == 6 * 3
    power = read("receptors_power.tsv")
    assert len(power) == 5 * 3
    assert power["power"].between(0, 1).all()


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_a_map_of_nothing_changes_no_other_row(study, maps_arguments, tmp_path):
    study()
    fast = [*maps_arguments, *FAST, "receptors.n_permutations=100", "report.figures=false"]
    assert command(fast) == 0
    plain = tables(tmp_path / "out")[0]("receptors.tsv").set_index("map")
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -98, -134, -72
    paths = [tmp_path / f"{name}.nii.gz" for name in ("nothing", "constant")]
    for path, value in zip(paths, (np.nan, 0.7), strict=True):
        nib.save(nib.Nifti1Image(np.full((50, 59, 49), value, np.float32), affine), path)
    names = [MAPS[0], str(paths[0]), MAPS[1], str(paths[1]), MAPS[2]]
    assert command([*fast, f"receptors.maps=[{','.join(names)}]", "overwrite=true"]) == 0
    found = tables(tmp_path / "out")[0]("receptors.tsv").set_index("map")
    pd.testing.assert_frame_equal(found.loc[MAPS], plain.loc[MAPS])
    empty = found.drop(index=MAPS)
    columns = ["mean_fisher_z", "p_permutation", "q_fdr", "p_fwe", "p_spatial", "q_conjunction"]
    assert empty[columns].isna().all().all()
    assert len(empty) == 2
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Receptor maps without a correlation" in page


@pytest.mark.usefixtures("lake_before")
def test_paired_difference_follows_the_pairs_of_the_contrast(study, maps_arguments, tmp_path):
    study(PAIRS)
    path = tmp_path / "maps" / "participants.tsv"
    rows = pd.read_csv(path, sep="\t")
    rows["couple"] = [*"abcdef", *"fedcbag"]
    rows.to_csv(path, sep="\t", index=False)
    words = ["receptors.option=paired_difference", "receptors.n_permutations=200"]
    assert command([*maps_arguments, *FAST, *words]) == 0
    read, patients, controls = tables(tmp_path / "out")
    z = fisher_z(reference(patients - controls[5::-1]))
    found = read("receptors.tsv")
    assert set(found["group"]) == {"patVsHc"}
    np.testing.assert_allclose(found["mean_fisher_z"], z.mean(axis=0), atol=1e-5)
    signs = 1 - 2 * ((np.arange(64)[:, None] >> np.arange(6)) & 1)
    exact = (np.abs(signs @ z) >= np.abs(z.sum(axis=0)) - 1e-9).mean(axis=0)
    # All 64 outcomes of 6 pairs are enumerated, where 200 were asked for.
    np.testing.assert_allclose(found["p_permutation"], exact, rtol=1e-4)
    assert (found["n_permutations"] == 63).all()
    assert read("receptors_people.tsv")["participant_id"].unique().tolist() == [
        f"sub-{i:02d}" for i in range(6)
    ]
    assert "within pairs" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["receptors.maps=all", "receptors.correlation=regression"], "at most 20"),
        (["receptors.option=paired_difference"], "no paired contrast"),
        (["receptors.space=T1w"], "receptors.space"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(
    study, maps_arguments, tmp_path, capsys, words, said
):
    study()
    assert command([*maps_arguments, *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "lake" / "parts" / "map").exists()
