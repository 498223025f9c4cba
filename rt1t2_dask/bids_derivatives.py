"""Names that sMRIPrep and fMRIPrep give to what they made of a person's scans."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rt1t2_dask.bids_files import LESION, OWN_SPACES, Choice, Wanted, entities, mask_of
from rt1t2_dask.errors import SubjectError

TISSUES = {"csf": "CSF", "grey": "GM", "white": "WM"}
SUFFIXES = r"\.(h5|txt|tfm|mat)$"


@dataclass(frozen=True)
class Preprocessed:
    """What is there of one person; None where it must be made or found elsewhere.

    Parameters
    ----------
    t1w : Choice
    t2w, brain_mask, lesion : Choice or None
    transform : Choice or None
        From the T1w to the wanted template space.
    inverse_transform : Choice or None
        The way back, only where `transform` is missing.
    tissues : mapping of str to Choice
        Probabilities of ``csf``, ``grey`` and ``white``; empty unless all three are there.
    """

    t1w: Choice
    t2w: Choice | None
    brain_mask: Choice | None
    lesion: Choice | None
    transform: Choice | None
    inverse_transform: Choice | None
    tissues: Mapping[str, Choice]


def preprocessed(paths: Sequence[str], wanted: Wanted, space: str) -> Preprocessed:
    """Find what was made of a person's scans.

    Parameters
    ----------
    paths : sequence of str
        All files of the person in the dataset of derivatives.
    wanted : Wanted
        Its session.
    space : str
        Template space of the transform, as ``MNI152NLin2009cAsym``.

    Raises
    ------
    SubjectError
        There is no preprocessed T1w, or several of one kind.
    """
    own = [p for p in sorted(paths) if not p.split("/")[-1].startswith(".")]
    if wanted.session is not None:
        own = [p for p in own if entities(p).get("ses") in (None, wanted.session)]
    own = [p for p in own if entities(p).get("space", "T1w") in OWN_SPACES]
    t1w = _one(own, r"_desc-preproc_T1w\.nii(\.gz)?$", "preprocessed T1w")
    if t1w is None:
        raise SubjectError(
            "there is no *_desc-preproc_T1w.nii.gz in T1w space.",
            "Run sMRIPrep or fMRIPrep on the person, or use the scans: source=bids.",
        )
    way = re.escape(space)
    transform = _one(own, rf"_from-T1w_to-{way}_mode-image_xfm{SUFFIXES}", "transform")
    back = _one(own, rf"_from-{way}_to-T1w_mode-image_xfm{SUFFIXES}", "transform")
    return Preprocessed(
        t1w,
        _one(own, r"_desc-preproc_T2w\.nii(\.gz)?$", "preprocessed T2w"),
        _one(own, r"_desc-brain_mask\.nii(\.gz)?$", "brain mask"),
        mask_of(t1w.path, [p for p in own if LESION.search(p.lower())], "lesion"),
        transform,
        back if transform is None else None,
        _tissues(own),
    )


def _tissues(paths: Sequence[str]) -> dict[str, Choice]:
    found = {
        name: _one(paths, rf"_label-{label}_probseg\.nii(\.gz)?$", f"probability of {label}")
        for name, label in TISSUES.items()
    }
    there = {name: choice for name, choice in found.items() if choice is not None}
    return there if len(there) == len(TISSUES) else {}


def _one(paths: Sequence[str], pattern: str, what: str) -> Choice | None:
    found = [p for p in paths if re.search(pattern, p)]
    if len(found) > 1:
        names = ", ".join(path.rsplit("/", 1)[-1] for path in found)
        raise SubjectError(f"{len(found)} files fit as {what}: {names}.", "Set source.session.")
    return Choice(found[0], "of the derivatives") if found else None
