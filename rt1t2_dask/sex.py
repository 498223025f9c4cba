"""Parse sex from words and codes; ambiguous values are unknown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

MALE, FEMALE, OTHER = "M", "F", "O"
NAMES = ("sex", "gender")
# English, German, French, Spanish and Dutch, without accents.
MEN = (
    "male", "males", "man", "men", "boy", "mannlich", "maennlich", "mann", "junge", "masculin",
    "homme", "garcon", "masculino", "hombre", "varon", "nino", "mannelijk", "jongen",
)  # fmt: skip
WOMEN = (
    "female", "females", "woman", "women", "girl", "weiblich", "frau", "madchen", "maedchen",
    "feminin", "femme", "fille", "femenino", "femenina", "mujer", "nina", "vrouwelijk", "vrouw",
    "meisje",
)  # fmt: skip
OTHERS = (
    "other", "divers", "diverse", "nonbinary", "non-binary", "intersex", "autre", "otro", "otra",
    "anders",
)  # fmt: skip
WORDS = dict.fromkeys(MEN, MALE) | dict.fromkeys(WOMEN, FEMALE) | dict.fromkeys(OTHERS, OTHER)
LETTERS = {"m": MALE, "f": FEMALE, "w": FEMALE, "o": OTHER, "d": OTHER}
UNKNOWN = frozenset(("u", "unknown", "?", "unbekannt", "inconnu", "desconocido", "onbekend"))


def parse(values: pd.Series[Any]) -> tuple[pd.Series[str], pd.Series[bool]]:
    """Read sex from words of five languages or the letters m, f, w, o and d.

    Parameters
    ----------
    values : Series of str
        As written; NaN where missing. Numbers are ambiguous: 1 and 2, or 0 and 1, stand for
        either sex in either order, so that none is read (`with_levels` tells what they mean).
        A column that also holds another single letter, as the Dutch and the Spanish ``m`` and
        ``v`` or ``h`` and ``m`` do, is ambiguous as far as its letters go.

    Returns
    -------
    sex : Series of str
        ``M``, ``F``, ``O`` (other), or NaN where it is not known.
    unread : Series of bool
        Where a value could not be parsed.
    """
    text = values.map(_plain)
    known = _known(text)
    sex: pd.Series[str] = text.map(lambda cell: known.get(cell, np.nan)).astype(object)
    absent = values.isna() | text.isin(UNKNOWN)
    return sex, sex.isna() & ~absent


def with_levels(values: pd.Series[str], levels: Mapping[str, Any]) -> pd.Series[str]:
    """Replace codes of sex by their meaning in a BIDS sidecar.

    Parameters
    ----------
    values : Series of str
    levels : mapping of str
        ``Levels`` of the column in ``participants.json``: a description of each code, or a
        mapping that holds one under ``Description``; words, or letters that are not ambiguous,
        as `parse` reads them. Codes are compared as numbers where they are: 1.0 is 1.
    """
    described = {
        code: _plain(what.get("Description", "") if isinstance(what, Mapping) else what)
        for code, what in levels.items()
    }
    known = _known(described.values())
    meant = {_code(code): _described(text, known) for code, text in described.items()}
    return values.map(lambda cell: meant.get(_code(cell)) or cell, na_action="ignore")


def _known(texts: Iterable[str]) -> dict[str, str]:
    """Return the meaning of words, and of letters unless another letter makes them ambiguous."""
    letters = {text for text in texts if len(text) == 1 and text.isalpha()}
    return WORDS | (LETTERS if letters <= {*LETTERS, "u"} else {})


def _described(text: str, known: Mapping[str, str]) -> str | None:
    """Return the sex named in a description; None for none or several."""
    if text in known:
        return known[text]
    named = {WORDS[word] for word in re.findall(r"[\w-]+", text) if word in WORDS}
    return named.pop() if len(named) == 1 else None


def _code(cell: object) -> str:
    """Normalise a code: 1.0 and 01 are 1."""
    return re.sub(r"^0*(\d+)(\.0*)?$", r"\1", str(cell).strip())


def _plain(value: object) -> str:
    bare = unicodedata.normalize("NFKD", str(value)).casefold().strip()
    return "".join(letter for letter in bare if not unicodedata.combining(letter))
