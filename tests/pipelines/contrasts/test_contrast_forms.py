"""Every form of contrast of the cohort file, from ready-made maps to the output folder."""

from __future__ import annotations

import json
import re

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from rt1t2_dask.cli.command_line import command

FORMS = """
name: small
participants: participants.tsv
group_column: group
groups: {pat: P, hc: C, third: T}
reference: hc
contrasts:
  patVsHc: [pat, hc]
  any: {test: anova, groups: [pat, hc, third]}
  before: {test: paired, groups: [pat, hc], pair: couple, adjusted: []}
  slope: {test: regression, of: pain, within: pat, adjusted: []}
  mean: {test: one_sample, group: hc, value: 1.4, adjusted: []}
  steeper: {formula: "~ group * pain", of: "group:pain"}
  weighted: {formula: "~ group + pain", weights: {"group[pat]": 1}, groups: [pat, hc]}
adjusted: [age]
"""


@pytest.fixture
def study(maps_study, tmp_path):
    root, maps = maps_study(n_patients=6, n_controls=12)
    rows = pd.read_csv(root / "participants.tsv", sep="\t")
    rows["group"] = ["P"] * 6 + ["C"] * 7 + ["T"] * 5
    rows["pain"] = np.random.default_rng(8).normal(5, 1, 18).round(3)
    rows["couple"] = [*"abcdef", *"abcdefg", *"vwxyz"]
    rows.to_csv(root / "participants.tsv", sep="\t", index=False)
    (tmp_path / "studies" / "cohort" / "small.yaml").write_text(FORMS)
    return rows, maps


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_every_form_reaches_its_maps(study, maps_arguments, tmp_path):
    rows, maps = study
    more = ["contrast.variance=equal", "receptors.n_permutations=0", "receptors.spatial=none"]
    assert command([*maps_arguments, *more]) == 0
    group = tmp_path / "out" / "group"

    def statmap(name, stat="t"):
        path = group / f"contrast-{name}_stat-{stat}_statmap.nii.gz"
        return np.asarray(nib.load(path).dataobj)

    tested = np.isfinite(statmap("patVsHc"))
    inside = {g: maps[(rows["group"] == g).to_numpy()][:, tested] for g in "PCT"}
    pairs = stats.ttest_rel(inside["P"], inside["C"][:6]).statistic
    np.testing.assert_allclose(statmap("before")[tested], pairs, rtol=1e-4, atol=1e-4)
    mean = stats.ttest_1samp(inside["C"], 1.4).statistic
    np.testing.assert_allclose(statmap("mean")[tested], mean, rtol=1e-3, atol=1e-3)
    anything = stats.f_oneway(inside["P"], inside["C"], inside["T"]).statistic
    np.testing.assert_allclose(statmap("any", "F")[tested], anything, rtol=1e-4, atol=1e-4)
    assert not (group / "contrast-any_stat-effect_statmap.nii.gz").exists()
    voxel = np.flatnonzero(tested.ravel())[1000]
    y = maps.reshape(18, -1)[:, voxel]
    model = smf.ols("y ~ C(group) * pain", rows.assign(y=y)).fit()
    terms = [name for name in model.params.index if ":pain" in name]
    expected = model.f_test(" , ".join(f"{term} = 0" for term in terms)).fvalue
    assert statmap("steeper", "F").ravel()[voxel] == pytest.approx(float(expected), rel=1e-4)
    some = rows.assign(y=y)[rows["group"] != "T"]
    model = smf.ols("y ~ C(group) + age", some).fit()
    found = statmap("patVsHcAdjusted").ravel()[voxel]
    assert found == pytest.approx(model.tvalues["C(group)[T.P]"], rel=1e-4)
    assert not (group / "contrast-slopeAdjusted_stat-t_statmap.nii.gz").exists()
    parcels = pd.read_csv(group / "contrast-patVsHc_parcels.tsv", sep="\t", na_values="n/a")
    means = pd.read_csv(group / "parcels.tsv", sep="\t", na_values="n/a").iloc[:, 1:].to_numpy()
    only = pd.read_csv(group / "contrast-mean_parcels.tsv", sep="\t", na_values="n/a")
    test = stats.ttest_1samp(means[6:13], 1.4)
    np.testing.assert_allclose(only["t"], test.statistic, rtol=1e-3)
    np.testing.assert_allclose(only["estimate"], means[6:13].mean(axis=0) - 1.4, atol=1e-5)
    share = 100 * (1 - 1.4 / means[6:13].mean(axis=0))
    np.testing.assert_allclose(only["percent"], share, atol=1e-3)
    test = stats.ttest_ind(means[:6], means[6:13])
    np.testing.assert_allclose(parcels["t"], test.statistic, rtol=1e-4)
    np.testing.assert_allclose(parcels["p"], test.pvalue, rtol=1e-4)
    np.testing.assert_allclose(
        parcels["q_fdr"], stats.false_discovery_control(test.pvalue), rtol=1e-4
    )
    assert parcels["p_fwe_max_t"].between(1 / 51, 1).all()
    clusters = pd.read_csv(group / "contrast-patVsHc_clusters.tsv", sep="\t", na_values="n/a")
    effects = pd.read_csv(group / "contrast-patVsHc_effects.tsv", sep="\t", na_values="n/a")
    peaks = pd.read_csv(group / "contrast-patVsHc_peaks.tsv", sep="\t", na_values="n/a")
    slope = statmap("slope", "r").ravel()[voxel]
    patients = rows["group"] == "P"
    assert slope == pytest.approx(np.corrcoef(y[patients], rows["pain"][patients])[0, 1], abs=1e-4)
    assert not (group / "contrast-slope_stat-d_statmap.nii.gz").exists()
    for name, columns in (("slope", "partial_r"), ("before", "d_z"), ("any", "partial_eta2")):
        known = pd.read_csv(group / f"contrast-{name}_parcels.tsv", sep="\t")
        assert {columns, f"{columns}_ci_low", "ci_low", "ci_high", "g"} <= set(known)
        assert "g_ci_low" not in known
    assert effects["cluster"].tolist() == clusters["cluster"].tolist()
    assert np.all(np.sign(effects["g"]) == np.sign(clusters["peak_t"]))
    first = peaks[peaks["peak"] == 1]
    assert first["t"].tolist() == clusters["peak_t"].tolist()
    mde = statmap("patVsHc", "mde")
    assert np.isfinite(mde[tested]).all()
    assert np.nanmin(mde) > 0
    assert not (group / "contrast-any_stat-mde_statmap.nii.gz").exists()
    eta, least = statmap("any", "eta2"), statmap("any", "mdeEta2")
    np.testing.assert_allclose(
        eta[tested][::50], 2 * anything[::50] / (2 * anything[::50] + 15), rtol=1e-3
    )
    assert ((least[tested] > 0.3) & (least[tested] < 1)).all()
    design = pd.read_csv(group / "contrast-any_design.tsv", sep="\t")
    assert design.shape == (18 + 2, 3 + 3)
    assert design["participant_id"].tolist()[:18] == rows["participant_id"].tolist()
    pairs = pd.read_csv(group / "contrast-before_design.tsv", sep="\t")
    assert pairs.columns[:4].tolist() == ["participant_id", "partner", "row", "group"]
    assert pairs["partner"].tolist()[:6] == rows["participant_id"].tolist()[6:12]
    state = json.loads((tmp_path / "out" / "provenance.json").read_text())["state"]
    assert state == "complete"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "slope on pain within pat" in page
    assert "mean of hc against 1.4" in page
    assert re.search(r"50 sign flips \([^)]*mean of hc against 1\.4", page)
    assert re.search(r"50 relabelings of people \([^)]*slope on pain", page)
    assert page.count("Minimum detectable effect") == 9  # one for each contrast
    assert page.count("partial η² of") == 3  # one for each F
    assert "A fixed extent threshold does not control" in page
    assert "any difference between pat, hc, third" in page


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_welch_from_maps_to_the_page(study, maps_arguments, tmp_path):
    rows, maps = study
    text = FORMS.partition("contrasts:")[0] + "contrasts: {patVsHc: [pat, hc]}\n"
    (tmp_path / "studies" / "cohort" / "small.yaml").write_text(text)
    more = ["contrast.variance=welch", "receptors.n_permutations=0", "receptors.spatial=none"]
    assert command([*maps_arguments, *more]) == 0
    group = tmp_path / "out" / "group"

    def statmap(stat):
        path = group / f"contrast-patVsHc_stat-{stat}_statmap.nii.gz"
        return np.asarray(nib.load(path).dataobj)

    tested = np.isfinite(statmap("t"))
    first, second = (maps[(rows["group"] == g).to_numpy()][:, tested] for g in "PC")
    test = stats.ttest_ind(first, second, equal_var=False)
    np.testing.assert_allclose(statmap("t")[tested], test.statistic, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(statmap("dof")[tested], test.df, rtol=1e-4)
    permuted = json.loads((group / "contrast-patVsHc_permutation.json").read_text())
    assert (permuted["variance"], permuted["exchange"]) == ("welch", "sign")
    p = (
        10.0
        ** -nib.load(group / "contrast-patVsHc_stat-t_desc-uncorrected_statmap.nii.gz").get_fdata()
    )
    assert np.isfinite(p[tested]).all()
    assert np.corrcoef(stats.rankdata(p[tested]), stats.rankdata(test.pvalue))[0, 1] > 0.8
    regions = pd.read_csv(group / "contrast-patVsHc_parcels.tsv", sep="\t", na_values="n/a")
    assert (regions["ci_low"] < regions["g"]).all()
    assert (regions["g"] < regions["ci_high"]).all()
    assert "which change the sign of residuals" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("{test: regression, of: nothing, within: pat}", "nothing, which is not a column"),
        ("{test: anova, groups: [pat, hc]}", "name three different groups"),
        ("{test: paired, groups: [pat, hc]}", "pair is missing"),
        ("{formula: '~ group + open(pain)', of: group}", "use column names"),
        ("{formula: '~ group + pain', of: sex}", "no term"),
        ("{formula: '~ group + pain'}", "state the test"),
        ("{test: one_sample, group: who, value: 1}", "not one of the groups"),
        ("{test: one_sample, group: hc}", "set the reference"),
        ("{test: two_sample, groups: [pat, hc], covariates: [pain, pain2]}", "'pain2'"),
    ],
)
def test_forms_that_are_refused_before_data_is_read(
    study, maps_arguments, tmp_path, capsys, form, message
):
    rows, _ = study
    root = tmp_path / "maps"
    rows.assign(pain2=2 * rows["pain"]).to_csv(root / "participants.tsv", sep="\t", index=False)
    text = FORMS.partition("contrasts:")[0] + f"contrasts:\n  one: {form}\n"
    (tmp_path / "studies" / "cohort" / "small.yaml").write_text(text)
    assert command(maps_arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
