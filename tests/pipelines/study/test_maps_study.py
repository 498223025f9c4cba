"""The group half of the main job, from ready-made maps to the report, against scipy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import quote

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from described_tables import undescribed
from PIL import Image
from scipy import stats
from studies_of_maps import SHAPE, map_affine

from rt1t2_dask.cli.command_line import command


def statmap(out: Path, stat: str) -> np.ndarray:
    path = out / "group" / f"contrast-patVsHc_stat-{stat}_statmap.nii.gz"
    return np.asarray(nib.load(path).dataobj)


def test_maps_reach_every_result(maps_study, maps_arguments, tmp_path):
    _, maps = maps_study()
    assert command([*maps_arguments, "report.figures=true", "report.dpi=150"]) == 0
    out = tmp_path / "out"
    t = statmap(out, "t")
    tested = np.isfinite(t)
    expected = stats.ttest_ind(maps[:6, tested], maps[6:, tested], equal_var=False).statistic
    np.testing.assert_allclose(t[tested], expected, atol=2e-5)
    difference = maps[:6, tested].mean(0) - maps[6:, tested].mean(0)
    np.testing.assert_allclose(statmap(out, "effect")[tested], difference, atol=1e-6)
    assert np.all(statmap(out, "n")[tested] == 13)

    clusters = pd.read_csv(out / "group" / "contrast-patVsHc_clusters.tsv", sep="\t")
    found = clusters[clusters["sign"] == "negative"].iloc[0]
    # Welch's t has degrees of freedom of its own: the highest peak is the one of the least p.
    highest = stats.t.logsf(-t[tested], statmap(out, "dof")[tested]).argmin()
    assert found["peak_t"] == pytest.approx(t[tested][highest], rel=1e-6)
    assert found["peak_p_fwe_permutation"] == pytest.approx(1 / 51)
    assert found["p_fwe_permutation"] == found["peak_p_fwe_permutation"]
    assert {"demographics.tsv", "receptors.tsv", "parcels.tsv", "quality.tsv"} <= {
        path.name for path in (out / "group").iterdir()
    }
    parcels = pd.read_csv(out / "group" / "parcels.tsv", sep="\t", na_values="n/a")
    assert parcels.shape == (13, 120)
    assert json.loads((out / "provenance.json").read_text())["state"] == "complete"
    page = (out / "report.html").read_text()
    assert "patVsHc" in page
    assert "SIMULATED DATA" not in page.upper()
    assert (out / "references.bib").read_text().startswith("@article{")
    assert "[@dukart2021]" in (out / "methods.md").read_text()
    print_figures = {path.stem for path in (out / "figures").glob("*.svg")}
    assert print_figures == {path.stem for path in (out / "figures").glob("*.png")}
    assert {"receptors_bars", "contrast-patVsHc_overview"} <= print_figures
    with Image.open(out / "figures" / "receptors_bars.png") as picture:
        assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)


@pytest.mark.usefixtures("lake_before")
def test_second_run_does_nothing(maps_study, maps_arguments, tmp_path, caplog):
    maps_study()
    assert command(maps_arguments) == 0
    assert not (tmp_path / "out" / "figures").exists()
    assert "patVsHc" in (tmp_path / "out" / "report.html").read_text()
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    assert command(maps_arguments) == 0
    changed = [p for p, when in before.items() if p.stat().st_mtime_ns != when]
    assert {p.name for p in changed} - {"checksums.json"} == {"run.json"}


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_another_configuration_is_refused(maps_study, maps_arguments, tmp_path, capsys):
    maps_study()
    assert command(maps_arguments) == 0
    assert command([*maps_arguments, "contrast.p=0.01"]) == 2
    assert "overwrite=true" in capsys.readouterr().err
    assert command([*maps_arguments, "contrast.p=0.01", "overwrite=true"]) == 0


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_another_threshold_redoes_only_the_table(maps_study, maps_arguments, tmp_path):
    maps_study()
    assert command(maps_arguments) == 0
    parts = {p for p in (tmp_path / "lake" / "parts").glob("*/*.json")}
    other = [w for w in maps_arguments if not w.startswith("output_dir=")]
    assert command([*other, "contrast.p=0.01", f"output_dir={tmp_path / 'other'}"]) == 0
    new = {p for p in (tmp_path / "lake" / "parts").glob("*/*.json")} - parts
    assert {p.parent.name for p in new} == {"clusters", "cluster_means", "cluster_effects"}


@pytest.mark.heavy
def test_sweep_makes_each_part_once_and_compares_the_jobs(maps_study, maps_arguments, tmp_path):
    maps_study()
    swept = ["contrast.p=0.001,0.01", "contrast.extent_mm3=0,5000"]
    assert command(["-m", *maps_arguments, *swept]) == 0
    out = tmp_path / "out"
    folders = sorted(p.name for p in out.iterdir() if p.is_dir())
    assert folders == [
        f"contrast.p={p},contrast.extent_mm3={k}" for p in ("0.001", "0.01") for k in ("0", "5000")
    ]
    made = {p.name: len(list(p.glob("*.json"))) for p in (tmp_path / "lake" / "parts").iterdir()}
    assert (made["smooth"], made["contrast"], made["permute"], made["clusters"]) == (13, 1, 1, 4)

    rows = pd.read_csv(out / "sweep.tsv", sep="\t", na_values="n/a")
    assert undescribed(out / "sweep.tsv") == []
    contrasts = rows[rows["result"] == "contrast"]
    assert contrasts["job"].tolist() == folders
    for job, row in contrasts.set_index("job").iterrows():
        table = pd.read_csv(out / job / "group" / "contrast-patVsHc_clusters.tsv", sep="\t")
        assert row["clusters_negative"] == (table["sign"] == "negative").sum()
        assert row["volume_mm3"] == pytest.approx(table["volume_mm3"].sum())
    receptors = rows[rows["result"] == "receptors"]
    own = pd.read_csv(out / folders[0] / "group" / "receptors.tsv", sep="\t")
    strongest = own.loc[own["mean_fisher_z"].abs().idxmax()]
    assert set(receptors["strongest_map"]) == {strongest["map"]}
    page = (out / "sweep.html").read_text()
    assert all(f"{quote(job)}/report.html" in page for job in folders)


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
@pytest.mark.parametrize("allow", [False, True])
def test_one_bad_map_never_takes_the_others_down(maps_study, maps_arguments, tmp_path, allow):
    root, _ = maps_study()
    (root / "sub-03_T1wT2wratio.nii.gz").write_bytes(b"not an image")
    assert command([*maps_arguments, f"allow_failures={str(allow).lower()}"]) == 1
    out = tmp_path / "out"
    failures = pd.read_csv(out / "failures.tsv", sep="\t")
    assert failures["participant_id"].tolist() == ["sub-03"]
    assert (out / "sub-04").is_dir()
    assert not (out / "sub-03").exists()
    assert any((out / "group").glob("contrast-*")) is allow


@pytest.mark.usefixtures("lake_before")
def test_nobody_left_is_said(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study(n_patients=1, n_controls=1)
    for path in root.glob("*.nii.gz"):
        path.write_bytes(b"not an image")
    assert command([*maps_arguments, "allow_failures=true"]) == 1
    assert len(pd.read_csv(tmp_path / "out" / "failures.tsv", sep="\t")) == 2


@pytest.mark.usefixtures("lake_before")
def test_a_missing_map_is_a_failure_of_that_person(maps_study, maps_arguments, tmp_path):
    root, _ = maps_study()
    (root / "sub-05_T1wT2wratio.nii.gz").unlink()
    assert command(maps_arguments) == 1
    failures = pd.read_csv(tmp_path / "out" / "failures.tsv", sep="\t")
    assert failures["participant_id"].tolist() == ["sub-05"]


@pytest.mark.usefixtures("lake_before")
def test_too_few_people_give_maps_and_a_reason(maps_study, maps_arguments, tmp_path):
    maps_study(n_patients=1, n_controls=1)
    assert command(maps_arguments) == 0
    out = tmp_path / "out"
    assert not list((out / "group").glob("contrast-*"))
    assert len(pd.read_csv(out / "group" / "parcels.tsv", sep="\t")) == 2
    assert "No contrast patVsHc" in (out / "report.html").read_text()


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_a_mask_of_another_grid_is_carried_over(maps_study, maps_arguments, tmp_path):
    maps_study()
    mask = np.zeros((60, 60, 60), np.uint8)
    mask[20:40, 20:40, 20:40] = 1
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = -90.0
    nib.Nifti1Image(mask, affine).to_filename(tmp_path / "mask.nii.gz")
    assert command([*maps_arguments, f"contrast.mask={tmp_path / 'mask.nii.gz'}"]) == 0
    tested = np.argwhere(np.isfinite(statmap(tmp_path / "out", "t")))
    low, high = tested.min(0) * 6 - [98, 134, 72], tested.max(0) * 6 - [98, 134, 72]
    assert (low >= -33).all()
    assert (high <= 33).all()


def test_covariates_must_be_complete(maps_study, maps_arguments, tmp_path, capsys):
    root, _ = maps_study(covariates="[age]")
    rows = pd.read_csv(root / "participants.tsv", sep="\t", dtype=str)
    rows.loc[2, "age"] = "n/a"
    rows.to_csv(root / "participants.tsv", sep="\t", index=False)
    assert command(maps_arguments) == 2
    assert "covariate age is missing for 1 of 13" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_excluded_people_take_no_part(maps_study, maps_arguments, tmp_path):
    maps_study(exclude="[sub-00, '12']")
    assert command(maps_arguments) == 0
    parcels = pd.read_csv(tmp_path / "out" / "group" / "parcels.tsv", sep="\t")
    assert len(parcels) == 11
    assert not {"sub-00", "sub-12"} & set(parcels["participant_id"])


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_half_written_output_is_made_whole(maps_study, maps_arguments, tmp_path):
    maps_study()
    assert command(maps_arguments) == 0
    out = tmp_path / "out"
    page = (out / "report.html").read_bytes()
    known = json.loads((out / "provenance.json").read_text())
    (out / "provenance.json").write_text(json.dumps(known | {"state": "incomplete"}))
    shutil.rmtree(out / "group")
    assert command(maps_arguments) == 0
    assert (out / "group" / "parcels.tsv").exists()
    assert len((out / "report.html").read_bytes()) == pytest.approx(len(page), rel=0.01)


@pytest.mark.usefixtures("lake_before")
def test_cluster_and_tfce_permutations(maps_study, maps_arguments, tmp_path):
    maps_study()
    assert command([*maps_arguments, "permute.statistic=[max_t,cluster,tfce]"]) == 0
    group = tmp_path / "out" / "group"
    known = json.loads((group / "contrast-patVsHc_permutation.json").read_text())
    assert set(known["p"]) == {"max_t", "extent", "mass", "tfce"}
    clusters = pd.read_csv(group / "contrast-patVsHc_clusters.tsv", sep="\t")
    found = clusters[clusters["sign"] == "negative"].iloc[0]
    assert found["voxels"] == known["observed_maximum"]["extent"]
    assert found["extent_p_fwe_permutation"] == pytest.approx(known["p"]["extent"])
    assert found["p_fwe_permutation"] == found["extent_p_fwe_permutation"]
    assert found["peak_p_fwe_permutation"] == pytest.approx(known["p"]["max_t"])
    tfce = np.asarray(
        nib.load(group / "contrast-patVsHc_stat-tfce_desc-fwe_statmap.nii.gz").dataobj
    )
    assert np.nanmax(tfce) == pytest.approx(-np.log10(known["p"]["tfce"]), rel=1e-5)


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_what_was_not_run_is_na_and_said(maps_study, maps_arguments, tmp_path):
    maps_study(n_patients=4)
    words = [
        *maps_arguments,
        "permute.n=0",
        "receptors.n_permutations=0",
        "method=van_grinsven_2025",
    ]
    assert command([*words, "smooth.fwhm_mm=0"]) == 0
    group = tmp_path / "out" / "group"
    receptors = pd.read_csv(group / "receptors.tsv", sep="\t", keep_default_na=False)
    for column in ("p_permutation", "q_fdr", "p_spatial", "ci_low", "ci_high"):
        assert set(receptors[column]) == {"n/a"}, column
    assert not (group / "contrast-patVsHc_permutation.json").exists()
    page = (tmp_path / "out" / "report.html").read_text()
    for said in (
        "Permutation p of extent and peak are n/a",
        "The spatial null was not run (receptors.spatial=none)",
        "There is no p by label permutation",
        "Intervals are n/a",
    ):
        assert said in page


@pytest.mark.usefixtures("lake_before")
def test_lake_says_what_it_holds_and_keeps_what_runs_name(
    maps_study, maps_arguments, tmp_path, capsys
):
    maps_study()
    assert command(maps_arguments) == 0
    capsys.readouterr()
    place = f"storage.url={tmp_path / 'lake'}"
    assert command(["lake=status", place]) == 0
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert rows["smooth"][1:4] == ["13", "0", "13"]
    assert command(["lake=gc", place]) == 0
    assert "removed 0 parts" in capsys.readouterr().out
    assert command(["lake=verify", place]) == 0
    chunk = next((tmp_path / "lake/parts/smooth").glob("*/smoothed/c/0/0/0"))
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"x")
    assert command(["lake=verify", place]) == 1
    assert "differs from its checksum" in capsys.readouterr().out
    assert command(["lake=nonsense", place]) == 2


@pytest.mark.heavy
def test_a_run_is_published_whole_and_opens_anywhere(maps_study, maps_arguments, tmp_path, capsys):
    maps_study()
    assert command([*maps_arguments, "permute.n=0", "receptors.n_permutations=0"]) == 0
    place, to = f"storage.url={tmp_path / 'lake'}", f"to={tmp_path / 'public'}"
    assert command(["lake=publish", place, to]) == 0
    published = {p.name: len(list(p.glob("*.json"))) for p in (tmp_path / "public/parts").iterdir()}
    kept = {p.name: len(list(p.glob("*.json"))) for p in (tmp_path / "lake/parts").iterdir()}
    assert published == kept
    group = next((tmp_path / "public/parts/smooth").glob("*/"))
    opened = xr.open_zarr(group, consolidated=True)
    assert opened["smoothed"].attrs["units"]
    assert command(["lake=publish", place]) == 2
    assert command(["lake=publish", place, to, "cohort=nobody"]) == 2
    assert "no run fits; the lake holds: cohort=small run=" in capsys.readouterr().err


def test_single_parts_without_dask_leave_nothing_for_the_run(
    maps_study, maps_arguments, tmp_path, caplog, capsys
):
    maps_study()
    words = [*maps_arguments, "permute.n=0", "receptors.n_permutations=0"]
    for stage, part in [("smooth", 1), ("parcels", 13), ("clusters", 1)]:
        assert command([*words, f"stage={stage}", f"part={part}"]) == 0
    assert not (tmp_path / "out").exists()
    made = {p.name: len(list(p.glob("*.json"))) for p in (tmp_path / "lake" / "parts").iterdir()}
    assert (made["smooth"], made["parcels"], made["clusters"]) == (13, 1, 1)
    for wrong in (["stage=smooth"], ["stage=smooth", "part=14"], ["stage=none", "part=1"]):
        assert command([*words, *wrong]) == 2
    assert command([*words, "stage=smooth", "part=14", "check=true"]) == 2
    said = "".join(capsys.readouterr())
    assert "go together" in said
    assert "smooth has 13 parts" in said
    assert "choose from" in said


def test_the_plan_shows_the_job_of_a_batch_system(maps_study, maps_arguments, capsys):
    maps_study()
    words = [word for word in maps_arguments if not word.startswith("cluster")]
    assert command([*words, "cluster=slurm", "cluster.queue=short", "dry_run=true"]) == 0
    assert "#SBATCH -p short" in capsys.readouterr().out


@pytest.mark.parametrize("more", [(), ("check=true",)], ids=["run", "check"])
def test_a_mask_that_cannot_be_read_is_no_fault_of_a_person(
    maps_study, maps_arguments, tmp_path, capsys, more
):
    maps_study()
    (tmp_path / "mask.nii").write_bytes(b"no image")
    assert command([*maps_arguments, f"contrast.mask={tmp_path / 'mask.nii'}", *more]) == 2
    said = "".join(capsys.readouterr())
    assert f"Repair {tmp_path / 'mask.nii'}, or name another file." in said
    assert "cohort.exclude" not in said


@pytest.mark.parametrize(
    ("box", "words"),
    [(0, "is empty"), (1, "hold no 2 x 2 x 2")],
    ids=["none", "one"],
)
@pytest.mark.parametrize("more", [(), ("check=true",)], ids=["run", "check"])
def test_a_mask_without_room_is_refused_before_maps_are_made(
    maps_study, maps_arguments, tmp_path, capsys, box, words, more
):
    maps_study()
    data = np.zeros(SHAPE, np.uint8)
    data[15 : 15 + box, 18 : 18 + box, 18 : 18 + box] = 1
    nib.Nifti1Image(data, map_affine()).to_filename(tmp_path / "mask.nii.gz")
    words_ = [*maps_arguments, f"contrast.mask={tmp_path / 'mask.nii.gz'}", *more]
    assert command(words_) in (1, 2)
    assert words in "".join(capsys.readouterr())
    assert not list((tmp_path / "lake").glob("parts/smooth/*"))
