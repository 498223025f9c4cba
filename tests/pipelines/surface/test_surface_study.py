"""A study with simulated surfaces: planted change, files, page, and what is redone."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from described_tables import undescribed

from rt1t2_dask.cli.command_line import command

PEOPLE = ("PSP", "HC")
GROUPS = [
    word for g in PEOPLE for word in (f"source.groups.{g}.n=3", f"source.groups.{g}.n_male=1")
]
FEW = [
    *("source.voxel_mm=4", "receptors.n_permutations=0", "receptors.spatial=none"),
    *("permute.n=60", "permute.statistic=[max_t,tfce,cluster]", "report.mosaics=0"),
    *("contrast.min_group_n=2", "report.age_and_sex=false", "absence.tests=false"),
]
pytestmark = [pytest.mark.heavy, pytest.mark.assets]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("surface")
    words = ["+cohort=psp", "surface=simulated", *GROUPS, *FEW]
    words += [f"source.root={folder / 'scans'}", f"storage.url={folder / 'lake'}"]
    words += [
        "permute.early_stop=2",
        "surface.depths=[0.2,0.8]",
        "surface.extent_mm2=20",
        f"output_dir={folder / 'out'}",
    ]
    assert command(words) == 0
    return folder, words


def test_maps_of_everybody_and_of_the_contrast_are_gifti_and_cifti(study):
    out = study[0] / "out"
    stem = out / "sub-PSP01" / "anat" / "sub-PSP01_space-fsaverage5"
    left = nib.load(f"{stem}_hemi-L_desc-ratio_T1wT2wratio.shape.gii").darrays[0].data
    both = nib.load(f"{stem}_desc-ratio_T1wT2wratio.dscalar.nii")
    model = both.header.get_axis(1)
    assert left.shape == (10242,) and np.isnan(left).sum() > 700
    known = left[model.vertex[model.name == "CIFTI_STRUCTURE_CORTEX_LEFT"]]
    np.testing.assert_array_equal(both.get_fdata(dtype=np.float32)[0][: len(known)], known)
    assert 0.5 < np.nanmedian(left) < 2
    said = json.loads(Path(f"{stem}_desc-ratio_T1wT2wratio.json").read_text())
    assert said["simulated"] is True
    names = {path.name for path in (out / "group").glob("contrast-pspVsHc_space-fsaverage5*")}
    for desc in ("stat-t_statmap", "desc-FWE_stat-p_statmap", "desc-FWEtfce_stat-p_statmap"):
        assert f"contrast-pspVsHc_space-fsaverage5_hemi-R_{desc}.shape.gii" in names
        assert f"contrast-pspVsHc_space-fsaverage5_{desc}.dscalar.nii" in names


def test_t_is_that_of_the_smoothed_maps(study):
    out = study[0] / "out"
    people = pd.read_csv(out / "participants.tsv", sep="\t").set_index("participant_id")
    desc = "space-fsaverage5_hemi-L_desc-smoothed_T1wT2wratio.shape.gii"
    maps = {
        label: nib.load(out / label / "anat" / f"{label}_{desc}").darrays[0].data
        for label in people.index
    }
    groups = [
        np.stack([maps[k] for k in people.index[people["group"] == g]]) for g in ("psp", "hc")
    ]
    stem = "contrast-pspVsHc_space-fsaverage5_hemi-L_stat-effect_statmap.shape.gii"
    effect = nib.load(out / "group" / stem).darrays[0].data
    known = np.isfinite(effect)
    difference = groups[0].mean(axis=0) - groups[1].mean(axis=0)
    assert np.corrcoef(effect[known], difference[known])[0, 1] > 0.7  # the anchor is held as well


def test_tables_page_and_methods(study):
    out = study[0] / "out"
    assert undescribed(out) == []
    people = pd.read_csv(out / "group" / "surface.tsv", sep="\t")
    assert len(people) == 6 and (people["missing"] < 0.05).all()
    assert people["median_thickness_mm"].between(1.5, 4).all()
    page = (out / "report.html").read_text()
    assert "Cortex as a surface" in page and "SIMULATED DATA" in page
    methods = (out / "methods.md").read_text()
    assert "[@glasser2011]" in methods and "power 8" in methods
    said = json.loads((out / "group" / "contrast-pspVsHc_surface_permutation.json").read_text())
    assert said["n"] == 60 and set(said["p"]) == {"max_t", "extent", "mass", "tfce"}
    assert all(0 < p <= 1 for p in said["p"].values())
    keys = json.loads((out / "provenance.json").read_text())["group_parts"]["surface"]
    assert {"surface_contrast", "surface_permute", "surface_clusters"} == set(keys["pspVsHc"])


def test_depths_are_a_table_a_figure_and_a_sentence(study):
    out = study[0] / "out"
    rows = pd.read_csv(out / "group" / "surface_depths.tsv", sep="\t")
    assert len(rows) == 6 * 3 * 2 and set(rows["hemisphere"]) == {"left", "right", "both"}
    keys = ["participant_id", "depth", "hemisphere"]
    mean, vertices = (rows.set_index(keys)[name].unstack() for name in ("mean_ratio", "vertices"))
    assert mean["both"].between(mean.min(axis=1), mean.max(axis=1)).all()
    assert (vertices["left"] + vertices["right"] == vertices["both"]).all()
    deep, outer = (mean["both"].xs(depth, level="depth") for depth in (0.2, 0.8))
    assert (deep > outer).all()  # white matter shines, CSF does not
    page = (out / "report.html").read_text()
    assert "Mean ratio by depth" in page
    assert (out / "figures" / "cortex_depths.png").exists()


def test_what_was_searched_stands_in_the_json_and_on_the_page(study):
    out = study[0] / "out"
    said = json.loads((out / "group" / "contrast-pspVsHc_surface_permutation.json").read_text())
    assert (said["n"], said["n_planned"], said["early_stop"]) == (60, 60, 2)
    found = said["searched"]
    assert found["vertices"] > 18_000 and 100_000 < found["area_mm2"] < 160_000
    assert found["fwhm_mm"] > 8 and found["resels"][2] < found["area_mm2"] / 64
    page = (out / "report.html").read_text()
    assert "smoothness of the residuals" in page
    cortex = page[page.index('id="cortex"') :]
    assert "permute.early_stop=2 was not reached" in cortex[: cortex.index("</section>")]
    assert page.count('class="viewer mesh"') == 1 and "Mean ratio of psp (n = 3), smoothed" in page


def test_another_extent_redoes_the_table_alone(study, capsys):
    folder, words = study
    again = [*words[:-1], "surface.extent_mm2=0", f"output_dir={folder / 'other'}", "dry_run=true"]
    assert command(again) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    to_do = {row[0]: int(row[3]) for row in rows if len(row) > 4 and row[3].isdigit()}
    assert to_do["surface_clusters"] == 1
    assert sum(to_do.values()) == 1


def test_no_label_is_in_the_lake(study):
    lake = study[0] / "lake"
    assert not [p for p in lake.rglob("*") if "sub-" in str(p.relative_to(lake))]
    assert "sub-" not in "".join(p.read_text() for p in lake.glob("parts/surface*/*.json"))
