"""Single patients from the command line: maps, tables and pages against plain refits."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from described_tables import undescribed
from scipy import stats
from studies_of_maps import maps_words, write_maps_study

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.region_columns import region_columns

QUICK = (
    "permute.n=0", "receptors.n_permutations=0", "receptors.spatial=none", "report.figures=false",
    "report.mosaics=0", "partial_volume.covariate=none", "absence.tests=false",
    "report.threshold_sensitivity=false",
)  # fmt: skip
PATIENTS, CONTROLS = 2, 20
SPACE = "space-MNI152NLin2009aSym"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deviation")
    root, _ = write_maps_study(folder, PATIENTS, CONTROLS, covariates="[age]")
    path = root / "sub-05_T1wT2wratio.nii.gz"
    image = nib.load(path)
    data = np.asarray(image.dataobj).copy()
    data[:16] = np.nan  # half of a control's brain was not scanned
    nib.Nifti1Image(data, image.affine).to_filename(path)
    words = [*maps_words(folder), *QUICK, "deviation.patients=all", "contrast.extent_mm3=0"]
    assert command(words) == 0
    return folder / "out"


def smoothed(out):
    stem = f"{SPACE}_desc-smoothed_T1wT2wratio.nii.gz"
    labels = [f"sub-{k:02d}" for k in range(PATIENTS + CONTROLS)]
    return np.stack([nib.load(out / n / "anat" / f"{n}_{stem}").get_fdata() for n in labels])


def table(out, name):
    return pd.read_csv(out / "group" / f"{name}.tsv", sep="\t")


def map_of(out, label, entities):
    path = out / label / "anat" / f"{label}_{SPACE}_{entities}_statmap.nii.gz"
    return nib.load(path).get_fdata(), json.loads(
        path.with_suffix("").with_suffix(".json").read_text()
    )


def model(out):
    age = pd.read_csv(out / "participants.tsv", sep="\t")["age"].to_numpy(float)
    return np.column_stack([np.ones(len(age)), age])


def refit(y, x, others, k):
    """Return z of person k against others, by statsmodels' prediction of one more observation."""
    known = [i for i in others if np.isfinite(y[i])]
    if not np.isfinite(y[k]) or len(known) < 14:
        return np.nan
    fitted = sm.OLS(y[known], x[known]).fit()
    told = fitted.get_prediction(x[k : k + 1])
    t = (y[k] - told.predicted_mean[0]) / np.sqrt(told.var_pred_mean[0] + fitted.mse_resid)
    return np.sign(t) * stats.norm.isf(stats.t.sf(abs(t), fitted.df_resid))


def z_of_all(out, patient):
    """Return z of everybody left out, shape (person, voxel), the patient last, by numpy alone."""
    maps, x = smoothed(out), model(out)
    people = [*range(PATIENTS, PATIENTS + CONTROLS), patient]
    t_map, _ = map_of(out, f"sub-{patient:02d}", "stat-t_desc-deviation")
    inside = np.isfinite(t_map)
    data = maps[:, inside]
    found = np.full((len(people), data.shape[1]), np.nan)
    whole = np.isfinite(data[people]).all(axis=0)
    for some in (whole, ~whole):
        present = people if some is whole else [k for k in people if k != 5]
        for k in present:
            others = [i for i in present if i != k]
            y, design = data[np.ix_(others, some)], x[others]
            beta, *_ = np.linalg.lstsq(design, y, rcond=None)
            dof = len(others) - 2
            s = np.sqrt(((y - design @ beta) ** 2).sum(axis=0) / dof)
            wide = np.sqrt(1 + x[k] @ np.linalg.inv(design.T @ design) @ x[k])
            t = (data[k, some] - x[k] @ beta) / (s * wide)
            found[people.index(k), some] = np.sign(t) * stats.norm.isf(stats.t.sf(abs(t), dof))
    return found, inside


def test_t_is_that_of_statsmodels_prediction(finished):
    maps, x = smoothed(finished), model(finished)
    t_map, about = map_of(finished, "sub-00", "stat-t_desc-deviation")
    others = list(range(PATIENTS, PATIENTS + CONTROLS))
    voxels = np.argwhere(np.isfinite(t_map))
    for x_, y_, z_ in voxels[:: len(voxels) // 25]:
        values = maps[:, x_, y_, z_]
        z = refit(values, x, others, 0)
        dof = int(np.isfinite(values[others]).sum()) - 2
        t = np.sign(z) * stats.t.isf(stats.norm.sf(abs(z)), dof)
        assert t_map[x_, y_, z_] == pytest.approx(t, rel=1e-4)
    assert about["simulated"] is False
    assert about["Controls"] == CONTROLS and about["DegreesOfFreedom"] == CONTROLS - 2
    assert "not a diagnosis" in about["Description"]


@pytest.mark.parametrize("patient", [0, 1])
def test_fwe_is_the_rank_that_refits_give(finished, patient):
    z, inside = z_of_all(finished, patient)
    fwe, about = map_of(finished, f"sub-{patient:02d}", "stat-t_desc-deviationfwe")
    largest = np.nanmax(np.abs(z[:-1]), axis=1)
    own = np.abs(z[-1])
    wanted = (1 + (largest[:, None] >= own).sum(axis=0)) / (CONTROLS + 1)
    found = 10.0 ** -fwe[inside]
    known = np.isfinite(own)
    off = np.abs(found - wanted)[known] > 1e-5
    near = np.abs(largest[:, None] - own[known]).min(axis=0) < 1e-4  # ties, within rounding
    assert not (off & ~near).any()
    assert about["FamilyWiseMethod"] == "rank"
    row = table(finished, "deviation").iloc[patient]
    assert row["p_fwe"] == pytest.approx(wanted[known].min())
    assert abs(row["largest_z"]) == pytest.approx(np.nanmax(own), rel=1e-4)


def test_the_planted_cube_is_found(finished):
    rows = table(finished, "deviation").set_index("participant_id")
    assert list(rows.index) == ["sub-00", "sub-01"]
    assert (rows["p_fwe"] < 0.05).all() and (rows["largest_t"] < 0).all()
    assert (rows["n_controls"] == CONTROLS).all() and (rows["method"] == "rank").all()
    clusters = table(finished, "deviation_clusters")
    for label, own in clusters.groupby("participant_id"):
        cube = own[own["voxels"] >= 20]
        assert len(cube) == 1, label
        assert cube["percent"].iloc[0] == pytest.approx(-67, abs=8)
        assert cube["peak_p_fwe"].iloc[0] == pytest.approx(1 / 21)
    percent, _ = map_of(finished, "sub-00", "stat-percent_desc-deviation")
    assert np.nanmean(percent[15:18, 18:21, 18:21]) == pytest.approx(-67, abs=8)


def test_regions_are_those_of_their_means(finished):
    rows = table(finished, "deviation_regions")
    own = rows[rows["participant_id"] == "sub-01"].set_index("region")
    assert len(own) == 119
    parcels = table(finished, "parcels").set_index("participant_id")
    x, others = model(finished), list(range(PATIENTS, PATIENTS + CONTROLS))
    for region in (own.index[0], own.index[60]):
        z = refit(parcels[region_columns()[region]].to_numpy(float), x, others, 1)
        row = own.loc[region]
        assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-4)
        assert row["percent_below"] == pytest.approx(100 * stats.norm.cdf(z), rel=1e-4)
    assert (own["q_fdr"] >= own["p"] - 1e-12).all()
    assert own["share_lower"].max() > 0.1


def test_report_page_and_methods_say_what_was_done(finished):
    page = (finished / "sub-00_deviation.html").read_text()
    for words in ("Research, not a diagnosis.", "Compared with 20 controls", "(rank)", "cingulate"):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")
    report = (finished / "report.html").read_text()
    assert "Single patients against the controls" in report
    assert "each control is left out against the others" in report
    methods = (finished / "methods.md").read_text()
    assert (
        "modified t of" in methods and "crawford1998" in (finished / "references.bib").read_text()
    )
    assert len(table(finished, "deviation_controls")) == CONTROLS


def test_no_label_is_in_the_lake(finished):
    lake = finished.parent / "lake"
    named = [p for p in lake.rglob("*") if "sub-" in str(p.relative_to(lake))]
    assert not named
    for marker in (lake / "parts").glob("deviation*/*.json"):
        assert "sub-" not in marker.read_text()


@pytest.mark.heavy
def test_fewer_controls_take_random_fields(tmp_path):
    write_maps_study(tmp_path, 2, 7)
    words = [*maps_words(tmp_path), *QUICK, "deviation.patients=[pat]", "deviation.maps=false"]
    assert command(words) == 0
    out = tmp_path / "out"
    assert (table(out, "deviation")["method"] == "random field").all()
    assert not list(out.glob("sub-00/anat/*_statmap*"))
    methods = (out / "methods.md").read_text()
    assert "@worsley1996" in methods
    assert "fewer than 19 controls" in (out / "report.html").read_text()


@pytest.mark.heavy
def test_too_few_controls_are_a_note(tmp_path, capsys):
    write_maps_study(tmp_path, 3, 4)
    assert command([*maps_words(tmp_path), *QUICK, "deviation.patients=all"]) == 0
    out = tmp_path / "out"
    said = "No deviation of single patients: there are 4 controls and 3 patients"
    assert said in (out / "report.html").read_text()
    assert not list((out / "group").glob("deviation*")) and not list(
        out.glob("sub-*_deviation.html")
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("deviation.patients=[hc]", "choose among the groups of patients pat"),
        ("deviation.patients=[nobody]", "choose among the groups of patients pat"),
        ("deviation.patients=[]", "choose among the groups of patients pat"),
        ("deviation.maps=often", "deviation.maps"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path, capsys, word, said):
    write_maps_study(tmp_path, 2, 5)
    assert command([*maps_words(tmp_path), *QUICK, word]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if said in line]
    assert len(lines) == 1


def test_every_table_is_described(finished):
    assert undescribed(finished) == []
