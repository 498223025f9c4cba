"""A study of ready-made maps with two sessions of each person, against scipy and numpy."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from described_tables import undescribed
from scipy import stats
from studies_of_maps import SHAPE, map_affine

from rt1t2_dask import open_study
from rt1t2_dask.cli.command_line import command
from rt1t2_dask.stats.glm.reliability import reliability

PEOPLE, PATIENTS, LACKING = 14, 7, 3
CONTRASTS = """
name: small
groups: {pat: P, hc: C}
reference: hc
contrasts:
  patVsHc: {test: two_sample, groups: [pat, hc], session: 1}
  change: {test: sessions, sessions: [2, 1], groups: [pat]}
  groupBySession: {test: group_by_session, groups: [pat, hc], sessions: [2, 1]}
"""


def write(folder: Path) -> np.ndarray:
    """Write maps of two sessions, NaN for the one that a patient lacks; return them."""
    rng = np.random.default_rng(2)
    maps = rng.normal(1.5, 0.1, (PEOPLE, 1, *SHAPE)) + rng.normal(0, 0.05, (PEOPLE, 2, *SHAPE))
    maps = maps.astype(np.float32)
    maps[:PATIENTS, 1, 15:18, 18:21, 18:21] -= 0.5
    root = folder / "maps"
    root.mkdir()
    rows = ["participant_id\tgroup\tage"]
    for k, own in enumerate(maps):
        rows.append(f"sub-{k:02d}\t{'P' if k < PATIENTS else 'C'}\t{50 + k}")
        for session in range(1 if k == LACKING else 2):
            image = nib.Nifti1Image(own[session], map_affine())
            image.to_filename(root / f"sub-{k:02d}_ses-{session + 1}_T1wT2wratio.nii.gz")
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    (folder / "studies" / "cohort").mkdir(parents=True)
    (folder / "studies" / "cohort" / "small.yaml").write_text(CONTRASTS)
    maps[LACKING, 1] = np.nan
    return maps


def statmap(out: Path, name: str, stat: str) -> np.ndarray:
    path = out / "group" / f"contrast-{name}_stat-{stat}_statmap.nii.gz"
    return np.asarray(nib.load(path).dataobj)


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_two_sessions_reach_every_result(maps_arguments, tmp_path, caplog):
    maps = write(tmp_path)
    assert command([*maps_arguments, "source.session=[1,2]"]) == 0
    out = tmp_path / "out"
    group = np.arange(PEOPLE) < PATIENTS
    whole = np.arange(PEOPLE) != LACKING

    t = statmap(out, "patVsHc", "t")
    tested = np.isfinite(t)
    first = maps[:, 0][:, tested].astype(np.float64)
    expected = stats.ttest_ind(first[group], first[~group], equal_var=False).statistic
    np.testing.assert_allclose(t[tested], expected, atol=2e-5)
    assert np.all(statmap(out, "patVsHc", "n")[tested] == PEOPLE)

    change = (maps[:, 1] - maps[:, 0])[:, tested].astype(np.float64)
    within = stats.ttest_1samp(change[group & whole], 0).statistic
    np.testing.assert_allclose(statmap(out, "change", "t")[tested], within, rtol=2e-4, atol=2e-4)
    between = stats.ttest_ind(change[group & whole], change[~group], equal_var=False).statistic
    found = statmap(out, "groupBySession", "t")[tested]
    np.testing.assert_allclose(found, between, rtol=2e-4, atol=2e-4)
    assert np.all(statmap(out, "groupBySession", "n")[tested] == PEOPLE - 1)
    for name in ("change", "groupBySession"):
        clusters = pd.read_csv(out / "group" / f"contrast-{name}_clusters.tsv", sep="\t")
        assert clusters["sign"].tolist() == ["negative"]
        assert clusters["p_fwe_permutation"].iloc[0] < 0.1  # 64 signs of six people

    of_patients = reliability(maps[group & whole][:, :, tested])
    for stat, values in (("icc", of_patients.icc), ("withinsd", of_patients.within_sd)):
        written = statmap(out, "sessionspat", stat)[tested]
        np.testing.assert_allclose(written, values, rtol=1e-4, atol=1e-4)
    table = pd.read_csv(out / "group" / "reliability.tsv", sep="\t")
    assert undescribed(out) == []
    assert table.groupby("group")["n"].max().to_dict() == {"hc": 7, "pat": 6}
    assert len(table) == 2 * 119
    means = pd.read_csv(out / "group" / "parcels.tsv", sep="\t").set_index(["person", "session"])
    healthy = [f"sub-{k:02d}" for k in range(PATIENTS, PEOPLE)]
    one = means["Right_Accumbens_Area"].unstack("session").loc[healthy]
    again = reliability(one.to_numpy())
    row = table[(table["group"] == "hc") & (table["region"] == 23)].iloc[0]
    assert row["icc"] == pytest.approx(float(again.icc), rel=1e-4)
    assert row["repeatability_percent"] == pytest.approx(
        100 * float(again.repeatability / again.mean), rel=1e-4
    )

    people = pd.read_csv(out / "participants.tsv", sep="\t")
    assert people["participant_id"].tolist() == [f"sub-{k:02d}" for k in range(PEOPLE)]
    of_session = "sub-00/ses-2/anat/sub-00_ses-2_space-MNI152NLin2009aSym_desc-ratio"
    assert (out / f"{of_session}_T1wT2wratio.nii.gz").exists()
    folders = sorted(path.name for path in out.glob("sub-*") if path.is_dir())
    assert folders == people["participant_id"].tolist()
    demographics = pd.read_csv(out / "group" / "demographics.tsv", sep="\t")
    assert demographics["n"].tolist() == [PATIENTS, PEOPLE - PATIENTS]
    receptors = pd.read_csv(out / "group" / "receptors_people.tsv", sep="\t")
    assert receptors["person"].nunique() == PATIENTS
    assert receptors["session"].unique().tolist() == [1]

    assert "without session 2: 1" in caplog.text
    assert (
        "Contrast change leaves out 1 person without both of the sessions 2 and 1." in caplog.text
    )
    page = (out / "report.html").read_text()
    assert "Reliability of repeated sessions" in page
    assert "@shrout1979" in (out / "methods.md").read_text()

    opened = open_study(str(out))
    assert opened.maps("ratio").sizes["participant"] == 2 * PEOPLE - 1
