"""What hospitals call scans and masks, and what their sidecars say of contrast agents."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from habit_case import FAULTY, SOUND, Case
from habit_dataset import LABELS, Dataset

FEW = LABELS[:2]


def masks(*names: str, folder: str = "") -> Callable[[Dataset], None]:
    """Draw masks for two people; in a folder of derivatives where one is named."""

    def change(dataset: Dataset) -> None:
        for label in FEW:
            for name in names:
                path = dataset.mask(label, name)
                if folder:
                    place = dataset.root / "derivatives" / folder / label / "anat" / path.name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.move(path, place)

    return change


def masks_at(place: str) -> Callable[[Dataset], None]:
    """Draw masks for two people and put them elsewhere."""

    def change(dataset: Dataset) -> None:
        for label in FEW:
            path = dataset.mask(label, "label-lesion_mask.nii.gz")
            folder = dataset.root / place.format(label=label)
            folder.mkdir(parents=True, exist_ok=True)
            shutil.move(path, folder / path.name)

    return change


def other_mask(name: str) -> Callable[[Dataset], object]:
    """Leave one person's mask in a format that is not read."""
    return lambda d: d.path("sub-02", name).write_bytes(b"another format")


def anothers(name: str) -> Callable[[Dataset], object]:
    """Put another person's image into a folder, in place of the one there."""

    def change(dataset: Dataset) -> None:
        path = dataset.scan("sub-02", name)
        path.rename(path.with_name(f"sub-12_{name}"))

    return change


def one_mask_each(names: Sequence[str]) -> Callable[[Dataset], None]:
    """Draw a mask of another name for each person."""

    def change(dataset: Dataset) -> None:
        for label, name in zip(LABELS, names, strict=False):
            dataset.mask(label, f"{name}.nii.gz")

    return change


def one_name_each(entities: Sequence[str], *, also: bool = False) -> Callable[[Dataset], None]:
    """Give each person's T1w an entity of another kind, or add such a scan."""

    def change(dataset: Dataset) -> None:
        for label, entity in zip(LABELS, entities, strict=False):
            if not also:
                dataset.path(label, "T1w.nii.gz").unlink()
            dataset.scan(label, f"{entity}_T1w.nii.gz")

    return change


def one_sidecar_each(facts: Sequence[object]) -> Callable[[Dataset], None]:
    """Describe each person's T1w otherwise."""

    def change(dataset: Dataset) -> None:
        for label, own in zip(LABELS, facts, strict=False):
            dataset.path(label, "T1w.json").write_text(json.dumps(own))

    return change


def scans(*names: str, words: tuple[str, ...] = ()) -> Callable[[Dataset], None]:
    """Give everybody further scans."""

    def change(dataset: Dataset) -> None:
        for label in LABELS:
            for name in names:
                dataset.scan(label, name)
        dataset.words += words

    return change


def renamed(old: str, new: str, words: tuple[str, ...] = ()) -> Callable[[Dataset], None]:
    """Give everybody's scan another name."""

    def change(dataset: Dataset) -> None:
        for label in LABELS:
            dataset.path(label, old).rename(dataset.path(label, new))
        dataset.words += words

    return change


def sidecar(facts: object, name: str = "T1w", more: str = "") -> Callable[[Dataset], None]:
    """Describe everybody's scan, beside it; ``more`` is a further scan without a sidecar."""

    def change(dataset: Dataset) -> None:
        for label in LABELS:
            dataset.path(label, f"{name}.json").write_text(json.dumps(facts))
            if more:
                dataset.scan(label, f"{more}.nii.gz")

    return change


def raw_sidecar(content: bytes, name: str = "T1w.json") -> Callable[[Dataset], object]:
    """Describe one person's scan by these bytes."""
    return lambda d: d.path("sub-02", name).write_bytes(content)


def described_at_the_top(dataset: Dataset) -> None:
    """Describe everybody's T1w in one file, as BIDS lets one."""
    (dataset.root / "T1w.json").write_text('{"ContrastBolusAgent": "Gadovist"}')


def two_folders(dataset: Dataset) -> None:
    """Give one person two scans of one name."""
    source = dataset.path("sub-02", "T1w.nii.gz")
    place = dataset.root / "sub-02" / "old" / source.name
    place.parent.mkdir()
    dataset.scan("sub-02", "copy_T1w.nii.gz").rename(place)


def two_masks_one_named(dataset: Dataset) -> None:
    """Follow the remedy that two masks are refused with."""
    masks("desc-a_label-lesion_mask.nii.gz", "desc-b_label-lesion_mask.nii.gz")(dataset)
    dataset.words.append("source.lesion={label}/anat/{label}_desc-a_label-lesion_mask.nii.gz")


def in_column(*values: str, drawn: str = "label-lesion_mask.nii.gz") -> Callable[[Dataset], None]:
    """Draw masks and add a column called lesion."""

    def change(dataset: Dataset) -> None:
        masks(drawn)(dataset)
        dataset.column("lesion", values)

    return change


def other_session(dataset: Dataset) -> None:
    """Put everything into two sessions, masks into the second."""
    for label in LABELS:
        for session in ("1", "2"):
            for name in ("T1w", "T2w"):
                path = dataset.scan(label, f"ses-{session}_{name}.nii.gz")
                place = dataset.root / label / f"ses-{session}" / "anat" / path.name
                place.parent.mkdir(parents=True, exist_ok=True)
                path.rename(place)
        shutil.rmtree(dataset.root / label / "anat")
    for label in FEW:
        path = dataset.mask(label, "ses-2_label-lesion_mask.nii.gz")
        path.rename(dataset.root / label / "ses-2" / "anat" / path.name)
    dataset.words.append("source.session=1")


def misfiled(dataset: Dataset) -> None:
    """Name a scan of the second session after the first."""
    other_session(dataset)
    path = dataset.root / "sub-02/ses-2/anat/sub-02_ses-2_T1w.nii.gz"
    path.rename(path.with_name("sub-02_ses-1_T1w.nii.gz"))


TWO = "2 lesion masks (2 by BIDS name)"
NONE = "0 lesion masks"
KNOWN = (
    "label-lesion_mask", "label-lesion_desc-manual_mask", "desc-manual_label-lesion_mask",
    "label-L_mask", "label-L_desc-T1lesion_mask", "space-T1w_label-L_desc-manual_mask",
    "space-orig_label-lesion_mask", "label-lesion_roi", "T1w_label-lesion_roi", "desc-lesion_mask",
    "desc-lesionManual_mask", "desc-manualLesions_mask", "acq-lesion_mask", "label-lesion_dseg",
    "lesionmask", "lesion", "lesion_seg", "label-Laesion_mask", "hemi-L_label-lesion_mask",
    "label-lesion_desc-rater1_res-native_mask", "label-læsion_mask", "label-lesão_mask",
    "desc-LESIONS_mask", "desc-lésion_mask",
)  # fmt: skip
OTHERS = (
    "desc-nonlesion_mask", "label-perilesion_mask", "desc-lesionfree_mask",
    "label-hippocampus_roi", "label-GM_mask", "desc-lesionfilled_mask",
)  # fmt: skip
AFTER_AGENT = (
    "acq-postGd", "acq-gd", "acq-mprageGd", "acq-t1ce", "rec-postcontrast", "acq-KM",
    "ce-gadolinium", "acq-post", "acq-T1wGad", "acq-contrast", "acq-t1c", "acq-T1C",
    "acq-MPRAGEpost", "rec-T1post",
)  # fmt: skip
NOT_THIS = (
    *AFTER_AGENT, "part-phase", "part-real", "part-imag", "inv-1", "desc-skullstripped",
    "desc-brain", "rec-mip", "space-MNI152NLin6Asym", "acq-localizer", "mod-FLAIR",
)  # fmt: skip
PLAIN = (
    "part-mag", "ce-none", "ce-NONE", "acq-preGd", "acq-noGd", "acq-mprage", "acq-brain",
    "rec-norm", "desc-defaced", "echo-1", "space-orig", "acq-native", "acq-highres", "acq-lock",
    "acq-precontrast", "mod-T1w", "acq-postOp", "acq-injury",
    "acq-postInjury", "acq-postRT", "acq-post6m",
)  # fmt: skip
GIVEN = (
    {"ContrastBolusAgent": "Gadovist"}, {"ContrastBolusIngredient": "GADOLINIUM"},
    {"ContrastBolusIngredient": ["GADOLINIUM"]}, {"contrast_agent": "yes"}, {"ceagent": "gd"},
    {"ContrastAgent": True}, {"ContrastBolusVolume": 7.5}, {"ContrastBolusAgent": "Nonionic"},
    {"ContrastBolusAgentSequence": {"CodeMeaning": "Gadolinium"}, "ContrastBolusAgent": "Gd"},
    {"Contrast/Bolus Agent": "DOTAREM"},
)  # fmt: skip
NOT_GIVEN = (
    {"ContrastBolusAgent": "NONE"}, {"ContrastBolusAgent": ""}, {"ContrastBolusAgent": None},
    {"ContrastBolusAgent": "no"}, {"ContrastBolusAgent": "No contrast"}, {"ceagent": "none"},
    {"ContrastBolusIngredient": []}, {"ContrastAgent": False}, {"ContrastBolusVolume": 0},
    {"ContrastBolusAgent": "NONE", "ContrastBolusVolume": 10}, {"ContrastBolusAgent": "n/a"},
    {"ContrastBolusAgent": "nativ (ohne KM)"}, {"ContrastBolusAgent": "(none)"},
    {"ContrastBolusAgent": "utan kontrast"}, {"ContrastBolusAgent": "undefined"},
    {"ContrastBolusRoute": "IV"}, {"ContrastBolusAgent": "ohne KM"}, {"AcquisitionContrast": "T1"},
)  # fmt: skip
GADOLINIUM = '{"ContrastBolusAgent": "Gd"}'
MANY_AGENTS = ("leaving out contrast agent (", "in the sidecar); found sub-")


def parted(items: Sequence[Any]) -> list[Sequence[Any]]:
    """Part a list among people, one of whom stays as they are."""
    most = len(LABELS) - 1
    return [items[k : k + most] for k in range(0, len(items), most)]


def said(entity: str) -> str:
    """Return what is said of an entity that means another image."""
    return f"contrast agent ({entity})" if entity in AFTER_AGENT else entity


CASES = [
    *(Case(f"lesion masks: {names[0]} ...", one_mask_each(names), SOUND,
           (f"{len(names)} lesion masks",))
      for names in parted(KNOWN)),
    Case("masks of no lesion", one_mask_each(OTHERS), SOUND, (NONE,)),
    Case(
        "lesion masks in derivatives, with other entities",
        masks("space-T1w_label-L_desc-rater2_mask.nii.gz", folder="lesions"), SOUND, (TWO,),
    ),
    Case("lesion masks in derivatives without a pipeline",
         masks("label-L_mask.nii.gz", folder="."), SOUND, (TWO,)),
    Case("lesion masks in derivatives without folders",
         masks_at("derivatives/lesions"), SOUND, (TWO,)),
    Case("lesion masks in derivatives in a part of a dataset",
         masks_at("derivatives/lesions/v1.2/{label}/anat"), SOUND, (TWO,)),
    Case("shares of lesions", masks("label-lesion_probseg.nii.gz"), SOUND,
         (NONE, "possible lesion masks that are not read: 2 (sub-01_label-lesion_probseg.nii.gz")),
    *(Case(f"a lesion mask as .{ending}", other_mask(f"label-lesion_mask.{ending}"), FAULTY,
           (f"sub-02: sub-02/anat/sub-02_label-lesion_mask.{ending} is not a single-file NIfTI "
            f"image",
            f"{how} sub-02_label-lesion_mask.nii.gz"))
      for ending, how in (("NII.GZ", "it must become"), ("nrrd", "it must become"),
                          ("nii.bz2", "nib-convert sub-02/anat/sub-02_label-lesion_mask.nii.bz2"),
                          ("mgz", "nib-convert sub-02/anat/sub-02_label-lesion_mask.mgz"),
                          ("hdr", "nib-convert sub-02/anat/sub-02_label-lesion_mask.hdr"))),
    Case("a brain mask as .mgz", other_mask("desc-brain_mask.mgz"), FAULTY,
         ("sub-02: sub-02/anat/sub-02_desc-brain_mask.mgz is not a single-file NIfTI image",)),
    Case("a lesion mask in two formats", lambda d: (
        d.mask("sub-02", "label-lesion_mask.nii.gz"), other_mask("label-lesion_mask.mgz")(d)),
         SOUND, ("1 lesion masks",)),
    Case("a lesion mask as .mgz of another space",
         other_mask("space-MNI152NLin6Asym_label-lesion_mask.mgz"), SOUND, (NONE,)),
    *(Case(f"another person's {name}", anothers(name), FAULTY,
           (f"sub-02: sub-02/anat/sub-12_{name} is named for another person", "cohort.exclude"))
      for name in ("T1w.nii.gz", "T2w.nii.gz", "UNIT1.nii.gz", "label-lesion_mask.nii.gz",
                   "desc-brain_mask.nii.gz")),
    Case("a person's scan with other zeros in its name", lambda d: d.path(
        "sub-02", "T1w.nii.gz").rename(d.root / "sub-02/anat/sub-2_T1w.nii.gz"), SOUND),
    Case("a scan without a person in its name", lambda d: d.path(
        "sub-02", "T1w.nii.gz").rename(d.root / "sub-02/anat/T1w.nii.gz"), SOUND),
    Case(
        "a mask named by a disease alone",
        masks("label-stroke_mask.nii.gz"), SOUND,
        (NONE, "possible lesion masks that are not read: 2 (sub-01_label-stroke_mask.nii.gz"),
    ),
    Case("masks of what is not said", masks("mask.nii.gz"), SOUND,
         (NONE, "possible lesion masks that are not read: 2 (sub-01_mask.nii.gz")),
    Case("paths in a column that is not called lesion",
         lambda d: d.column("Lesion_mask", ["a.nii.gz", *["n/a"] * 5]), SOUND,
         (NONE, "column Lesion_mask of the participants table has paths and is not read: rename "
                "it lesion")),
    Case(
        "masks of two raters",
        masks("label-lesion_desc-a_mask.nii.gz", "label-lesion_desc-b_mask.nii.gz"), FAULTY,
        ("2 lesion masks match: sub-…_label-lesion_desc-a_mask.nii.gz", "source.lesion"),
    ),
    Case("masks of two raters, one named", two_masks_one_named, SOUND,
         ("2 lesion masks (2 by source.lesion)", "possible lesion masks that are not read: 2")),
    Case("masks of another session", other_session, SOUND,
         (NONE, "possible lesion masks that are not read: 2")),
    Case("column lesion holds sides", in_column(*"LRLRLR"), SOUND,
         (TWO, "column lesion of the participants table holds no paths (L, R)")),
    Case("column lesion holds both sides", in_column("L", "L/R", "R", *["n/a"] * 3), SOUND,
         (TWO, "holds no paths (L, L/R, R)")),
    Case("column lesion holds 0 and 1", in_column(*"110000"), SOUND,
         (TWO, "holds no paths (0, 1)")),
    Case("column lesion holds yes and no", in_column("yes", "yes", "no", "no", "no", "no"), SOUND,
         (TWO, "holds no paths (no, yes)")),
    Case("column lesion is n/a throughout", in_column(*["n/a"] * 6), SOUND,
         (TWO, "holds no paths (all are n/a)")),
    *(Case(f"column lesion holds {path}", in_column(path, *["n/a"] * 5, drawn="drawn.nii.gz"),
           FAULTY, (f"sub-01: {path} is not in source.root, but sub-01/anat/sub-01_drawn.nii.gz",
                    "column lesion of the participants table"))
      for path in (r"sub-01\anat\sub-01_drawn.nii.gz", "bids::sub-01/anat/sub-01_drawn.nii.gz",
                   "sub-01/anat/sub-01_drawn.nii", "sub-01/anat/SUB-01_drawn.nii.gz")),
    Case("column lesion holds a path that leads nowhere",
         in_column("masks/x.nii.gz", *["n/a"] * 5), FAULTY,
         ("sub-01: masks/x.nii.gz is not in source.root. Add it",)),
    Case("column lesion holds paths and none",
         in_column("sub-01/anat/sub-01_drawn.nii.gz", "none", "0", "n/a", "-", "no",
                   drawn="drawn.nii.gz"),
         SOUND, ("1 lesion masks (1 by the column lesion)",), ("holds no paths",)),
    *(Case(f"beside {own[0]} ...", one_name_each(own, also=True), SOUND, ("6 T1w, 6 T2w",))
      for own in parted(NOT_THIS)),
    *(Case(f"only {own[0]} ...", one_name_each(own), FAULTY,
           tuple(f"leaving out {said(entity)}; found" for entity in own))
      for own in parted(NOT_THIS)),
    *(Case(f"plain: {own[0]} ...", one_name_each(own), SOUND, ("6 T1w",)) for own in parted(PLAIN)),
    Case("the remedy for a refused name",
         renamed("T1w.nii.gz", "acq-postGd_T1w.nii.gz", ("source.t1w=*_acq-postGd_T1w.*",)), SOUND,
        ("scans of 6 people (sub-01, sub-02",),
    ),
    Case("a FLAIR called T2w", renamed("T2w.nii.gz", "acq-FLAIR_T2w.nii.gz"), FAULTY,
         ("no T2w image is left by leaving out acq-FLAIR",)),
    Case("single echoes beside the whole", scans("echo-1_T1w.nii.gz", "echo-2_T1w.nii.gz"), SOUND),
    Case("one scan packed and unpacked", lambda d: d.path("sub-02", "T1w.nii").write_bytes(
        gzip.decompress(d.path("sub-02", "T1w.nii.gz").read_bytes())), FAULTY,
         ("sub-02: 2 T1w images match: sub-02_T1w.nii, sub-02_T1w.nii.gz. Remove one of the two, "
          "or set source.t1w=*_T1w.nii.gz.",)),
    Case("one scan packed and unpacked, one named", lambda d: (
        d.path("sub-02", "T1w.nii").write_bytes(b"old"),
        d.words.append("source.t1w=*_T1w.nii.gz")), SOUND),
    Case("a scan in the folder of another session", misfiled, FAULTY,
         ("sub-02: sub-02/ses-2/anat/sub-02_ses-1_T1w.nii.gz is named for another session",)),
    Case("two reconstructions", scans("rec-norm_T1w.nii.gz"), FAULTY, ("2 T1w images match",)),
    *(Case(f"agent given: {own[0]} ...", one_sidecar_each(own), FAULTY, MANY_AGENTS)
      for own in parted(GIVEN)),
    *(Case(f"no agent: {own[0]} ...", one_sidecar_each(own), SOUND) for own in parted(NOT_GIVEN)),
    Case("agent given in one of two scans",
         sidecar({"ContrastBolusAgent": "Gd"}, "T1w", "acq-second_T1w"), SOUND),
    Case("agent given, by the dataset's sidecar", described_at_the_top, FAULTY,
         ("contrast agent (ContrastBolusAgent=Gadovist in the sidecar)",)),
    *(Case(f"agent given in a sidecar {how}", raw_sidecar(content, name), FAULTY,
           ("sub-02: no T1w image is left by leaving out contrast agent (ContrastBolusAgent=Gd",))
      for how, content, name in (
          ("in UTF-16", GADOLINIUM.encode("utf-16"), "T1w.json"),
          ("with a mark", GADOLINIUM.encode("utf-8-sig"), "T1w.json"),
          ("in a list", f"[{GADOLINIUM}]".encode(), "T1w.json"),
          ("in capitals", GADOLINIUM.encode(), "T1w.JSON"))),
    *(Case(f"a sidecar that {how}", raw_sidecar(content), FAULTY,
           (f"sub-02: sidecar sub-02/anat/sub-02_T1w.json cannot be read ({why}",
            "Save it as JSON in UTF-8, or remove it"))
      for how, content, why in (
          ("is Latin-1", '{"InstitutionName": "Universität"}'.encode("latin-1"),
           "byte 31 is not UTF-8"),
          ("has a comma too many", b'{"EchoTime": 0.003,}', ""),
          ("is empty", b"", "Expecting value"),
          ("is a list of two", b"[{}, {}]", "it is not a JSON object"))),
    Case("a sidecar that is a pointer", raw_sidecar(b"/annex/objects/MD5E-s1--x.json"), FAULTY,
         ("sidecar sub-02/anat/sub-02_T1w.json cannot be read (it is a pointer whose content was "
          "not fetched). Fetch it: datalad get",)),
    Case("a sidecar that DataLad did not fetch",
         lambda d: d.path("sub-02", "T1w.json").symlink_to("../../.git/annex/objects/x.json"),
         FAULTY, ("sub-02/anat/sub-02_T1w.json is a link whose content was not fetched. Fetch it: "
                  "datalad get sub-02/anat/sub-02_T1w.json",)),
    Case("a bad sidecar of another scan", raw_sidecar(b"", "FLAIR.json"), SOUND),
    Case("a run chosen where the T2w has none",
         renamed("T1w.nii.gz", "run-1_T1w.nii.gz", ("source.run=1",)), SOUND, ("6 T2w",)),
    Case("a run that is not there", scans("run-2_T1w.nii.gz", words=("source.run=5",)), FAULTY,
         ("by source.run=5", "or remove it and set source.t1w.")),
    Case("a pattern that fits none", scans(words=("source.t1w=*_acq-x_*",)), FAULTY,
         ("no T1w image is left by source.t1w=*_acq-x_*", "Correct that setting."), ("or leave",)),
    Case("one lesion mask for everybody", scans(words=("source.lesion=masks/one.nii.gz",)), FAULTY,
         ("source.lesion=masks/one.nii.gz is the same for all people; use {label}",)),
    Case("a brain mask by a word of no meaning", scans(words=("source.brain_mask={sub}.nii",)),
         FAULTY, ("source.brain_mask={sub}.nii has {sub}, use {label} (sub-01) or {id} (01)",)),
    Case("one name in two folders", two_folders, FAULTY,
         ("2 T1w images match: sub-", "/anat/sub-", "/old/sub-", "*/anat/*")),
    Case("MP2RAGE UNI, not named", renamed("T1w.nii.gz", "UNIT1.nii.gz"), FAULTY,
         ("there is no *_T1w.nii.gz, but sub-…_UNIT1.nii.gz", "source.t1w=*_UNIT1.*")),
    Case("MP2RAGE UNI, named",
         renamed("T1w.nii.gz", "UNIT1.nii.gz", ("source.t1w=*_UNIT1.*",)), SOUND, ("6 T1w",)),
    Case("R1 map, named", renamed("T1w.nii.gz", "R1map.nii.gz", ("source.t1w=*_R1map.*",)), SOUND),
    Case("T2 map, named", renamed("T2w.nii.gz", "T2map.nii.gz", ("source.t2w=*_T2map.*",)), SOUND),
    Case("T1 map, named", renamed("T1w.nii.gz", "T1map.nii.gz", ("source.t1w=*_T1map.*",)), FAULTY,
         ("_T1map.nii.gz is bright where a T1w is dark", "*_R1map")),
    Case("UNI beside a T1w, named", scans("UNIT1.nii.gz", words=("source.t1w=*_UNIT1.*",)), SOUND),
    Case("a pattern that fits a T1w and a map",
         scans("acq-mp_T1w.nii.gz", "acq-mp_UNIT1.nii.gz", words=("source.t1w=*_acq-mp_*",)),
         SOUND),
    Case("another suffix", renamed("T1w.nii.gz", "T1.nii.gz"), FAULTY,
         ("there is no *_T1w.nii.gz, only sub-…_T1.nii.gz",)),
]  # fmt: skip
