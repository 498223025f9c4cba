"""Lesion and brain masks by BIDS names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rt1t2_dask.bids.names import OWN_SPACES, distinct_names, entities, session_of, stem, suffix_of
from rt1t2_dask.errors import SubjectError

BRAIN_MASK = re.compile(r"_desc-brain_mask\.")
SUFFIXES = ("mask", "roi", "seg", "dseg")
# A dseg without a label is a tissue segmentation.
UNSAID = ("mask", "seg")
# English, French, Spanish and Italian, German (both spellings) and Danish, Portuguese, Dutch;
# without accents.
LESION = re.compile(r"l(?:e|a|ae)sion|lesao|lesoes|lesie")
NOT_LESION = re.compile(r"(non?|peri|contra|without)-?lesion|lesions?-?(free|filled|masked|remov)")
PATHOLOGY = re.compile(
    r"stroke|infar[ck]t|tumou?r|ha?emorrh|bleed|wmh|whitematterhyper|plaque|glioma|metasta|o?edema"
    r"|cavity|necros|isch|avm|malformation|hamartoma|dysplasia"
)
# Suffixes of scans; other images with a lesion word in their name may be masks.
SCAN = re.compile(r".*w|flair|bold|sbref|dwi|unit1|.*map")
# BIDS's own label of lesions among tissues.
LABEL = "l"
_OF_NO_MASK = ("sub", "ses", "run", "task")
_SAME_SCAN = ("sub", "run", "acq", "rec", "ce")


@dataclass(frozen=True)
class Choice:
    """One chosen file and the reason."""

    path: str
    reason: str


def is_lesion(path: str) -> bool:
    """Return whether a name marks a file as a lesion mask."""
    words = _words(path)
    if not _is_mask(path) or any(NOT_LESION.search(word) for word in words):
        return False
    labels = {key.lower(): value.lower() for key, value in entities(path).items()}
    unnamed_roi = suffix_of(path).lower() == "roi" and not {"label", "desc"} & {*labels}
    named = any(LESION.search(word) for word in words)
    return named or labels.get("label") == LABEL or unnamed_roi


def is_doubtful(path: str) -> bool:
    """Return whether a mask may be of a lesion: probabilities, a disease, or no label at all."""
    if is_lesion(path):
        return False
    words = _words(path)
    lesion = any(LESION.search(word) for word in words)
    if lesion and not any(NOT_LESION.search(word) for word in words):
        return not SCAN.fullmatch(_plain(suffix_of(path)))
    named = any(PATHOLOGY.search(word) for word in words)
    region = suffix_of(path).lower() == "roi" and "label" not in entities(path)
    return _is_mask(path) and (named or region or _unsaid(path))


def _unsaid(path: str) -> bool:
    """Return whether a name does not state what is masked."""
    labelled = {"label", "desc", "task"} & {*entities(path)} or "brain" in _plain(stem(path))
    return suffix_of(path).lower() in UNSAID and not labelled


def _is_mask(path: str) -> bool:
    suffix = _plain(suffix_of(path))
    return suffix in SUFFIXES or bool(LESION.search(suffix))


def _words(path: str) -> list[str]:
    """Return the words of a name besides person and scan."""
    parts = [word.partition("-") for word in _plain(stem(path)).split("_")]
    return [value or key for key, _, value in parts if key not in _OF_NO_MASK]


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text).lower().replace("æ", "ae")
    return "".join(letter for letter in bare if not unicodedata.combining(letter))


def mask_of(t1w: str, masks: Sequence[str], role: str) -> Choice | None:
    """Choose the mask of a T1w; None where there is none.

    Raises
    ------
    SubjectError
        Several match, or all are in another space.
    """
    same = [p for p in masks if of_scan(p, t1w)]
    fitting = [p for p in same if is_in_own_space(p)]
    beside = [p for p in fitting if p.split("/")[:-1] == t1w.split("/")[:-1]]
    what = role.replace("_", " ").replace("lesion", "lesion mask")
    if same and not fitting and role == "lesion":
        raise SubjectError(
            f"the {what} {distinct_names(same)} is in another space than the T1w.",
            f"Resample it to the T1w's grid and set source.{role}.",
        )
    if len(beside or fitting) > 1:
        raise SubjectError(
            f"{len(beside or fitting)} {what}s match: {distinct_names(beside or fitting)}.",
            f"Keep one, set source.session, or set source.{role}.",
        )
    return Choice((beside or fitting)[0], "by its BIDS name") if fitting else None


def of_scan(mask: str, scan: str) -> bool:
    """Return whether a mask's entities agree with the scan's."""
    first, second = entities(mask), entities(scan)
    sessions = {session_of(mask), session_of(scan)} - {None}
    shared = [key for key in _SAME_SCAN if key in first and key in second]
    return len(sessions) < 2 and all(first[key] == second[key] for key in shared)


def is_in_own_space(path: str) -> bool:
    """Return whether a name states no other space than the T1w's."""
    return entities(path).get("space", "T1w") in OWN_SPACES
