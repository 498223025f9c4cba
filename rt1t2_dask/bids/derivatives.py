"""File names of sMRIPrep and fMRIPrep derivatives."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rt1t2_dask.bids.files import Choice, Wanted, require_nifti_masks
from rt1t2_dask.bids.labels import require_own
from rt1t2_dask.bids.marks import unlike
from rt1t2_dask.bids.masks import is_lesion, mask_of
from rt1t2_dask.bids.names import OWN_SPACES, distinct_names, entities, images_of, suffix_of
from rt1t2_dask.errors import SubjectError

TISSUES = {"csf": "CSF", "grey": "GM", "white": "WM"}
_SAME = ("ses", "acq", "run", "rec", "ce")
SESSION = "Correct source.session. Otherwise: "
T1W = r"_desc-preproc_T1w\.nii(\.gz)?$"
SUFFIXES = r"\.(h5|txt|tfm|mat)$"


@dataclass(frozen=True)
class Preprocessed:
    """The derivatives of one person; None where missing.

    Parameters
    ----------
    t1w : Choice
    t2w, brain_mask, lesion : Choice or None
    transform : Choice or None
        From the T1w to the wanted template space.
    inverse_transform : Choice or None
        The inverse, only where `transform` is missing.
    tissues : mapping of str to Choice
        Probabilities of ``csf``, ``grey`` and ``white``; empty unless all three exist.
    spaces : tuple of str
        Target spaces of all transforms.
    """

    t1w: Choice
    t2w: Choice | None
    brain_mask: Choice | None
    lesion: Choice | None
    transform: Choice | None
    inverse_transform: Choice | None
    tissues: Mapping[str, Choice]
    spaces: tuple[str, ...] = ()


def preprocessed(
    paths: Sequence[str], wanted: Wanted, space: str, given: Collection[str] = ()
) -> Preprocessed:
    """Find the derivatives of a person's scans.

    Parameters
    ----------
    paths : sequence of str
        All files of the person in the dataset of derivatives.
    wanted : Wanted
        The session.
    space : str
        Template space of the transform, as ``MNI152NLin2009cAsym``.
    given : collection of {"lesion", "brain_mask"}
        Masks that are specified elsewhere.

    Raises
    ------
    SubjectError
        There is no preprocessed T1w, or several files of one kind, or files of another person.
    """
    own = [p for p in sorted(paths) if not p.split("/")[-1].startswith(".")]
    own = [p for p in own if entities(p).get("space", "T1w") in OWN_SPACES]
    require_own(p for p in own if re.search(rf"{SUFFIXES}|\.nii(\.gz)?$", p))
    every = [p for p in own if re.search(T1W, p)]
    if wanted.session is not None:
        own = [p for p in own if entities(p).get("ses") in (None, wanted.session)]
    own = [p for p in own if not _is_other(p)]
    t1w = _one(own, T1W, "preprocessed T1w", wanted.session)
    if t1w is None:
        raise _no_t1w(every, wanted)
    made = _made_of(t1w.path, own)
    beside = partial(_one, made)
    lesions = [p for p in images_of(own) if is_lesion(p)]
    require_nifti_masks(own, t1w.path, given)
    pattern = r"_desc-brain_mask\.nii(\.gz)?$"
    brain = None if "brain_mask" in given else beside(pattern, "brain mask")
    way = re.escape(space)
    transform = beside(rf"_from-T1w_to-{way}_mode-image_xfm{SUFFIXES}", "transform")
    back = beside(rf"_from-{way}_to-T1w_mode-image_xfm{SUFFIXES}", "transform")
    return Preprocessed(
        t1w,
        beside(r"_desc-preproc_T2w\.nii(\.gz)?$", "preprocessed T2w"),
        brain,
        None if "lesion" in given else mask_of(t1w.path, lesions, "lesion"),
        transform,
        back if transform is None else None,
        _tissues(beside),
        _spaces(made),
    )


def _is_other(path: str) -> bool:
    """Return whether a name marks a scan as not plain, such as after contrast agent."""
    return suffix_of(path) in ("T1w", "T2w") and bool(unlike(path, suffix_of(path)))


def _no_t1w(every: Sequence[str], wanted: Wanted) -> SubjectError:
    """List the preprocessed T1w found, and why none is used."""
    why = {path: unlike(path, "T1w") or f"not of source.session={wanted.session}" for path in every}
    there = "; ".join(f"{distinct_names([path])} is {text}" for path, text in why.items())
    return SubjectError(
        f"there is no *_desc-preproc_T1w.nii.gz in T1w space{there and ': ' + there}.",
        f"{SESSION if wanted.session is not None and every else ''}"
        "Run sMRIPrep or fMRIPrep on this person, or use the scans: source=bids.",
    )


def _made_of(t1w: str, paths: Sequence[str]) -> list[str]:
    """Keep files beside the T1w of the same acquisition and run.

    Functional runs have their own masks, in another folder.
    """
    own = entities(t1w)
    beside = [p for p in paths if p.split("/")[:-1] == t1w.split("/")[:-1]]
    return [
        p for p in beside if all(own.get(k, v) == v for k, v in entities(p).items() if k in _SAME)
    ]


def _spaces(paths: Sequence[str]) -> tuple[str, ...]:
    found = (re.search(r"_from-T1w_to-([^_]+)_mode-image_xfm\.h5$", path) for path in paths)
    return tuple(sorted({match[1] for match in found if match}))


def _tissues(beside: Callable[[str, str], Choice | None]) -> dict[str, Choice]:
    found = {
        name: beside(rf"_label-{label}_probseg\.nii(\.gz)?$", f"probability of {label}")
        for name, label in TISSUES.items()
    }
    there = {name: choice for name, choice in found.items() if choice is not None}
    return there if len(there) == len(TISSUES) else {}


def _one(
    paths: Sequence[str], pattern: str, what: str, session: str | None = None
) -> Choice | None:
    found = [p for p in paths if re.search(pattern, p)]
    if session is not None:
        of_all = [p for p in found if "ses" not in entities(p)]
        found = [p for p in found if entities(p).get("ses") == session] or of_all
    if len(found) > 1:
        raise SubjectError(
            f"{len(found)} files match as {what}: {distinct_names(found)}.", choose(found)
        )
    return Choice(found[0], "of the derivatives") if found else None


def choose(found: Sequence[str]) -> str:
    """Return the remedy for several files: by session where sessions differ."""
    sessions = {entities(path).get("ses") for path in found}
    if len(sessions) == len(found):
        known = ", ".join(sorted(s for s in sessions if s is not None))
        return f"Set source.session ({known})."
    return "Remove all but one, or leave the subject out with cohort.exclude."
