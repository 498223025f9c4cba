"""`check=true`: every fault of a study at once, in seconds, and nothing written."""

from __future__ import annotations

import gzip
import shutil
import time
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from rt1t2_dask.cli.command_line import Job, _configure, command
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.nifti import from_bytes, inspect_start
from rt1t2_dask.pipelines.study.effort import cpu_seconds, in_words, study_seconds
from rt1t2_dask.pipelines.study.shapes import shapes_of


def checked(words, capsys) -> tuple[int, list[str]]:
    code = command([*words, "check=true"])
    return code, capsys.readouterr().out.splitlines()


def test_a_sound_study_is_told_in_words_and_nothing_is_written(
    maps_study, maps_arguments, capsys, tmp_path
):
    maps_study()
    before = sorted(tmp_path.rglob("*"))
    began = time.process_time()
    code, lines = checked(maps_arguments, capsys)
    assert time.process_time() - began < 10
    assert code == 0
    assert lines[0] == "small: 13 people: 6 pat, 7 hc"
    text = "\n".join(lines)
    assert "read the headers of 13 images of 13 people" in text
    assert "contrast patVsHc: pat versus hc; t, 13 observations, 11 df" in text
    assert "on 1 worker" in text
    assert lines[-1].startswith("no problems found")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_site_named_among_the_covariates_does_not_cost_the_meta_analysis(
    maps_study, maps_arguments, capsys
):
    """Within one site it is constant: there the contrast goes without it."""
    root, _ = maps_study(8, 10, covariates="[age, scanner, age]")
    with (root.parent / "studies" / "cohort" / "small.yaml").open("a") as file:
        file.write("site_column: scanner\n")
    rows = (root / "participants.tsv").read_text().splitlines()
    told = [f"{row}\t{k % 2 + 1}" for k, row in enumerate(rows[1:])]
    (root / "participants.tsv").write_text("\n".join([rows[0] + "\tscanner", *told]) + "\n")
    code, lines = checked(maps_arguments, capsys)
    text = "\n".join(lines)
    assert code == 0
    assert "adjusted for age, scanner; t" in text
    assert "meta-analysis" not in text


def test_a_formula_is_not_said_to_hold_the_cohorts_covariates(maps_study, maps_arguments, capsys):
    maps_study(covariates="[age, sex]")
    words = "+cohort.contrasts.f={formula: '~ group + age', of: group}"
    code, lines = checked([*maps_arguments, words], capsys)
    text = "\n".join(lines)
    assert code == 0
    assert "contrast f: group in ~ group + age; t, 13 observations, 10 df" in text
    assert "hc, adjusted for age, sex; t, 13 observations, 9 df" in text


@pytest.mark.parametrize(
    ("block", "variance", "said"),
    [
        ("participant_id", "welch", "can only be sign-flipped"),
        ("participant_id", "equal", "permutation: no exchange within the blocks"),
        ("group", "equal", "permutation: no exchange within the blocks"),
    ],
)
def test_blocks_that_leave_nothing_to_exchange_are_refused(
    block, variance, said, maps_study, maps_arguments, capsys
):
    """A block a person, or a block a group: no relabeling is another than the observed."""
    maps_study()
    pair = f"{{test: two_sample, groups: [pat, hc], block: {block}}}"
    words = [*maps_arguments, f"+cohort.contrasts.b={pair}", f"contrast.variance={variance}"]
    code, lines = checked(words, capsys)
    assert code == 2
    assert any("contrast b: " in line and said in line for line in lines)
    assert command(words) == 2


def test_all_faults_of_the_table_are_said_at_once(maps_study, maps_arguments, capsys):
    root, _ = maps_study(covariates="[iq]", exclude="[sub-77]")
    table = root / "participants.tsv"
    table.write_text(table.read_text().replace("\tC\t", "\tD\t"))
    code, lines = checked(maps_arguments, capsys)
    text = "\n".join(lines)
    assert code == 2
    assert "3 problems:" in lines
    assert all(word in text for word in ("use iq", "sub-77", "cohort.groups.hc=C: column"))


def test_all_faults_of_files_places_and_designs_are_said_at_once(
    maps_study, maps_arguments, capsys, tmp_path
):
    root, maps = maps_study(covariates="[shoe]")
    table = (root / "participants.tsv").read_text().splitlines()
    rows = [table[0] + "\tshoe", *(f"{row}\t{int('P' in row)}" for row in table[1:])]
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    (root / "sub-01_T1wT2wratio.nii.gz").write_bytes(b"not an image")
    (root / "sub-02_T1wT2wratio.nii.gz").unlink()
    other = nib.Nifti1Image(maps[3], np.diag([5.0, 6, 6, 1]))
    other.to_filename(root / "sub-03_T1wT2wratio.nii.gz")
    shutil.rmtree(tmp_path / "lake")
    (tmp_path / "lake").write_text("a file")
    code, lines = checked([*maps_arguments, "receptors.gm_prior=nowhere.nii"], capsys)
    text = "\n".join(lines)
    assert code == 2
    for said in (
        "storage.url=", "is a file", "sub-01: ratio map: not a readable NIfTI", "sub-02: sub-02_",
        "sub-03: ratio map of 33 x 39 x 32 voxels is on another grid",
        "contrast patVsHc: ", "receptors.gm_prior=nowhere.nii: there is no such file",
    ):  # fmt: skip
        assert said in text, said
    assert "6 problems:" in lines


@pytest.fixture
def scans(tmp_path: Path) -> list[str]:
    """Six people's scans; one lesion mask on another grid, one T2w of two volumes."""
    root = tmp_path / "bids"
    rows = ["participant_id\tgroup"]
    for i in range(6):
        anat = root / f"sub-{i}" / "anat"
        anat.mkdir(parents=True)
        for name in ("T1w", "T2w"):
            shape = (12, 12, 12, 2) if (i, name) == (5, "T2w") else (12, 12, 12)
            value = 2 * i + (name == "T2w")
            image = nib.Nifti1Image(np.full(shape, value, np.uint8), np.diag([2.0, 2, 2, 1]))
            image.to_filename(anat / f"sub-{i}_{name}.nii.gz")
        rows.append(f"sub-{i}\t{'P' if i % 2 else 'C'}")
    lesion = nib.Nifti1Image(np.zeros((12, 12, 10), np.uint8), np.diag([2.0, 2, 2, 1]))
    lesion.to_filename(root / "sub-3" / "anat" / "sub-3_label-lesion_mask.nii.gz")
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    folder = tmp_path / "studies" / "cohort"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "name: mine\ngroups: {pat: P, hc: C}\nreference: hc\ncontrasts: {patVsHc: [pat, hc]}\n"
    )
    return [
        "--config-dir", str(tmp_path / "studies"), "+cohort=mine", "source=bids",
        f"source.root={root}", f"storage.url={tmp_path / 'lake'}",
        f"output_dir={tmp_path / 'out'}",
    ]  # fmt: skip


def test_scans_and_masks_are_judged_by_their_headers(scans, capsys):
    code, lines = checked(scans, capsys)
    text = "\n".join(lines)
    assert code == 2
    assert "sub-3: lesion (12 x 12 x 10 voxels) is not on the grid of the T1w" in text
    assert "sub-5: T2w has 2 volumes" in text
    code, lines = checked([*scans, "cohort.exclude=['3','5']"], capsys)
    assert code == 0
    assert "note: No contrast patVsHc: there are 1 in pat and 3 in hc" in "\n".join(lines)


def test_a_header_alone_gives_the_grid_of_the_whole_image(tmp_path):
    affine = np.array([[0, -2.0, 0, 3], [1.5, 0, 0, 4], [0, 0, 3, 5], [0, 0, 0, 1]])
    data = np.random.default_rng(0).normal(size=(40, 50, 30)).astype(np.float32)
    for name in ("a.nii", "a.nii.gz"):
        nib.Nifti1Image(data, affine).to_filename(tmp_path / name)
        content = (tmp_path / name).read_bytes()
        assert inspect_start(content[:4096], name).grid.same_as(from_bytes(content, name).grid)
    with pytest.raises(SubjectError, match="not a readable NIfTI"):
        inspect_start(gzip.compress(b"x" * 400)[:60], "T1w")


def test_finer_grids_and_more_people_take_longer():
    configs = [_configure(Job(("+cohort=psp", f"source.voxel_mm={mm}"))) for mm in (4, 3, 2, 1)]
    for stage in ("brain", "normalise", "ratio", "permute_batch"):
        spent = [cpu_seconds(stage, shapes_of(config)) for config in configs]
        assert spent == sorted(spent)
    sizes = shapes_of(configs[0])
    few, many = (study_seconds(configs[0], Counter(brain=n), sizes, n) for n in (10, 100))
    assert few[0] < many[0]
    assert [in_words(s) for s in (20, 600, 7200)] == [
        "less than a minute", "about 10 min", "about 2.0 h",
    ]  # fmt: skip
