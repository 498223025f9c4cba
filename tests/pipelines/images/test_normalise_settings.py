"""Choices of normalisation, template space and working grid, from the command line to the plan."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from rt1t2_dask.cli.command_line import command

STUDY = ["+cohort=psp", "source.voxel_mm=4", "dry_run=true"]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys) -> str:
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("lesion.fill=paint", "lesion.fill='paint'"),
        ("template.space=Talairach", "template.space='Talairach'"),
        ("resample.voxel_mm=0.1", "resample.voxel_mm"),
    ],
)
def test_a_wrong_choice_is_one_line(folder, capsys, word, expected):
    assert command([*STUDY, word]) == 2
    assert expected in said(capsys)


@pytest.mark.skipif(find_spec("ants") is not None, reason="antspyx is installed")
def test_ants_syn_without_antspyx_says_what_to_install(folder, capsys):
    assert command([*STUDY, "normalise=ants_syn"]) == 2
    assert "install rt1t2-dask[ants], or choose normalise=lncc." in said(capsys)


@pytest.mark.skipif(find_spec("deepbet") is not None, reason="deepbet is installed")
def test_deepbet_without_the_package_says_what_to_install(folder, capsys):
    assert command([*STUDY, "brain.method=deepbet"]) == 2
    assert "install rt1t2-dask[deepbet]" in said(capsys)


def test_another_template_that_is_not_there_names_the_file_to_bring(folder, monkeypatch, capsys):
    monkeypatch.setenv("RT1T2_ASSETS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    assert command([*STUDY, "template.space=MNI152NLin2009cAsym"]) == 2
    assert "Put tpl-MNI152NLin2009cAsym_res-01_T1w.nii.gz into a folder" in said(capsys)


def test_a_template_brought_by_its_templateflow_names_is_used(folder, monkeypatch):
    from rt1t2_dask.pipelines.engine.volumes import to_volume
    from rt1t2_dask.pipelines.engine.work import make_part
    from rt1t2_dask.pipelines.images.plan import _template
    from rt1t2_dask.storage.parts import Lake

    brought = folder / "tpl-MNI152NLin2009cAsym"
    brought.mkdir()
    rng = np.random.default_rng(0)
    mask = np.zeros((24, 28, 24), np.uint8)
    mask[5:19, 6:22, 5:19] = 1
    affine = np.diag([4.0, 4, 4, 1])
    values = {
        "T1w": rng.uniform(50, 100, mask.shape).astype(np.float32),
        "desc-brain_mask": mask,
        "label-GM_probseg": (mask * 0.7).astype(np.float32),
        "label-WM_probseg": (mask * 0.3).astype(np.float32),
    }
    for name, data in values.items():
        path = brought / f"tpl-MNI152NLin2009cAsym_res-01_{name}.nii.gz"
        nib.Nifti1Image(data, affine).to_filename(path)
    before = os.environ.get("RT1T2_ASSETS", "")
    monkeypatch.setenv("RT1T2_ASSETS", os.pathsep.join([str(folder), before]))
    lake, task = Lake(str(folder / "lake")), _template("MNI152NLin2009cAsym", 4.0)
    assert make_part(lake, task).reason is None
    made = lake.read(task.part)
    assert made["t1w"].attrs["space"] == "MNI152NLin2009cAsym"
    t1w, grey = to_volume(made["t1w"]).data, to_volume(made["grey"]).data
    np.testing.assert_array_equal(to_volume(made["brain"]).data, mask)
    np.testing.assert_allclose(t1w, values["T1w"] * mask, rtol=1e-6)
    assert grey.max() == pytest.approx(0.7)
