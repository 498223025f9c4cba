"""What depends on choices: the other edge's contrast is that of a run with that edge."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from described_tables import undescribed

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.volume import Volume

QUICK = [
    *("receptors.n_permutations=0", "receptors.spatial=none", "permute.n=0"),
    *("report.mosaics=0", "report.slices=[]"),
]
DRAWN = ["report.figures=true", "report.dpi=72", "report.svg=false"]
SMOOTH = ["smooth.fwhm_mm=10", "contrast.p=0.05", "contrast.extent_mm3=500"]


def table(out: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(out / "group" / f"{name}.tsv", sep="\t", na_values="n/a")


def effect(out: Path) -> np.ndarray:
    path = out / "group" / "contrast-patVsHc_stat-effect_statmap.nii.gz"
    return np.asarray(nib.load(path).dataobj)


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_the_other_edge_is_that_of_maps_smoothed_with_it(maps_study, maps_arguments, tmp_path):
    root, maps = maps_study(n_patients=4, n_controls=5)
    assert command([*maps_arguments, *QUICK, *SMOOTH, "report.edge_sensitivity=true"]) == 0
    out = tmp_path / "out"
    assert undescribed(out) == []
    rows = table(out, "edge_sensitivity")
    assert rows["edge"].drop_duplicates().tolist() == ["normalised", "spm"]
    whole = rows[rows["region"] == "all tested voxels"].set_index("edge")
    tested = np.isfinite(effect(out))
    assert whole["effect"]["normalised"] == pytest.approx(effect(out)[tested].mean(), rel=1e-4)
    affine = nib.load(root / "sub-00_T1wT2wratio.nii.gz").affine
    volumes = [Volume(one, affine) for one in maps]
    smoothed = np.stack([smooth(one, 10.0, "spm").data for one in volumes])
    difference = smoothed[:4].mean(0) - smoothed[4:].mean(0)
    assert whole["effect"]["spm"] == pytest.approx(difference[tested].mean(), rel=1e-4)
    assert whole["effect"]["normalised"] != whole["effect"]["spm"]

    counted = table(out, "contrast-patVsHc_thresholds")
    own = counted[(counted["p"] == 0.05) & (counted["extent_mm3"] == 500)]
    clusters = table(out, "contrast-patVsHc_clusters")
    assert whole["clusters"]["normalised"] == len(clusters)
    for sign, same in own.groupby("sign"):
        assert same["clusters"].item() == (clusters["sign"] == sign).sum()
    page = (out / "report.html").read_text()
    assert "Smoothing at the edge: contrasts" in page
    assert "Clusters at other thresholds, pat versus hc" in page


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_f_has_a_mean_and_clusters_but_no_effect(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study(n_patients=4, n_controls=6)
    rows = pd.read_csv(root / "participants.tsv", sep="\t")
    rows["group"] = [*"PPPP", *"CCC", *"TTT"]
    rows.to_csv(root / "participants.tsv", sep="\t", index=False)
    cohort = tmp_path / "studies" / "cohort" / "small.yaml"
    forms = "{any: {test: anova, groups: [pat, hc, third]}}"
    text = cohort.read_text().replace("hc: C}", "hc: C, third: T}")
    cohort.write_text(text.replace("{patVsHc: [pat, hc]}", forms))
    words = [*QUICK, *SMOOTH, *DRAWN, "report.edge_sensitivity=true"]
    assert command([*maps_arguments, *words]) == 0
    out = tmp_path / "out"
    assert (out / "figures" / "contrast-any_design.png").exists()
    whole = table(out, "edge_sensitivity").groupby("edge").last()
    path = out / "group" / "contrast-any_stat-F_statmap.nii.gz"
    assert whole["t"]["normalised"] == pytest.approx(np.nanmean(nib.load(path).dataobj), rel=1e-4)
    assert whole["effect"].isna().all()
    assert set(table(out, "contrast-any_thresholds")["sign"]) == {"positive"}
    assert "Peak F" in (out / "report.html").read_text()


def test_combat_and_compared_choices_exclude_each_other(maps_study, maps_arguments, capsys):
    maps_study(n_patients=2, n_controls=2)
    words = ["report.edge_sensitivity=true", "+cohort.site_column=site", "site.model=combat"]
    assert command([*maps_arguments, *words]) == 2
    assert "report.edge_sensitivity repeats" in capsys.readouterr().err
