"""Whose regions of the cortex a study takes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.cifti2 import BrainModelAxis, Cifti2Image, LabelAxis
from nibabel.gifti import GiftiDataArray, GiftiImage, GiftiLabel, GiftiLabelTable

from rt1t2_dask.cli.command_line import Job, _configure, command
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.surface.regions import own_regions, region_files
from rt1t2_dask.pipelines.surface.template import SIDES, cortex_mask, mesh_assets, template

N, FSAVERAGE = 10_242, 163_842
NAMES = ["unknown", "bankssts", "insula"]


def annot(path: Path, values, names=NAMES) -> None:
    table = np.array([[25 + k, 5, 25, 0, 0] for k in range(len(names))], int)
    nib.freesurfer.write_annot(path, np.asarray(values, int), table, names, fill_ctab=True)


def label(path: Path, values, names=NAMES) -> None:
    table = GiftiLabelTable()
    for key, name in enumerate(names):
        one = GiftiLabel(key, 0, 0, 0, 1)
        one.label = name
        table.labels.append(one)
    array = GiftiDataArray(np.asarray(values, np.int32), "NIFTI_INTENT_LABEL", "NIFTI_TYPE_INT32")
    path.write_bytes(GiftiImage(darrays=[array], labeltable=table).to_bytes())


def dlabel(path: Path, left, right) -> None:
    models = BrainModelAxis.from_mask(np.ones(len(left), bool), "CortexLeft")
    if right is not None:
        models += BrainModelAxis.from_mask(np.ones(len(right), bool), "CortexRight")
    axis = LabelAxis(["mine"], [{k: (n, (1, 0, 0, 1)) for k, n in enumerate(NAMES)}])
    values = np.concatenate([left, [] if right is None else right])
    Cifti2Image(values[None].astype(np.float32), header=(axis, models)).to_filename(path)


def read(path: str):
    words = ("+cohort=psp", "surface=simulated", f"surface.regions={path}")
    return own_regions(region_files(_configure(Job(words))), "fsaverage5")


def halves(n: int = N):
    values = np.random.default_rng(0).integers(0, 3, (2, n))
    return values[0], values[1]


@pytest.mark.parametrize("form", [("lh", "rh"), ("L", "R")])
@pytest.mark.parametrize("ending", ["annot", "label.gii"])
def test_a_pair_of_files_by_either_name(tmp_path, form, ending):
    write = annot if ending == "annot" else label
    for side, values in zip(form, halves(), strict=True):
        write(tmp_path / f"{side}.mine.{ending}", values)
    found = read(f"'{tmp_path}/{{hemi}}.mine.{ending}'")
    assert list(found.names.values()) == ["lh_bankssts", "lh_insula", "rh_bankssts", "rh_insula"]
    left, right = halves()
    np.testing.assert_array_equal(found.labels, np.concatenate([left, right + 2 * (right > 0)]))


def test_one_file_of_cifti_is_the_same(tmp_path):
    dlabel(tmp_path / "mine.dlabel.nii", *halves())
    found = read(f"{tmp_path}/mine.dlabel.nii")
    left, right = halves()
    np.testing.assert_array_equal(found.labels, np.concatenate([left, right + 2 * (right > 0)]))


def test_labels_of_fsaverage_give_its_first_vertices(tmp_path):
    for side, values in zip(("lh", "rh"), halves(FSAVERAGE), strict=True):
        annot(tmp_path / f"{side}.mine.annot", values)
    left, right = halves(FSAVERAGE)
    expected = np.concatenate([left[:N], (right + 2 * (right > 0))[:N]])
    np.testing.assert_array_equal(read(f"'{tmp_path}/{{hemi}}.mine.annot'").labels, expected)


def test_what_cannot_be_used_is_named(tmp_path):
    pair, both = f"'{tmp_path}/{{hemi}}.mine.annot'", f"{tmp_path}/mine.dlabel.nii"
    with pytest.raises(UserError, match=r"lh.mine.annot: there is no such file"):
        read(pair)
    annot(tmp_path / "lh.mine.annot", halves()[0])
    with pytest.raises(UserError, match=r"there is .*lh.mine.annot, but no .*rh.mine.annot"):
        read(pair)
    annot(tmp_path / "rh.mine.annot", np.ones(100))
    with pytest.raises(UserError, match=r"the right hemisphere has 100 vertices; .* has 10,242 or"):
        read(pair)
    annot(tmp_path / "rh.mine.annot", np.zeros(N))
    with pytest.raises(UserError, match=r"right hemisphere has no region .* Name a parcellation"):
        read(pair)
    (tmp_path / "rh.mine.annot").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"Repair .*rh.mine.annot, or name another file"):
        read(pair)
    dlabel(tmp_path / "mine.dlabel.nii", halves()[0], None)
    with pytest.raises(UserError, match="has no right hemisphere"):
        read(both)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("aparc", "name desikan_killiany, a pair such as"),
        ("lh.mine.annot", "write {hemi} for the hemisphere"),
        ("'{hemi}.mine.dlabel.nii'", "name desikan_killiany, a pair such as"),
        ("/nowhere/mine.dlabel.nii", "there is no such file"),
    ],
)
def test_settings_that_name_no_regions_are_refused_in_a_line(path, said, capsys, tmp_path):
    words = ["+cohort=psp", "surface=simulated", f"surface.regions={path}", "dry_run=true"]
    words += [f"output_dir={tmp_path / 'out'}", f"source.root={tmp_path / 'scans'}"]
    assert command([*words, f"storage.url={tmp_path / 'lake'}"]) == 2
    error = capsys.readouterr().err
    assert said in error and "surface.regions" in error and "Traceback" not in error


def test_fsaverage5_needs_nothing_but_nilearn_and_fslr_says_what_it_needs(monkeypatch, tmp_path):
    monkeypatch.setenv("RT1T2_ASSETS", str(tmp_path))
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path / "flow"))
    assert len(mesh_assets("fsaverage5")) == 6
    with pytest.raises(UserError) as caught:
        mesh_assets("fsLR32k")
    said = str(caught.value)
    assert said.startswith("surface.mesh=fsLR32k: tpl-fsLR_den-32k_hemi-L_midthickness.surf.gii")
    assert f"({tmp_path / 'flow'})" in said and "\n" not in said
    assert "tpl-fsLR_space-fsaverage_hemi-R_den-32k_sphere.surf.gii" in said


def test_files_of_fslr_are_found_in_templateflows_home(monkeypatch, tmp_path):
    monkeypatch.setenv("RT1T2_ASSETS", str(tmp_path / "none"))
    monkeypatch.setenv("TEMPLATEFLOW_HOME", str(tmp_path))
    (tmp_path / "tpl-fsLR").mkdir()
    for short in "LR":
        for end in ("midthickness.surf.gii", "sphere.surf.gii",
                    "desc-nomedialwall_dparc.label.gii"):  # fmt: skip
            (tmp_path / "tpl-fsLR" / f"tpl-fsLR_den-32k_hemi-{short}_{end}").write_bytes(b"x")
        name = f"tpl-fsLR_space-fsaverage_hemi-{short}_den-32k_sphere.surf.gii"
        (tmp_path / "tpl-fsLR" / name).write_bytes(b"x")
    assert len(mesh_assets("fsLR32k")) == 8


def test_hemispheres_of_fsaverage5_have_as_many_vertices():
    assert {len(template(side).cortex) for side in SIDES} == {N}
    assert len(cortex_mask()) == 2 * N
