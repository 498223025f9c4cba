"""From simulated scans to the report on real Dask workers; killed, resumed, bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from described_tables import undescribed
from studies_of_maps import once

from rt1t2_dask.cli.command_line import command

VOXEL_MM = 4
PEOPLE = [
    "source.groups.PSP.n=2",
    "source.groups.PSP.n_male=1",
    "source.groups.HC.n=3",
    "source.groups.HC.n_male=1",
    "source.groups.PSPS2.n=1",
    "source.groups.PSPS2.n_male=0",
]
SMALL = [
    f"source.voxel_mm={VOXEL_MM}",
    *PEOPLE,
    "permute.n=20",
    "receptors.n_permutations=20",
    "report.mosaics=2",
    "report.dpi=72",
    "report.svg=false",
]

SHARED = ("template/", "head/")

pytestmark = pytest.mark.slow


def start(folder: Path, cohort: str, *more: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "rt1t2_dask", f"+cohort={cohort}", *SMALL, *more]
    log = (folder / "log.txt").open("ab")
    return subprocess.Popen(words, cwd=folder, stderr=log, start_new_session=True)


def run(folder: Path, cohort: str, *more: str) -> str:
    folder.mkdir(exist_ok=True)
    process = start(folder, cohort, *more)
    assert process.wait(timeout=800) == 0, (folder / "log.txt").read_text()[-2000:]
    return (folder / "log.txt").read_text()


def run_here(folder: Path, cohort: str, *more: str) -> None:
    """Run in this process and without workers, where the test is of neither."""
    words = [f"+cohort={cohort}", *SMALL, "cluster=synchronous", *more]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert command(words) == 0


def sealed(folder: Path) -> dict[str, dict[str, str]]:
    """Checksums of every object of every part, by the part's name."""
    lake = folder / "outputs" / "lake" / "parts"
    return {
        str(path.relative_to(lake)): json.loads(path.read_text())["objects"]
        for path in sorted(lake.glob("*/*.json"))
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """One run on two real worker processes, made once for all processes of the tests."""
    with once(tmp_path_factory, "two_workers") as folder:
        if not (folder / "done").exists():
            run(folder, "psp", "cluster=local", "cluster.workers=2")
            (folder / "done").touch()
    return folder


@pytest.mark.cluster
def test_scans_reach_the_report(undisturbed):
    out = undisturbed / "outputs" / "psp"
    assert "SIMULATED" in (undisturbed / "log.txt").read_text()
    parcels = pd.read_csv(out / "group" / "parcels.tsv", sep="\t", na_values="n/a")
    assert parcels["participant_id"].tolist() == [
        "sub-HC01", "sub-HC02", "sub-HC03", "sub-PSP01", "sub-PSP02",
    ]  # fmt: skip
    values = parcels.drop(columns="participant_id").to_numpy()
    assert 0.3 < np.nanmedian(values) < 3
    ratio = nib.load(
        out / "sub-PSP01/anat/sub-PSP01_space-MNI152NLin2009aSym_desc-ratio_T1wT2wratio.nii.gz"
    )
    assert np.allclose(ratio.header.get_zooms(), VOXEL_MM)
    assert np.isfinite(ratio.get_fdata()).sum() * VOXEL_MM**3 > 1.2e6
    native = nib.load(out / "sub-PSP01/anat/sub-PSP01_desc-ratio_T1wT2wratio.nii.gz")
    mask = nib.load(out / "sub-PSP01/anat/sub-PSP01_desc-brain_mask.nii.gz")
    np.testing.assert_allclose(native.affine, mask.affine)
    measured = np.isfinite(native.get_fdata())
    assert not measured[np.asarray(mask.dataobj) == 0].any()
    medians = [np.nanmedian(image.get_fdata()) for image in (native, ratio)]
    assert abs(medians[0] / medians[1] - 1) < 0.1
    assert (out / "sub-PSP01/anat/sub-PSP01_desc-lesion_mask.nii.gz").exists()
    assert not (out / "sub-HC01/anat/sub-HC01_desc-lesion_mask.nii.gz").exists()
    tissue = nib.load(out / "sub-PSP01/anat/sub-PSP01_dseg.nii.gz")
    assert set(np.unique(tissue.get_fdata())) == {0, 1, 2, 3, 7}
    assert len(pd.read_csv(out / "group" / "receptors.tsv", sep="\t")) == 17


@pytest.mark.cluster
def test_nobody_is_refused_or_beyond_a_limit_on_a_coarse_grid(undisturbed):
    """Sulci of a 4 mm grid once gave CSF of partial volume: all beyond `contrast_kept_t1w`."""
    out = undisturbed / "outputs" / "psp"
    assert pd.read_csv(out / "failures.tsv", sep="\t").empty
    quality = pd.read_csv(out / "group" / "quality.tsv", sep="\t", na_values="n/a")
    # On 4 mm N4 leaves a little more field.
    flags = quality["flag"].dropna().astype(str).str.split().str[0]
    assert len(quality) == 5 and set(flags) <= {"bias_left_t1w"}


@pytest.mark.cluster
@pytest.mark.heavy
def test_intensities_mapped_to_the_template_keep_their_contrast(undisturbed, tmp_path):
    copied = shutil.copytree(
        undisturbed, tmp_path / "copy", ignore=shutil.ignore_patterns("claims")
    )
    run_here(copied, "psp", "calibration=mrtool_style", "level=participant",
             "output_dir=outputs/mapped")  # fmt: skip
    mapped = pd.read_csv(
        copied / "outputs" / "mapped" / "group" / "quality.tsv", sep="\t", na_values="n/a"
    )
    assert len(mapped) == 5
    # Scalps differ between people now, and calibration on them stretches or flattens: 0.75 to 1.5.
    assert mapped["contrast_kept_t1w"].between(0.5, 2.0).all()


@pytest.mark.cluster
def test_gain_is_taken_out_of_what_is_written_and_parts_stay_raw(undisturbed):
    """Maps, regions and levels carry one factor a person; the lake's parts stay the raw ratio."""
    out = undisturbed / "outputs" / "psp"
    protocols = pd.read_csv(out / "group" / "calibration.tsv", sep="\t", na_values="n/a")
    people = pd.read_csv(out / "group" / "calibration_people.tsv", sep="\t", na_values="n/a")
    assert protocols["scans"].sum() == len(people) == 5
    assert (protocols["calibrated_over_raw"].dropna() <= 1).all()
    regions = pd.read_csv(out / "group" / "parcels.tsv", sep="\t", na_values="n/a")
    keys = json.loads((out / "provenance.json").read_text())["parts"]
    for row in people.to_dict("records"):
        label = row["participant_id"]
        lake = undisturbed / "outputs" / "lake" / "parts"
        raw = xr.open_zarr(lake / "parcels" / keys[label]["parcels"], consolidated=False)
        own = regions.loc[regions["participant_id"] == label].drop(columns="participant_id")
        np.testing.assert_allclose(own.to_numpy()[0], raw["parcels"] * row["gain"], rtol=1e-6)
        path = f"{label}/anat/{label}_space-MNI152NLin2009aSym_desc-smoothed_T1wT2wratio"
        written = nib.load(out / f"{path}.nii.gz").get_fdata()
        part = xr.open_zarr(lake / "smooth" / keys[label]["smooth"], consolidated=False)
        stored = part["smoothed"].to_numpy().transpose(2, 1, 0)
        np.testing.assert_allclose(written, stored * row["gain"], rtol=1e-5)
        said = json.loads((out / f"{path}.json").read_text())["Calibration"]
        assert said["kind"] == "eb_gain" and said["factor"] == pytest.approx(row["gain"])
    design = pd.read_csv(out / "group" / "contrast-pspVsHc_design.tsv", sep="\t")
    taken_out = (protocols["lambda_applied"] > 0).any()
    assert any(str(name).startswith("anchor") for name in design) == taken_out


def test_sidecars_say_what_was_done(undisturbed):
    anat = undisturbed / "outputs" / "psp" / "sub-PSP01" / "anat"
    for middle, reference in (("", "T1w"), ("_space-MNI152NLin2009aSym", "MNI152NLin2009aSym")):
        name = f"sub-PSP01{middle}_desc-ratio_T1wT2wratio.json"
        said = json.loads((anat / name).read_text())
        assert reference in said["SpatialReference"]
        assert "fourth-degree B-spline" in said["Interpolation"]
        assert np.shape(said["T1wToT2w"]) == np.shape(said["TemplateToT1wAffine"]) == (4, 4)
        assert said["Settings"]["normalise"]["fill"] == "mask"
        assert said["Calibration"]["kind"] == "eb_gain"
        assert {"rt1t2_dask", "numba"} <= set(said["SoftwareVersions"])


@pytest.mark.cluster
def test_a_bids_app_on_the_same_scans_finds_the_parts_of_the_study(undisturbed, tmp_path):
    outputs = undisturbed / "outputs"
    raw, before = next((outputs / "simulated").iterdir()), sealed(undisturbed)
    words = [
        str(raw), str(tmp_path / "app"), "participant", "--participant-label", "PSP01",
        "-w", str(outputs / "lake"), "resample.voxel_mm=null", f"template.voxel_mm={VOXEL_MM}",
        "cluster=synchronous",
    ]  # fmt: skip
    assert command(words) == 0
    assert sealed(undisturbed) == before
    maps = sorted((outputs / "psp" / "sub-PSP01" / "anat").glob("*.nii.gz"))
    assert len(maps) == 6
    for path in maps:
        again = nib.load(tmp_path / "app" / "sub-PSP01" / "anat" / path.name)
        np.testing.assert_array_equal(again.get_fdata(), nib.load(path).get_fdata())


@pytest.mark.cluster
def test_simulated_is_said_everywhere(undisturbed):
    out = undisturbed / "outputs" / "psp"
    raw = next((undisturbed / "outputs" / "simulated").iterdir())
    for folder in (out, raw):
        assert "SIMULATED" in (folder / "dataset_description.json").read_text()
    assert (out / "report.html").read_text().count("SIMULATED DATA") >= 3
    for path in (*raw.rglob("*T?w.json"), *out.rglob("sub-*/**/*.json")):
        assert json.loads(path.read_text())["simulated"] is True, path.name
    for path in (*raw.rglob("*.nii.gz"), *out.rglob("*.nii.gz")):
        assert b"SIMULATED" in nib.load(path).header["descrip"].tobytes(), path.name


@pytest.mark.cluster
def test_no_label_in_lake_or_log(undisturbed):
    lake = undisturbed / "outputs" / "lake"
    names = " ".join(str(path.relative_to(lake)) for path in lake.rglob("*"))
    log = (undisturbed / "log.txt").read_text()
    for label in ("PSP01", "HC01"):
        assert label not in names
        assert label not in log


@pytest.mark.cluster
def test_arrays_open_with_plain_xarray(undisturbed):
    part = next((undisturbed / "outputs/lake/parts/ratio").glob("*/"))
    ratio = xr.open_zarr(part, consolidated=False)["ratio"]
    assert ratio.dims == ("z", "y", "x")
    assert ratio.attrs["units"] == "1"
    assert ratio.attrs["space"] == "MNI152NLin2009aSym"
    assert np.shape(ratio.attrs["affine"]) == (4, 4)
    assert "ratio" in ratio.attrs["doc"]


def without_one_person(whole: Path, folder: Path) -> int:
    """Copy a study's scans and the images of all people but one; returns how many parts."""
    said = json.loads((whole / "outputs/psp/provenance.json").read_text())["parts"]
    kept = {f"{s}/{k}" for who in list(said)[1:] for s, k in said[who].items()}
    kept |= {name.removesuffix(".json") for name in sealed(whole) if name.startswith(SHARED)}
    shutil.copytree(whole / "outputs/simulated", folder / "outputs/simulated")
    for name in sorted(kept):
        place = folder / "outputs/lake/parts" / name
        shutil.copytree(whole / "outputs/lake/parts" / name, place)
        shutil.copy(whole / "outputs/lake/parts" / f"{name}.json", f"{place}.json")
    return len(kept)


@pytest.mark.heavy
@pytest.mark.cluster
def test_killed_run_resumes_to_the_same_bits_on_one_worker(undisturbed, tmp_path):
    given = without_one_person(undisturbed, tmp_path)
    process = start(tmp_path, "psp", "cluster=local", "cluster.workers=1", "report.figures=false")
    began = time.monotonic()
    while len(sealed(tmp_path)) < given + 6 and time.monotonic() - began < 600:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = sealed(tmp_path)
    assert given + 6 <= len(finished) < len(sealed(undisturbed))
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.glob("outputs/lake/parts/*/*.json")}
    run_here(tmp_path, "psp", "report.figures=false")
    assert sealed(tmp_path) == sealed(undisturbed)
    assert all(path.stat().st_mtime_ns == when for path, when in stamps.items())
    assert not list(tmp_path.glob("outputs/lake/claims/*/*/*"))


@pytest.mark.heavy
@pytest.mark.cluster
def test_second_run_is_quick_and_another_cohort_makes_only_its_own_people(undisturbed, tmp_path):
    undisturbed = shutil.copytree(
        undisturbed, tmp_path / "copy", ignore=shutil.ignore_patterns("claims")
    )
    before = set(sealed(undisturbed))
    began = time.monotonic()
    log = run(undisturbed, "psp", "cluster=local", "cluster.workers=2")
    assert time.monotonic() - began < 60
    assert "nothing to do" in log
    assert set(sealed(undisturbed)) == before
    run_here(undisturbed, "psps2", "report.figures=false")
    new = pd.Series([name.split("/")[0] for name in set(sealed(undisturbed)) - before])
    counts = new.value_counts()
    assert counts["ingest"] == counts["normalise"] == counts["smooth"] == 1
    assert "No contrast psps2VsHc" in (undisturbed / "outputs/psps2/report.html").read_text()


@pytest.mark.cluster
def test_every_table_is_described(undisturbed):
    assert undescribed(undisturbed / "outputs" / "psp") == []
