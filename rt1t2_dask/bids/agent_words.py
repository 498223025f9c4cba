"""Words for contrast agents in file names, descriptions, headers and sidecars."""

from __future__ import annotations

import re
import unicodedata

from rt1t2_dask.bids.names import split_words

# Values that mean no agent was given; "unknown" decides nothing. Words are in English,
# German, French, Spanish, Portuguese, Italian, Dutch, Swedish, Danish and Norwegian, accents off.
NOTHING = frozenset(
    ("", "none", "no", "n", "n/a", "na", "nil", "null", "false", "-", "--", ".", "unknown",
     "unspecified", "undefined", "nan", "not applicable", "nein", "nee", "non", "nej", "nei",
     "ninguno", "nenhum", "nessuno", "native")
)  # fmt: skip
_WITHOUT = (
    *("no", "non", "not", "none", "nil", "without", "w/o", "ohne", "keine?", "sans", "sin"),
    *("sem", "senza", "geen", "zonder", "utan", "uden", "uten", "inge[nt]", "intet", "aucun"),
    *("nativ[eo]?", "pre", "before", "vor", "avant"),
)
_WITH = ("post", "with", "plus", "mit", "avec", "con", "met", "after", "nach")
_AGENT = (
    *("gd", "gad[a-z]*", "km", "ce", "contrast[aeo]?", "[ck]ontrastmiddel", "kontrast[a-z]*"),
    *(
        "inj(?!ur)[a-z]*",
        "enhanced",
        "enhancement",
        "dotarem",
        "clariscan",
        "magnevist",
        "multihance",
    ),
    *("omniscan", "prohance", "optimark", "primovist", "eovist", "elucirem", "vueway"),
)
_ALONE = ("post", "cemprage", "ceus")
# Sequence names that may precede an agent without a space.
_SEQUENCE = ("t1w?", "mpr(?:age)?", "spgr", "flash", "space", "tse", "tfe", "bravo", "vibe")
# Words after "post" that do not mean contrast agent; months, not minutes.
_OTHER_POST = (
    *("op", "surg", "treat", "ictal", "stim", "train", "mortem", "partum", "natal", "injur"),
    *("rt(?![a-z])", "radi", "irrad", "chemo", "ther", "r?tms", "tdcs", "ect(?![a-z])", "dbs"),
    *("trauma", "stroke", "resect", "interv", "transpl", "covid", "exerc", "visit", "scan"),
    r"\d+[ _-]?(?:d|w|wk|m|mo|y|yr|day|week|month|year)s?(?![a-z])",
)


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
    rf"|{_any(*_WITH, *_SEQUENCE, 'se')}{_any(*_AGENT)}(?![a-z])"
    rf"|{_any(*_SEQUENCE)}(?:post|c)(?![a-z])"
    r"|gadolin|\+ ?c(?![a-z])|(?<![a-z])c ?\+"
)


def says_agent(text: str) -> bool:
    """Return whether a label or a description states that contrast agent was given.

    A word counts if not adjacent to letters, as ``ce`` in ``t1_ce`` but not in ``t1_center``, or if
    delimited by capitals, as in ``mpragePostGd``.
    """
    bare = _without_accents(text)
    left, denied = _DENIED.subn(" ", bare.lower())
    parted = "" if denied else " ".join(split_words(bare))
    return (_SAID.search(left) or _SAID.search(parted)) is not None


def is_nothing(value: str) -> bool:
    """Return whether the value of a field states that no contrast agent was given."""
    text = _without_accents(value).lower().strip(" \t\0()[]<>'\"")
    nothing = text in NOTHING or _BEFORE.match(text) or _NO_VOLUME.fullmatch(text)
    return bool(nothing)


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))
