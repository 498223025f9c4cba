"""Fourteen kinds of bad scan in a study: each is a line with reason and remedy; others finish."""

from __future__ import annotations

import gzip
import re
from html import escape
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.images.nifti import to_bytes
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.simulate.cohort import GroupSpec, simulate_participant

pytestmark = pytest.mark.heavy

Files = dict[str, bytes]


def encoded(image: Volume) -> bytes:
    return to_bytes(image, space_code=1, description="SIMULATED")


def four_volumes(image: Volume) -> bytes:
    data = np.repeat(image.data[..., None], 2, axis=3)
    return gzip.compress(nib.Nifti1Image(data, image.affine).to_bytes())


def without_affine(image: Volume) -> bytes:
    stored = nib.Nifti1Image(image.data, image.affine)
    stored.set_sform(image.affine, code=0)
    stored.set_qform(image.affine, code=0)
    return gzip.compress(stored.to_bytes())


def holed(image: Volume) -> bytes:
    data = image.data.copy()
    data[10:12, 10, 10] = np.nan
    return encoded(image.with_data(data))


def mirrored(image: Volume) -> bytes:
    axis = int(np.abs(image.affine[0, :3]).argmax())
    return encoded(image.with_data(np.ascontiguousarray(np.flip(image.data, axis))))


def ball(image: Volume) -> Volume:
    inside = np.zeros(image.data.shape, bool)
    inside[20:24, 25:29, 25:29] = True
    return image.with_data(inside)


def elsewhere(image: Volume) -> bytes:
    mask = ball(image)
    return encoded(Volume(mask.data[:-2], mask.affine))


# What is done to a sound person's files, and what must be said of it.
BAD = {
    "truncated": (lambda a, b: {"T1w": encoded(a)[:9000]}, "T1w: not a readable NIfTI image"),
    "volumes": (lambda a, b: {"T2w": four_volumes(b)}, "T2w has 2 volumes"),
    "affine": (lambda a, b: {"T1w": without_affine(a)}, "left and right are unknown"),
    "missing": (lambda a, b: {"T2w": holed(b)}, "of the voxels are not finite"),
    "constant": (lambda a, b: {"T2w": encoded(b.with_data(b.data * 0 + 7))}, "every voxel is 7"),
    "swapped": (lambda a, b: {"T1w": encoded(b), "T2w": encoded(a)}, "T1w and T2w are swapped"),
    "mirrored": (lambda a, b: {"T2w": mirrored(b)}, "the T2w is left-right flipped"),
    "empty": (
        lambda a, b: {"label-lesion_mask": encoded(a.with_data(a.data < -1))},
        "the lesion mask is empty",
    ),
    "grid": (lambda a, b: {"label-lesion_mask": elsewhere(a)}, "or their affines differ"),
    "slices": (
        lambda a, b: {"T2w": encoded(Volume(b.data[:, :, 30:33], b.affine))},
        "has only 3 slices",
    ),
    "same": (lambda a, b: {"T2w": encoded(a)}, "the same image"),
    "pointer": (lambda a, b: {"T2w": b"/annex/objects/MD5E-s1--x.nii.gz"}, "pointer of git-annex"),
    "empty_file": (lambda a, b: {"T1w": b""}, "the file is empty"),
    "flair": (
        lambda a, b: {"T2w": encoded(a.with_data(np.rint(a.data * 0.7)))},
        "T2w has dark CSF",
    ),
}
SHARED = {"twin1": "sub-twin2", "twin2": "sub-twin1"}
GOOD = ("good",)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> tuple[Path, int, str]:
    folder = tmp_path_factory.mktemp("bad")
    spec = GroupSpec("X", 1, 60, 5, 0)
    head = template_head()
    person = simulate_participant(head, "sub-X", spec, seed=5, voxel_mm=4.0, effects=())
    labels = [*BAD, *SHARED, *GOOD]
    for index, label in enumerate(labels):
        # Nobody has another's voxels in any unit, but for the twins.
        gain = np.float32(1 + (0 if label in SHARED else index + 1) / 100)
        t1w, t2w = (v.with_data(np.rint(v.data * gain)) for v in (person.t1w, person.t2w))
        files = {"T1w": encoded(t1w), "T2w": encoded(t2w)}
        files |= BAD[label][0](t1w, t2w) if label in BAD else {}
        for suffix, content in files.items():
            path = folder / "bids" / f"sub-{label}" / "anat" / f"sub-{label}_{suffix}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    rows = [f"sub-{label}\t{'PC'[i % 2]}" for i, label in enumerate(labels)]
    (folder / "bids" / "participants.tsv").write_text("participant_id\tgroup\n" + "\n".join(rows))
    cohort = folder / "studies" / "cohort"
    cohort.mkdir(parents=True)
    (cohort / "mine.yaml").write_text(
        "name: mine\ngroups: {pat: P, hc: C}\nreference: hc\ncontrasts: {patVsHc: [pat, hc]}\n"
    )
    return folder, *run(folder)


def run(folder: Path) -> tuple[int, str]:
    from contextlib import redirect_stderr
    from io import StringIO

    words = ["--config-dir", str(folder / "studies"), "+cohort=mine", "source=bids",
             f"source.root={folder / 'bids'}", f"storage.url={folder / 'lake'}",
             f"output_dir={folder / 'out'}", "cluster=synchronous", "template.voxel_mm=4",
             "resample.voxel_mm=4", "normalise.voxel_mm=4"]  # fmt: skip
    with redirect_stderr(StringIO()) as said, pytest.MonkeyPatch.context() as patch:
        patch.delenv("RT1T2_DEBUG", raising=False)
        return command(words), said.getvalue()


@pytest.fixture(scope="module")
def failures(study) -> pd.DataFrame:
    return pd.read_csv(study[0] / "out" / "failures.tsv", sep="\t").set_index("participant_id")


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_scan_is_one_line_with_reason_and_remedy(kind, failures):
    reason = failures.loc[f"sub-{kind}", "reason"]
    assert isinstance(reason, str)
    assert BAD[kind][1] in reason
    assert any(word in reason for word in ("cohort.exclude", "checks.", "grid", "n/a"))
    assert "\n" not in reason
    assert failures.loc[f"sub-{kind}", "stage"] == (
        "coregister" if kind == "mirrored" else "ingest"
    )


@pytest.mark.parametrize("label", SHARED)
def test_two_people_with_one_scan_are_both_named(label, failures):
    assert (
        f"sub-{label} and {SHARED[label]} have the same image"
        in failures.loc[f"sub-{label}", "reason"]
    )


UNREADABLE = {
    "truncated": {"T1w"}, "volumes": {"T2w"}, "affine": {"T1w"}, "pointer": {"T2w"},
    "empty_file": {"T1w"}, "constant": {"T2w"}, "slices": {"T2w"},
    # Refused by their checksums, before anything is planned for them.
    "same": {"T1w", "T2w"}, "twin1": {"T1w", "T2w"}, "twin2": {"T1w", "T2w"},
}  # fmt: skip


@pytest.mark.parametrize("label", [*BAD, *SHARED])
def test_who_failed_has_a_page_with_the_reason_and_what_could_be_read(study, failures, label):
    out = study[0] / "out"
    page = (out / f"sub-{label}.html").read_text()
    assert escape(failures.loc[f"sub-{label}", "reason"]).replace("&#x27;", "&#39;") in page
    shown = {name for name in ("T1w", "T2w") if f"desc-{name}Scanned_frame.jpg" in page}
    assert shown == {"T1w", "T2w"} - UNREADABLE.get(label, set())
    for path in re.findall(r'<img src="([^"]+)"', page):
        assert (out / path).stat().st_size > 1000
    assert f'data-label="sub-{label}" data-state="failed"' in (out / "quality.html").read_text()


def test_the_others_finish_and_the_log_names_nobody(study, failures):
    folder, code, said = study
    assert code == 1
    assert len(failures) == len(BAD) + len(SHARED)
    assert f"{len(failures)} of {len(failures) + len(GOOD)} people failed" in said
    assert "Traceback" not in said
    assert not any(f"sub-{label}" in said for label in (*BAD, *SHARED, *GOOD))
    for label in GOOD:
        assert list((folder / "out").glob(f"sub-{label}/anat/*desc-smoothed_T1wT2wratio.nii.gz"))
    inputs = pd.read_csv(folder / "out" / "group" / "inputs.tsv", sep="\t", na_values="n/a")
    assert set(inputs["participant_id"]) == {f"sub-{label}" for label in GOOD}
    assert set(inputs["voxel_mm"]) == {"4 x 4 x 4"}
