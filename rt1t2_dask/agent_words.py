"""Words for contrast agents, in names, in descriptions and in fields of headers and sidecars."""

from __future__ import annotations

import re

from rt1t2_dask.bids_names import split_words

# A value that says nothing was given; "unknown" says nothing either way.
NOTHING = frozenset(
    ("", "none", "no", "n", "n/a", "na", "nil", "null", "false", "-", "--", ".", "unknown",
     "unspecified", "not applicable", "nein", "nee", "non", "aucun", "ninguno", "geen", "native")
)  # fmt: skip
_WITHOUT = (
    *("no", "non", "not", "none", "nil", "without", "w/o", "ohne", "keine?", "sans", "sin"),
    *("senza", "geen", "zonder", "pre", "before", "vor", "avant"),
)
_WITH = ("post", "with", "plus", "mit", "avec", "con", "met", "after", "nach")
_AGENT = (
    *("gd", "gad[a-z]*", "km", "ce", "contrast[aeo]?", "[ck]ontrastmiddel", "kontrast[a-z]*"),
    *("inj[a-z]*", "enhanced", "enhancement", "dotarem", "clariscan", "magnevist", "multihance"),
    *("omniscan", "prohance", "optimark", "primovist", "eovist", "elucirem", "vueway"),
)
_ALONE = ("post", "cemprage", "ceus")
# Before an agent without a space: sequences that scanners' names end in.
_SEQUENCE = ("t1w?", "mprage", "spgr", "flash", "space", "tse", "tfe", "bravo", "vibe", "se")
# What comes after "post" where it is no agent that was given before.
_OTHER_POST = ("op", "surg", "treat", "ictal", "stim", "train", "mortem", "partum", "natal")


def _any(*words: str) -> str:
    return f"(?:{'|'.join(words)})"


_BEFORE = re.compile(rf"{_any(*_WITHOUT)}(?![a-z])|{_any(*_WITHOUT)}{_any(*_AGENT)}(?![a-z])")
_NO_VOLUME = re.compile(r"0+([.,]0*)?\s*(ml|cc|mmol)?")
_DENIED = re.compile(
    rf"(?<![a-z]){_any(*_WITHOUT, 'wo', 'high', 'low')}[ _-]*{_any(*_AGENT, 'c')}(?![a-z])"
    rf"|{_any('pre', 'non?', 'without', 'ohne', 'sans')}{_any(*_AGENT)}(?![a-z])"
    rf"|(?<![a-z])post[ _-]*{_any(*_OTHER_POST)}[a-z]*"
)
_SAID = re.compile(
    rf"(?<![a-z]){_any(*_AGENT, *_ALONE)}(?![a-z])"
    rf"|{_any(*_WITH, *_SEQUENCE)}{_any(*_AGENT)}(?![a-z])"
    r"|gadolin|\+ ?c(?![a-z])|(?<![a-z])c ?\+"
)


def says_agent(text: str) -> bool:
    """Say whether a label or a description says that contrast agent was given.

    A word counts where no letter stands before or after it, as ``ce`` in ``t1_ce`` and not in
    ``t1_center``, or where capitals part it, as in ``mpragePostGd``.
    """
    left, denied = _DENIED.subn(" ", text.lower())
    parted = "" if denied else " ".join(split_words(text))
    return (_SAID.search(left) or _SAID.search(parted)) is not None


def is_nothing(value: str) -> bool:
    """Whether the value of a field says that no contrast agent was given."""
    text = value.strip().lower()
    said = text in NOTHING or _BEFORE.match(text) or _NO_VOLUME.fullmatch(text)
    return bool(said)
