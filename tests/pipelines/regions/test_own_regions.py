"""Regions of the user's own: means, contrasts, small-volume correction, wrong input."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from described_tables import undescribed
from scipy.stats import ttest_ind
from studies_of_maps import SHAPE, map_affine, maps_words, once, write_maps_study

from rt1t2_dask.cli.command_line import command

NUCLEI = {2: "left", 7: "right", 30: "a voxel", 31: "in a corner"}
BOX = (slice(13, 19), slice(16, 22), slice(16, 22))


def nuclei() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[BOX], labels[15:19, BOX[1], BOX[2]] = 2, 7
    labels[21, 19, 19], labels[0, 0, 0] = 30, 31
    return labels


def write_regions(folder: Path) -> str:
    labels = nuclei()
    for name, data in {"nuclei": labels, "network": (labels > 0) * np.float32(0.8)}.items():
        nib.Nifti1Image(data, map_affine()).to_filename(folder / f"{name}.nii.gz")
    table = pd.DataFrame({"index": list(NUCLEI), "name": list(NUCLEI.values())})
    table.to_csv(folder / "nuclei.tsv", sep="\t", index=False)
    nuclear = f"{{image: {folder}/nuclei.nii.gz, table: {folder}/nuclei.tsv}}"
    return f"regions={{nuclei: {nuclear}, network: {{image: {folder}/network.nii.gz}}}}"


@pytest.fixture(scope="module")
def studied(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """Run the study of maps with two sets of regions."""
    with once(tmp_path_factory, "own_regions") as folder:
        _, maps = write_maps_study(folder)
        if not (folder / "out" / "report.html").exists():
            assert command([*maps_words(folder), write_regions(folder)]) == 0
    return folder, maps


def group_table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "out" / "group" / f"{name}.tsv", sep="\t", na_values="n/a")


def test_means_are_those_of_the_labelled_voxels(studied):
    folder, maps = studied
    means = group_table(folder, "regions-nuclei_means")
    for label in NUCLEI:
        wanted = maps[:, nuclei() == label].mean(axis=1)
        np.testing.assert_allclose(means[f"nuclei-{label}"], wanted, rtol=1e-6)
    whole = group_table(folder, "regions-network_means")["network-1"]
    np.testing.assert_allclose(whole, maps[:, nuclei() > 0].mean(axis=1), rtol=1e-6)


def test_sizes_and_coverage_are_counted(studied):
    rows = group_table(studied[0], "regions-nuclei")
    voxels = [int((nuclei() == label).sum()) for label in rows["region"]]
    assert rows["voxels"].tolist() == voxels
    np.testing.assert_allclose(rows["volume_mm3"], np.array(voxels) * 6.0**3)
    assert rows["coverage_min"].tolist() == [1.0] * 4
    assert rows["n_measured"].tolist() == [13] * 4


def test_contrasts_are_welch_tests_of_the_means(studied):
    folder, maps = studied
    rows = group_table(folder, "contrast-patVsHc_regions-nuclei").set_index("region")
    assert rows["name"].to_dict() == NUCLEI
    for label in rows.index:
        values = maps[:, nuclei() == label].astype(float).mean(axis=1)
        found = ttest_ind(values[:6], values[6:], equal_var=False)
        assert rows["t"][label] == pytest.approx(found.statistic, rel=1e-4)
        assert rows["p"][label] == pytest.approx(found.pvalue, rel=1e-4)


def test_a_small_volume_is_the_contrast_within_a_mask(studied, tmp_path):
    folder, _ = studied
    write_regions(tmp_path)
    words = [word for word in maps_words(folder) if not word.startswith("output_dir")]
    masked = [f"output_dir={tmp_path / 'out'}", f"contrast.mask={tmp_path / 'network.nii.gz'}"]
    assert command([*words, *masked]) == 0
    stem = "group/contrast-patVsHc_stat-t_desc-"
    within = nib.load(tmp_path / "out" / f"{stem}fwe_statmap.nii.gz").get_fdata()
    small = nib.load(folder / "out" / f"{stem}networkSmallVolume_statmap.nii.gz").get_fdata()
    here = (nuclei() > 0) & (nuclei() < 31)
    np.testing.assert_allclose(small[here], within[here], rtol=1e-6)
    assert not np.nan_to_num(small[~here]).any()
    row = group_table(folder, "contrast-patVsHc_smallvolume-network").iloc[0]
    assert row["voxels"] == here.sum()
    assert row["p_fwe_set"] == pytest.approx(10 ** -within[here].max(), rel=1e-5)
    corner = np.linalg.inv(map_affine()) @ [*row[["x_mm", "y_mm", "z_mm"]], 1]
    t = nib.load(folder / "out" / "group/contrast-patVsHc_stat-t_statmap.nii.gz").get_fdata()
    assert t[tuple(np.rint(corner[:3]).astype(int))] == pytest.approx(row["t"], rel=1e-5)


def test_fewer_voxels_are_never_corrected_more(studied):
    folder, _ = studied
    stem = folder / "out" / "group" / "contrast-patVsHc_stat-t_desc-"
    small, brain = (
        nib.load(f"{stem}{name}_statmap.nii.gz").get_fdata()[(nuclei() > 0) & (nuclei() < 31)]
        for name in ("nucleiSmallVolume", "fwe")
    )
    assert (small >= brain - 1e-6).all()


def test_a_region_outside_the_brain_has_means_and_no_peak(studied):
    rows = group_table(studied[0], "contrast-patVsHc_smallvolume-nuclei").set_index("region")
    assert rows["voxels"][31] == 0
    assert rows.loc[31, ["t", "x_mm", "p_fwe_set"]].isna().all()
    assert rows.loc[[2, 7, 30], "p_fwe_set"].between(0, 1).all()


def test_the_page_and_the_methods_tell_of_them(studied):
    page = (studied[0] / "out" / "report.html").read_text()
    assert "Own regions" in page
    assert "small-volume correction" in page
    assert "a voxel, in a corner: fewer than 10 voxels" in page


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ("{a: {image: no.nii}}", "regions.a.image=no.nii: there is no such file"),
        ("{a: {image: nuclei.nii.gz}}", "values from 0 to 31, so it is no mask; give regions.a"),
        ("{a: {image: empty.nii.gz}}", "regions.a.image has no voxel of 0.5 or more"),
        ("{a: {image: nuclei.nii.gz, table: two.tsv}}", "labels without a name [30, 31]"),
        ("{a: {image: nuclei.nii.gz, table: nuclei.nii.gz}}", "regions.a"),
        ("{a: {image: nuclei.tsv}}", "Repair nuclei.tsv, or name another file"),
        ("{a_b: {image: network.nii.gz}}", "a_b"),
        ("{a: {table: nuclei.tsv}}", "regions.a.image"),
        ("[network.nii.gz]", "regions"),
    ],
)
@pytest.mark.parametrize("more", [(), ("check=true",)], ids=["run", "check"])
def test_wrong_regions_are_refused_in_a_line(
    maps_study, maps_arguments, tmp_path, capsys, monkeypatch, regions, said, more
):
    maps_study()
    write_regions(tmp_path)
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"index": [2, 7], "name": ["a", "b"]}).to_csv("two.tsv", sep="\t", index=False)
    low = np.where(nuclei() > 0, np.float32(0.3), np.float32(0))
    nib.Nifti1Image(low, map_affine()).to_filename("empty.nii.gz")
    assert command([*maps_arguments, f"regions={regions}", *more]) == 2
    text = "".join(capsys.readouterr())
    assert said in text
    assert "Traceback" not in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("atlas", "said"),
    [("nobody", "regions has no such name (network)"), ("network", "is one mask")],
)
def test_receptors_name_a_set_of_regions(maps_study, maps_arguments, tmp_path, capsys, atlas, said):
    maps_study()
    write_regions(tmp_path)
    own = f"regions={{network: {{image: {tmp_path}/network.nii.gz}}}}"
    assert command([*maps_arguments, own, f"receptors.atlas={atlas}", "dry_run=true"]) == 2
    assert said in capsys.readouterr().err


def test_every_table_is_described(studied):
    assert undescribed(studied[0] / "out") == []
