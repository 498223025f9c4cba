"""Regions of the cortex from scans to tables, receptors and regional studies; and fsLR."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from common_meshes import VERTICES, write_coarse_fslr
from described_tables import undescribed

from rt1t2_dask import assets
from rt1t2_dask.cli.command_line import command
from rt1t2_dask.pipelines.surface.regional.means import vertex_areas
from rt1t2_dask.pipelines.surface.regions import desikan

GROUPS = [
    word
    for g in ("PSP", "HC")
    for word in (f"source.groups.{g}.n=3", f"source.groups.{g}.n_male=1")
]
FEW = [
    *("source.voxel_mm=4", "receptors.n_permutations=40", "permute.n=40", "report.mosaics=0"),
    *("permute.statistic=[max_t]", "contrast.min_group_n=2", "report.age_and_sex=false"),
    *("absence.tests=false", "receptors.autocorrelation=false"),
]
pytestmark = [pytest.mark.heavy, pytest.mark.assets]


def words(folder: Path, out: str) -> list[str]:
    places = [f"source.root={folder / 'scans'}", f"storage.url={folder / 'lake'}"]
    return [
        "+cohort=psp",
        "surface=simulated",
        *GROUPS,
        *FEW,
        *places,
        f"output_dir={folder / out}",
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if assets.find("desikan_killiany") is None:
        pytest.skip("the Desikan-Killiany volume is not among RT1T2_ASSETS")
    found = tmp_path_factory.mktemp("regions_of_the_cortex")
    assert command(words(found, "out")) == 0
    return found


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", na_values="n/a")


def test_means_are_those_of_everybodys_maps(folder):
    group = folder / "out" / "group"
    rows = read(group / "surface_regions.tsv").set_index("participant_id")
    assert rows.shape == (6, 68) and list(rows)[:2] == ["lh_bankssts", "lh_caudalanteriorcingulate"]
    regions, areas = desikan("fsaverage5"), vertex_areas("fsaverage5")
    stem = folder / "out" / "sub-PSP01" / "anat" / "sub-PSP01_space-fsaverage5_hemi-"
    halves = (f"{stem}{h}_desc-ratio_T1wT2wratio.shape.gii" for h in "LR")
    values = np.concatenate([nib.load(path).darrays[0].data for path in halves])
    for number, name in list(regions.names.items())[::7]:
        own = (regions.labels == number) & np.isfinite(values)
        mean = np.average(values[own], weights=areas[own])
        assert rows.loc["sub-PSP01", name] == pytest.approx(mean, rel=1e-5)
    said = json.loads((group / "surface_regions.json").read_text())
    assert said["simulated"] is True and said["Regions"] == "desikan_killiany"


def test_contrasts_receptors_page_and_tables(folder):
    out = folder / "out"
    assert undescribed(out) == []
    rows = read(out / "group" / "contrast-pspVsHc_surface_regions.tsv")
    assert len(rows) == 68 and rows["name"].is_unique
    assert {"t", "dof", "p", "q_fdr", "g", "p_fwe_max_t"} <= set(rows)
    assert (
        rows["p_fwe_max_t"].between(0, 1).all() and (rows["p_fwe_max_t"] >= rows["p"]).mean() > 0.9
    )
    receptors = read(out / "group" / "receptors_surface.tsv")
    volume = read(out / "group" / "receptors.tsv")
    assert list(receptors.columns) == list(volume.columns)
    assert set(receptors["map"]) <= set(volume["map"]) and (receptors["n_regions"] == 68).all()
    both = receptors.merge(volume, on=["group", "map"])
    assert len(both) == len(receptors) > 10
    page = (out / "report.html").read_text()
    assert "Regions of the cortex" in page and "Receptors on the cortex" in page
    keys = json.loads((out / "provenance.json").read_text())["group_parts"]
    assert set(keys["surface_regions"]["pspVsHc"]) == {"surface_region_contrast"}
    assert keys["surface_pet"] and "psp" in keys["surface_receptors"]


def test_the_table_is_a_feature_of_a_regional_study_and_stays_simulated(folder, tmp_path):
    """The people of the study of scans, read again as regional tables, with their own rT1/T2."""
    out = folder / "out"
    (tmp_path / "participants.tsv").write_bytes((out / "participants.tsv").read_bytes())
    studies = tmp_path / "studies" / "cohort"
    studies.mkdir(parents=True)
    (studies / "own.yaml").write_text(
        "name: own\ngroups: {psp: psp, hc: hc}\nreference: hc\ncontrasts: {pspVsHc: [psp, hc]}\n"
    )
    done = command([
        "--config-dir", str(studies.parent), "+cohort=own", "method=martins_2021",
        "source=morphometry", f"source.root={tmp_path}", f"output_dir={tmp_path / 'regional'}",
        f"storage.url={tmp_path / 'lake'}", "cluster=synchronous", "permute.n=20",
        f"+source.more.rt1t2={out / 'group' / 'surface_regions.tsv'}", "similarity.features=[]",
        "similarity.also=[rt1t2]", "contrast.min_group_n=2",
    ])  # fmt: skip
    assert done == 0
    rows = read(tmp_path / "regional" / "group" / "contrast-pspVsHc_measure-rt1t2_regions.tsv")
    mine = read(out / "group" / "surface_regions.tsv").set_index("participant_id")
    people = read(out / "participants.tsv").set_index("participant_id")["group"]
    difference = mine[people == "psp"].mean() - mine[people == "hc"].mean()
    found = rows.set_index("region")["estimate"]
    assert found.loc[difference.index].to_numpy() == pytest.approx(difference.to_numpy(), rel=1e-4)
    told = json.loads((tmp_path / "regional" / "dataset_description.json").read_text())
    assert told["simulated"] is True and "SIMULATED" in told["Name"]
    assert "SIMULATED DATA" in (tmp_path / "regional" / "report.html").read_text()


def test_other_regions_redo_no_image_and_no_vertex(folder, capsys, tmp_path):
    for side, shift in (("lh", 0), ("rh", 7)):
        values = (np.arange(10_242) // 400 + shift) % 30
        table = np.array([[k, 5, 25, 0, 0] for k in range(30)], int)
        names = ["unknown", *(f"part{k}" for k in range(1, 30))]
        path = tmp_path / f"{side}.parts.annot"
        nib.freesurfer.write_annot(path, values, table, names, fill_ctab=True)
    own = f"surface.regions='{tmp_path}/{{hemi}}.parts.annot'"
    assert command([*words(folder, "own"), own, "dry_run=true"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    to_do = {row[0]: int(row[3]) for row in rows if len(row) > 3 and row[3].isdigit()}
    assert {stage for stage, n in to_do.items() if n} == {
        "surface_regions", "surface_region_contrast", "surface_pet", "surface_receptors",
        "surface_clusters",
    }  # fmt: skip
    assert command([*words(folder, "own"), own]) == 0
    means = read(folder / "own" / "group" / "surface_regions.tsv")
    assert {"lh_part1", "rh_part29"} <= set(means) and "lh_unknown" not in means


def test_a_mesh_of_other_vertices_goes_the_whole_way(folder, monkeypatch, tmp_path):
    write_coarse_fslr(tmp_path)
    here = os.environ["RT1T2_ASSETS"]
    monkeypatch.setenv("RT1T2_ASSETS", f"{tmp_path}{os.pathsep}{here}")
    assert command([*words(folder, "fslr"), "surface.mesh=fsLR32k"]) == 0
    out = folder / "fslr"
    stem = out / "sub-PSP01" / "anat" / "sub-PSP01_space-fsLR_den-32k"
    left = nib.load(f"{stem}_hemi-L_desc-ratio_T1wT2wratio.shape.gii").darrays[0].data
    both = nib.load(f"{stem}_desc-ratio_T1wT2wratio.dscalar.nii").header.get_axis(1)
    assert left.shape == (VERTICES,)
    assert set(both.nvertices.values()) == {VERTICES}
    wall = VERTICES - np.count_nonzero(both.name == "CIFTI_STRUCTURE_CORTEX_LEFT")
    assert 150 < wall < 260  # 799 of 10,242
    rows = read(out / "group" / "surface_regions.tsv").set_index("participant_id")
    fine = read(folder / "out" / "group" / "surface_regions.tsv").set_index("participant_id")
    assert list(rows) == list(fine)
    ratio = (rows / fine).to_numpy()
    assert np.nanmedian(np.abs(ratio - 1)) < 0.01 and np.nanmax(np.abs(ratio - 1)) < 0.1
    assert undescribed(out) == []
    assert (
        out / "group" / "contrast-pspVsHc_space-fsLR_den-32k_stat-t_statmap.dscalar.nii"
    ).exists()
    assert "fsLR" in (out / "report.html").read_text()
    assert read(out / "group" / "receptors_surface.tsv")["mean_fisher_z"].notna().all()
