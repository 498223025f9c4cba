"""BIDS file names: which of a person's files are the T1w, the T2w and the masks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from rt1t2_dask.errors import SubjectError

Run = int | Literal["first", "last"]

LESION = re.compile(
    r"(_label-lesion[a-z0-9-]*_mask|_desc-[a-z0-9]*lesion_mask|_lesion_mask|_roi)\."
)
BRAIN_MASK = re.compile(r"_desc-brain_mask\.")
OWN_SPACES = ("T1w", "orig", "individual")
_NIFTI = (".nii", ".nii.gz")
_SAME_SCAN = ("sub", "ses", "run", "acq", "rec", "ce")


@dataclass(frozen=True)
class Wanted:
    """How to choose where a person has several images.

    Parameters
    ----------
    session : str, optional
        Label of the session, without ``ses-``.
    run : int or {"first", "last"}, optional
        Number of the run, or its place among the runs.
    t1w, t2w : str, optional
        File name pattern (``*`` and ``?``), as ``*_acq-mprage_*``.
    """

    session: str | None = None
    run: Run | None = None
    t1w: str | None = None
    t2w: str | None = None


@dataclass(frozen=True)
class Choice:
    """One chosen file and why it was this one."""

    path: str
    reason: str


@dataclass(frozen=True)
class Scans:
    """The files of one person, relative to the dataset; masks may be absent."""

    t1w: Choice
    t2w: Choice
    lesion: Choice | None
    brain_mask: Choice | None


def entities(path: str) -> dict[str, str]:
    """Give the key-value pairs of a BIDS file name, as ``{"sub": "01", "ses": "2"}``."""
    name = path.rsplit("/", 1)[-1].split(".", 1)[0]
    pairs = (word.partition("-") for word in name.split("_"))
    return {key: value for key, dash, value in pairs if dash}


def scans(paths: Sequence[str], derived: Sequence[str], wanted: Wanted) -> Scans:
    """Choose a person's T1w, T2w, lesion mask and brain mask.

    Parameters
    ----------
    paths : sequence of str
        All files of the person in the dataset, relative to it.
    derived : sequence of str
        Those in its ``derivatives/*/``: lesion masks are looked for here too.
    wanted : Wanted

    Raises
    ------
    SubjectError
        When an image is missing, several fit, T1w and T2w come from two sessions, or a lesion
        mask lies in another space.
    """
    images = _images(paths)
    t1w = the_one(images, "T1w", wanted, wanted.t1w)
    t2w = the_one(images, "T2w", wanted, wanted.t2w)
    if not (wanted.t1w and wanted.t2w):
        _require_one_session(t1w.path, t2w.path)
    lesions = [p for p in (*images, *_images(derived)) if LESION.search(p.lower())]
    beside = [p for p in images if p.split("/")[:-1] == t1w.path.split("/")[:-1]]
    brains = [p for p in beside if BRAIN_MASK.search(p)]
    return Scans(
        t1w, t2w, mask_of(t1w.path, lesions, "lesion"), mask_of(t1w.path, brains, "brain_mask")
    )


def _images(paths: Sequence[str]) -> list[str]:
    """Keep NIfTI files; names with a leading dot are what a Mac leaves beside files."""
    return [p for p in sorted(paths) if p.endswith(_NIFTI) and not p.split("/")[-1].startswith(".")]


def the_one(
    images: Sequence[str], suffix: str, wanted: Wanted, pattern: str | None = None
) -> Choice:
    """Choose the one image of a contrast.

    Raises
    ------
    SubjectError
        None or several fit.
    """
    fitting = [p for p in images if re.search(rf"_{suffix}\.nii(\.gz)?$", p)]
    total, reasons = len(fitting), []
    for said, keep in _rules(suffix, wanted, pattern):
        kept = keep(fitting)
        if not kept:
            raise _none_left(suffix, said, fitting)
        if said and len(kept) < len(fitting):
            reasons.append(said)
        fitting = kept
    if len(fitting) > 1:
        raise SubjectError(
            f"{len(fitting)} {suffix} images fit: {_names(fitting)}.",
            f"Choose with source.session, source.run (a number, first or last) or "
            f"source.{suffix.lower()} (a pattern such as *_acq-mprage_*).",
        )
    why = f"1 of {total}: {', '.join(reasons)}" if reasons else "the only one"
    return Choice(fitting[0], why)


Rule = tuple[str, Callable[[list[str]], list[str]]]


def _rules(suffix: str, wanted: Wanted, pattern: str | None) -> list[Rule]:
    rules: list[Rule] = [("", list)]
    if wanted.session is not None:
        session = wanted.session
        rules.append((f"source.session={session}", lambda ps: _with(ps, "ses", session)))
    if pattern is not None:
        key = f"source.{suffix.lower()}={pattern}"
        rules.append((key, lambda ps: [p for p in ps if _matches(p, pattern)]))
    else:
        rules.append(("leaving out contrast agent (ce-)", _plain))
    if wanted.run is not None:
        run = wanted.run
        rules.append((f"source.run={run}", lambda ps: _runs(ps, run)))
    return rules


def _plain(paths: list[str]) -> list[str]:
    return [p for p in paths if "ce" not in entities(p)]


def _matches(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path.rsplit("/", 1)[-1], pattern)


def _with(paths: list[str], key: str, value: str) -> list[str]:
    return [p for p in paths if entities(p).get(key) == value or f"/{key}-{value}/" in p]


def _runs(paths: list[str], run: Run) -> list[str]:
    numbers = {p: _number(entities(p).get("run", "")) for p in paths}
    if not isinstance(run, int) and numbers:
        run = min(numbers.values()) if run == "first" else max(numbers.values())
    return [p for p in paths if numbers[p] == run]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _none_left(suffix: str, said: str, before: Sequence[str]) -> SubjectError:
    if not before:
        return SubjectError(
            f"there is no *_{suffix}.nii.gz.", "Add it, or exclude the person: cohort.exclude."
        )
    remedy = f"Correct that setting, or name the image with source.{suffix.lower()}."
    return SubjectError(f"no {suffix} image is left by {said}; there are {_names(before)}.", remedy)


def _require_one_session(t1w: str, t2w: str) -> None:
    first, second = (entities(path).get("ses") for path in (t1w, t2w))
    if first != second:
        raise SubjectError(
            f"the T1w is of session {first}, the T2w of session {second}.",
            "Choose with source.session, or name both with source.t1w and source.t2w.",
        )


def mask_of(t1w: str, masks: Sequence[str], role: str) -> Choice | None:
    """Choose the mask that was drawn on a T1w, or None where there is none.

    Raises
    ------
    SubjectError
        Several fit, or the only ones lie in another space.
    """
    own = entities(t1w)
    same = [p for p in masks if _of_scan(entities(p), own)]
    fitting = [p for p in same if entities(p).get("space", "T1w") in OWN_SPACES]
    beside = [p for p in fitting if p.split("/")[:-1] == t1w.split("/")[:-1]]
    what = role.replace("_", " ").replace("lesion", "lesion mask")
    if same and not fitting and role == "lesion":
        raise SubjectError(
            f"the {what} {_names(same)} lies in another space than the T1w.",
            f"Bring it onto the T1w's grid and name it with source.{role}.",
        )
    if len(beside or fitting) > 1:
        raise SubjectError(
            f"{len(beside or fitting)} {what}s fit: {_names(beside or fitting)}.",
            f"Keep one, set source.session, or name it with source.{role}.",
        )
    return Choice((beside or fitting)[0], "by its BIDS name") if fitting else None


def _of_scan(mask: dict[str, str], scan: dict[str, str]) -> bool:
    """Whether a mask's name contradicts the scan's in no entity that both have."""
    shared = [key for key in _SAME_SCAN if key in mask and key in scan]
    return all(mask[key] == scan[key] for key in shared)


def _names(paths: Sequence[str]) -> str:
    return ", ".join(path.rsplit("/", 1)[-1] for path in paths)
