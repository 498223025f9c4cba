"""Folders as fMRIPrep, sMRIPrep, DataLad and people leave them: links, pointers, reports."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from habit_case import FAULTY, SOUND, Case
from habit_dataset import AFFINE, LABELS, SHAPE, Dataset

SPACE = "MNI152NLin2009cAsym"
KEY = "MD5E-s1048576--d41d8cd98f00b204e9800998ecf8427e.nii.gz"
ANNEX = f"../../.git/annex/objects/Xx/Yy/{KEY}/{KEY}"
PREPARED = (
    *("desc-preproc_T1w.nii.gz", "desc-preproc_T2w.nii.gz", "desc-brain_mask.nii.gz"),
    *(f"label-{tissue}_probseg.nii.gz" for tissue in ("GM", "WM", "CSF")),
)
OTHERS = (
    *("dseg.nii.gz", "desc-preproc_T1w.json", "hemi-L_pial.surf.gii", "desc-aparcaseg_dseg.nii.gz"),
    *(f"from-T1w_to-{to}_mode-image_xfm.{end}"
      for to, end in ((SPACE, "h5"), ("MNI152NLin6Asym", "h5"), ("fsnative", "txt"),
                      ("MNIInfant+1", "h5"))),
    f"from-{SPACE}_to-T1w_mode-image_xfm.h5",
    *(f"space-{space}_{name}"
      for space in (SPACE, "MNI152NLin6Asym_res-2", "MNIInfant_cohort-1")
      for name in ("desc-preproc_T1w.nii.gz", "desc-brain_mask.nii.gz", "label-GM_probseg.nii.gz")),
)  # fmt: skip
FUNCTIONAL = tuple(
    f"task-rest_{run}{space}{name}"
    for run in ("run-1_", "run-2_")
    for space in ("", "space-T1w_", f"space-{SPACE}_")
    for name in ("desc-brain_mask.nii.gz", "boldref.nii.gz", "desc-confounds_timeseries.tsv")
)


def noise(path: Path, mask: bool = False) -> None:
    """Write an image; a mask of some voxels where asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    data = rng.uniform(1, 900, SHAPE).astype(np.float32)
    nib.Nifti1Image((data > 600).astype(np.uint8) if mask else data, AFFINE).to_filename(path)


def prepare(dataset: Dataset, session: str = "", functional: str | None = None) -> Path:
    """Write what fMRIPrep leaves of everybody and make it the source; return its folder."""
    root = dataset.folder / "fmriprep"
    for label in LABELS:
        stem = f"{label}_{session}_" if session else f"{label}_"
        anat = root / label / session / "anat"
        for name in PREPARED:
            noise(anat / f"{stem}{name}", mask="mask" in name)
        for name in OTHERS:
            (anat / f"{stem}{name}").write_bytes(b"{}" if "json" in name else b"another's")
        func = root / label / (session if functional is None else functional) / "func"
        func.mkdir(parents=True, exist_ok=True)
        for name in FUNCTIONAL:
            (func / f"{stem}{name}").write_bytes(b"another's")
        (root / f"{label}.html").write_text("<html>")
        (root / f"{label}.zip").write_bytes(b"PK\x03\x04")
    (root / "logs").mkdir()
    dataset.words += [
        "source=derivatives", f"source.root={root}", "normalise=lncc",
        f"++cohort.participants={dataset.table}",
    ]  # fmt: skip
    return root


def prepared(
    change: Callable[[Dataset, Path], object], session: str = ""
) -> Callable[[Dataset], object]:
    """Return a change of a folder of fMRIPrep."""
    return lambda dataset: change(dataset, prepare(dataset, session))


def raw_t2w(
    *names: str, facts: str = "", words: tuple[str, ...] = (), session: str = ""
) -> Callable[[Dataset], None]:
    """Return a change: fMRIPrep left no T2w; those of the dataset are called so."""

    def change(dataset: Dataset) -> None:
        root = prepare(dataset, session)
        for label in LABELS:
            next(root.glob(f"{label}/**/*_desc-preproc_T2w.nii.gz")).unlink()
            dataset.path(label, "T2w.nii.gz").unlink()
            for name in names:
                dataset.scan(label, f"{name}.nii.gz")
                if facts:
                    dataset.path(label, f"{name}.json").write_text(facts)
        dataset.words += [f"source.raw={dataset.root}", *words]

    return change


def after_agent(dataset: Dataset, root: Path) -> None:
    """Call everybody's preprocessed T1w as one after contrast agent."""
    for label in LABELS:
        path = root / label / "anat" / f"{label}_desc-preproc_T1w.nii.gz"
        path.rename(path.with_name(f"{label}_ce-gd_desc-preproc_T1w.nii.gz"))


def two_sessions(dataset: Dataset) -> None:
    """Write two anatomical sessions and one folder of both."""
    for session in ("ses-1", "ses-2"):
        dataset.words.clear()
        root = prepare_again(dataset, session)
    for label in LABELS:
        for name in PREPARED:
            noise(root / label / "anat" / f"{label}_{name}", mask="mask" in name)


def prepare_again(dataset: Dataset, session: str) -> Path:
    """Write a session beside others."""
    shutil.rmtree(dataset.folder / "fmriprep" / "logs", ignore_errors=True)
    return prepare(dataset, session)


def linked(path: Path, away: Path, target: str | Path | None = None) -> None:
    """Move a file or folder away and leave a link to it, or to somewhere else."""
    away.parent.mkdir(parents=True, exist_ok=True)
    path.rename(away)
    path.symlink_to(target or away)


def maps(dataset: Dataset) -> Path:
    """Make ready-made maps the source."""
    root = dataset.folder / "maps"
    for label in LABELS:
        noise(root / f"{label}_T1wT2wratio.nii.gz")
    (root / "participants.tsv").write_text(dataset.table.read_text())
    dataset.words += ["source=maps", f"source.root={root}"]
    return root


def moved_map(place: str) -> Callable[[Dataset], object]:
    """Put one person's map elsewhere."""

    def change(dataset: Dataset) -> None:
        root = maps(dataset)
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / "sub-02_T1wT2wratio.nii.gz").rename(root / place)

    return change


def a_map_that_is_away(dataset: Dataset) -> None:
    """Leave a map of DataLad's that was not fetched."""
    path = maps(dataset) / "sub-02_T1wT2wratio.nii.gz"
    path.unlink()
    path.symlink_to(f".git/annex/objects/Xx/Yy/{KEY}/{KEY}")


def away(dataset: Dataset, name: str = "T1w.nii.gz", target: str = ANNEX) -> None:
    """Leave a link to what was not fetched."""
    path = dataset.path("sub-02", name)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def a_loop(dataset: Dataset) -> None:
    """Link a person's folder into itself, to the dataset and to a second name of `anat`."""
    folder = dataset.root / "sub-02"
    (folder / "self").symlink_to(folder)
    (folder / "all").symlink_to(dataset.root)
    (folder / "anat_again").symlink_to("anat")
    (folder / "nothing").symlink_to("nothing")


def empty_folder(dataset: Dataset) -> None:
    """Leave a person's folder empty, as a subdataset that was not fetched."""
    shutil.rmtree(dataset.root / "sub-02")
    (dataset.root / "sub-02").mkdir()


def a_file_for_a_folder(dataset: Dataset) -> None:
    """Put files where folders of people are looked for."""
    shutil.rmtree(dataset.root / "sub-02")
    (dataset.root / "sub-02").write_text("moved to the archive")
    for name in ("reports", "lists"):
        (dataset.root / "derivatives" / name).mkdir(parents=True)
        (dataset.root / "derivatives" / name / "sub-01").write_text("a report")


def cannot_be_opened(dataset: Dataset) -> None:
    """Put a folder where an image is looked for."""
    path = dataset.path("sub-02", "T1w.nii.gz")
    path.unlink()
    path.mkdir()
    (path / "notes.txt").write_text("x")


AWAY = "is a link whose content was not fetched. Fetch it: datalad get sub-02"
CASES = [
    Case("fMRIPrep as it is", prepared(lambda d, root: None), SOUND, ("images of 6 people",)),
    Case("fMRIPrep with one session", prepared(lambda d, root: None, "ses-1"), SOUND),
    Case("anatomy merged, functional runs in sessions",
         lambda d: prepare(d, functional="ses-1"), SOUND),
    Case("a session asked for where anatomy was merged",
         lambda d: (prepare(d, functional="ses-1"), d.words.append("source.session=1")), SOUND),
    Case("two sessions and no choice", two_sessions, FAULTY,
         ("for 6: 3 files match as preprocessed T1w: sub-…_desc", "Set source.session (1, 2).")),
    Case("two sessions, one chosen",
         lambda d: (two_sessions(d), d.words.append("source.session=2")), SOUND),
    Case("a session that is not there",
         lambda d: (prepare(d, "ses-1"), d.words.append("source.session=9")), FAULTY,
         ("_ses-1_desc-preproc_T1w.nii.gz is not of source.session=9. Correct source.session",)),
    Case("a preprocessed T1w after contrast agent", prepared(after_agent), FAULTY,
         ("_ce-gd_desc-preproc_T1w.nii.gz is contrast agent (ce-gd)",)),
    *(Case(f"a preprocessed T1w whose sidecar {how}", prepared(lambda d, root, text=text: (
        root / "sub-02/anat/sub-02_desc-preproc_T1w.json").write_text(text)), FAULTY, (said,))
      for how, text, said in (
          ("says contrast agent", '{"ContrastBolusAgent": "Gd"}',
           "sub-02: sub-02/anat/sub-02_desc-preproc_T1w.nii.gz was acquired after contrast agent"),
          ("is broken", "{", "sub-02: sidecar sub-02/anat/sub-02_desc-preproc_T1w.json cannot"))),
    Case("a raw T2w", raw_t2w("T2w"), SOUND, ("6 raw T2w",)),
    Case("a raw T2w after contrast agent, by its sidecar",
         raw_t2w("T2w", facts='{"ContrastBolusAgent": "Gd"}'), FAULTY,
         ("leaving out contrast agent (ContrastBolusAgent=Gd in the sidecar)",
          "Add a T2w without agent to source.raw"), ("source.t2w",)),
    Case("two raw T2w", raw_t2w("acq-a_T2w", "acq-b_T2w"), FAULTY,
         ("2 T2w images match", "Remove all but one"), ("source.t2w", "source.run")),
    Case("a folder of raw scans that is not there", lambda d: (
        raw_t2w("T2w")(d), d.words.append(f"source.raw={d.folder / 'nowhere'}")), FAULTY,
         ("nowhere, where the T2w is searched, is empty or missing. Correct source.raw",)),
    Case("a file in place of the dataset", lambda d: d.words.append(f"source.root={d.table}"),
         FAULTY, ("participants.tsv is a file; set it to the folder of the dataset.",)),
    Case("raw T2w of two sessions", raw_t2w("ses-1_T2w", "ses-2_T2w"), FAULTY,
         ("Set source.session (1, 2).",)),
    Case("raw T2w of two sessions, the last chosen",
         raw_t2w("ses-1_T2w", "ses-2_T2w", words=("source.session=last",)), SOUND, ("6 raw T2w",)),
    Case("a space of infants",
         lambda d: (prepare(d), d.words.append("source.space=MNIInfant+1")), FAULTY,
         ("source.space: space=MNIInfant+1 is not an adult MNI space", "normalise=lncc")),
    Case("two runs of the preprocessed T1w",
         prepared(lambda d, root: [noise(root / "sub-02/anat" / f"sub-02_run-{r}_desc-preproc_T1w.nii.gz") for r in (1, 2)]),  # noqa: E501
         FAULTY, ("sub-02: 3 files match as preprocessed T1w", "Remove all but one")),
    Case("a brain mask of fMRIPrep that is away",
         prepared(lambda d, root: linked(root / "sub-02/anat/sub-02_desc-brain_mask.nii.gz",
                                         root / "x", ANNEX)),
         FAULTY, ("sub-02/anat/sub-02_desc-brain_mask.nii.gz " + AWAY,)),
    *(Case(f"another person's {name} in a folder of fMRIPrep",
           prepared(lambda d, root, name=name: (root / f"sub-02/anat/sub-02_{name}").rename(
               root / f"sub-02/anat/sub-05_{name}")), FAULTY,
           (f"sub-02: sub-02/anat/sub-05_{name} is named for another person",))
      for name in ("desc-preproc_T1w.nii.gz", "desc-brain_mask.nii.gz",
                   f"from-T1w_to-{SPACE}_mode-image_xfm.h5")),
    Case("a lesion mask of FreeSurfer in a folder of fMRIPrep",
         prepared(lambda d, root: (root / "sub-02/anat/sub-02_label-lesion_mask.mgz").write_bytes(
             b"x")), FAULTY, ("sub-02_label-lesion_mask.mgz is not a single-file NIfTI image",)),
    Case("a lesion mask with a sidecar in a folder of fMRIPrep",
         prepared(lambda d, root: (
             noise(root / "sub-02/anat/sub-02_label-lesion_mask.nii.gz", mask=True),
             (root / "sub-02/anat/sub-02_label-lesion_mask.json").write_text("{}"))),
         SOUND, ("1 lesion masks",)),
    Case("no preprocessed T1w", prepared(lambda d, root: shutil.rmtree(root / "sub-02/anat")),
         FAULTY, ("sub-02: there is no *_desc-preproc_T1w.nii.gz", "source=bids")),
    Case("a person of whom fMRIPrep left a report alone",
         prepared(lambda d, root: shutil.rmtree(root / "sub-02")), FAULTY,
         ("sub-02: there is no *_desc-preproc_T1w.nii.gz in T1w space: sub-02.zip is not "
          "unpacked",)),
    Case("a transform to another space alone",
         prepared(lambda d, root: (
             (root / f"sub-02/anat/sub-02_from-T1w_to-{SPACE}_mode-image_xfm.h5").unlink(),
             (root / f"sub-02/anat/sub-02_from-{SPACE}_to-T1w_mode-image_xfm.h5").unlink(),
             d.words.append("normalise=derivatives"))),
         FAULTY, ("sub-02: there is no *_from-T1w_to-MNI152NLin2009cAsym_mode-image_xfm.h5",
                  "there are MNI152NLin6Asym")),
    Case("links to people's folders",
         lambda d: [linked(d.root / s, d.folder / "disk" / s) for s in LABELS], SOUND,
         ("read the headers of 12 images of 6 people",)),
    Case("links to folders of images",
         lambda d: [linked(d.root / s / "anat", d.folder / "disk" / s) for s in LABELS], SOUND,
         ("read the headers of 12 images of 6 people",)),
    Case("links to files", lambda d: linked(d.path("sub-02", "T1w.nii.gz"), d.folder / "x.gz"),
         SOUND),
    Case("a link to the dataset",
         lambda d: linked(d.root, d.folder / "disk"), SOUND, ("12 images of 6 people",)),
    Case("links that lead in circles", a_loop, SOUND, ("12 images of 6 people",)),
    Case("an image that DataLad did not fetch", away, FAULTY,
         ("1. sub-02: sub-02/anat/sub-02_T1w.nii.gz " + AWAY, "1 problem:")),
    Case("a brain mask of functional runs in the dataset itself",
         lambda d: [noise(d.root / s / "func" / f"{s}_task-rest_desc-brain_mask.nii.gz", mask=True)
                    for s in LABELS], SOUND, ("12 images of 6 people",)),
    Case("a lesion mask named as a header of two files",
         lambda d: (d.path("sub-02", "lesion.hdr").write_bytes(b"no image"),
                    d.words.append("source.lesion='{label}/anat/{label}_lesion.hdr'")), FAULTY,
         ("sub-02: lesion: not a readable NIfTI image", "(sub-02/anat/sub-02_lesion.hdr)")),
    Case("a lesion mask that DataLad did not fetch",
         lambda d: away(d, "label-lesion_mask.nii.gz"), FAULTY,
         ("sub-02/anat/sub-02_label-lesion_mask.nii.gz " + AWAY,)),
    Case("a link that leads nowhere", lambda d: away(d, target="/archive/2019/t1.nii.gz"), FAULTY,
         ("whose content was not fetched. Add its target (/archive/2019/t1.nii.gz)",)),
    Case("a folder of images that is a link to nowhere",
         lambda d: linked(d.root / "sub-02/anat", d.folder / "x", "/archive/anat"), FAULTY,
         ("sub-02/anat is a link to a folder that was not fetched",)),
    Case("a person's folder that is a link to nowhere",
         lambda d: linked(d.root / "sub-02", d.folder / "x", "/archive/sub-02"), FAULTY,
         ("sub-02 is a link to a folder that was not fetched",)),
    Case("a functional folder that is a link to nowhere",
         lambda d: (d.root / "sub-02/func").symlink_to("/archive/func"), SOUND),
    Case("a pointer of an unlocked annex",
         lambda d: d.path("sub-02", "T1w.nii.gz").write_text(f"/annex/objects/{KEY}\n"), FAULTY,
         ("sub-02: T1w", "pointer of git-annex; its content was not fetched. Fetch it: datalad get",
          "(sub-02/anat/sub-02_T1w.nii.gz)")),
    Case("a link that git checked out as text",
         lambda d: d.path("sub-02", "T1w.nii.gz").write_text(ANNEX), FAULTY,
         ("pointer of git-annex",)),
    Case("a pointer of Git LFS",
         lambda d: d.path("sub-02", "T1w.nii.gz").write_text(
             "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n"), FAULTY,
         ("pointer of Git LFS", "git lfs pull")),
    Case("an empty folder", empty_folder, FAULTY,
         ("sub-02: there is no *_T1w.nii.gz: sub-02/ has no files",)),
    Case("files where folders are looked for", a_file_for_a_folder, FAULTY,
         ("sub-02: there is no *_T1w.nii.gz", "1 problem:")),
    Case("an archive in place of a person's folder",
         lambda d: (shutil.rmtree(d.root / "sub-02"), (d.root / "sub-02.zip").write_bytes(b"PK")),
         FAULTY,
         ("sub-02: there is no *_T1w.nii.gz: sub-02.zip is not unpacked. Unpack it",)),
    Case("a folder where an image should be", cannot_be_opened, FAULTY,
         ("sub-02: there is no *_T1w.nii.gz",)),
    Case("a table that DataLad did not fetch",
         lambda d: linked(d.table, d.folder / "x", ANNEX), FAULTY,
         ("bids/participants.tsv is a link to ../../.git/annex", "datalad get")),
    Case("a dataset on a disk that is not there",
         lambda d: linked(d.root, d.folder / "x", "/mnt/gone/bids"), FAULTY,
         ("bids is a link to /mnt/gone/bids, which does not exist",)),
    Case("a table that is a pointer", lambda d: d.table.write_text(f"/annex/objects/{KEY}\n"),
         FAULTY,
         ("participants.tsv is a pointer whose content was not fetched. Fetch it: datalad get",)),
    Case("a transform that is a pointer",
         prepared(lambda d, root: (
             (root / f"sub-02/anat/sub-02_from-T1w_to-{SPACE}_mode-image_xfm.h5").write_text(
                 f"/annex/objects/{KEY}\n"),
             d.words.append("normalise=derivatives"))),
         FAULTY, ("sub-02: transform cannot be read: it is a pointer of git-annex",
                  f"(sub-02/anat/sub-02_from-T1w_to-{SPACE}_mode-image_xfm.h5)")),
    Case("an atlas mask that is a link to nowhere",
         lambda d: ((d.folder / "mask.nii.gz").symlink_to(ANNEX),
                    d.words.append(f"contrast.mask={d.folder / 'mask.nii.gz'}")), FAULTY,
         ("contrast.mask=", "a link whose content was not fetched", "datalad get")),
    Case("maps that are there", maps, SOUND, ("6 images of 6 people",)),
    Case("a map that DataLad did not fetch", a_map_that_is_away, FAULTY,
         ("sub-02_T1wT2wratio.nii.gz " + AWAY,)),
    Case("one map of two people", lambda d: (root := maps(d)) and shutil.copy(
        root / "sub-02_T1wT2wratio.nii.gz", root / "sub-03_T1wT2wratio.nii.gz"), FAULTY,
         ("sub-02 and sub-03 have the same image, byte for byte",)),
    *(Case(f"a probability of {tissue} on another grid", prepared(lambda d, root, tissue=tissue: (
        nib.Nifti1Image(np.zeros((9, 9, 9), np.float32), AFFINE).to_filename(
            root / f"sub-02/anat/sub-02_label-{tissue}_probseg.nii.gz"))), FAULTY,
           (f"sub-02: {share} share (9 x 9 x 9 voxels) is not on the grid of the T1w",))
      for tissue, share in (("GM", "grey"), ("CSF", "csf"))),
    *(Case(f"a map at {place}", moved_map(place), FAULTY,
           (f"sub-02: sub-02_T1wT2wratio.nii.gz is not in source.root, but {place}. Rename it, or "
            "write that path into a column map of the participants table",))
      for place in ("sub-02_T1wT2wratio.nii", "sub-02_T1wT2wratio.NII.GZ",
                    "sub-02/anat/sub-02_space-MNI152NLin2009aSym_T1wT2wratio.nii.gz")),
    Case("a map that is a pointer",
         lambda d: (maps(d) / "sub-02_T1wT2wratio.nii.gz").write_text(f"/annex/objects/{KEY}\n"),
         FAULTY, ("sub-02: ratio map", "pointer of git-annex")),
]  # fmt: skip
