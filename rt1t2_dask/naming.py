"""Infer from a column's name whether its values are names of sites, scanners or families."""

from __future__ import annotations

import re

# English, German, French, Spanish and Dutch, as sex is read.
PLACES = (
    "site", "center", "centre", "hospital", "clinic", "institution", "institute", "location",
    "zentrum", "standort", "klinik", "krankenhaus", "hopital", "hôpital", "clinique", "centro",
    "sitio", "sede", "ziekenhuis", "centrum",
)  # fmt: skip
MACHINES = (
    "scanner", "machine", "device", "manufacturer", "vendor", "station", "coil", "protocol",
    "batch", "rater", "hersteller", "gerät", "geraet", "appareil", "équipement", "equipo",
)  # fmt: skip
TOGETHER = (
    "pair", "couple", "dyad", "family", "household", "sibship", "twins", "paar", "familie",
    "famille", "foyer", "pareja", "familia", "gezin",
)  # fmt: skip
CODES = ("id", "ids", "code", "nr", "no", "num", "number", "name", "label", "key")
GLUED = re.compile(rf"({'|'.join(sorted(CODES, key=len, reverse=True))})$")
# Words after these qualify the words before: years_at_site are years.
BEFORE = ("at", "of", "to", "from", "in", "per", "since", "between", "within", "by", "with")
WORD = re.compile(r"[A-ZÀ-Þ]+(?![a-zß-ÿ])|[A-ZÀ-Þ]?[a-zß-ÿ]+|\d+")


def words(column: str) -> list[str]:
    """Return the words and numbers of a column's name: scannerID is scanner and id."""
    return [word.lower() for word in WORD.findall(column)]


def names_something(column: str) -> bool:
    """Return whether a column names sites, scanners or related people."""
    return _thing(column) in (*PLACES, *MACHINES, *TOGETHER)


def names_together(column: str) -> bool:
    """Return whether a column holds arbitrary IDs of pairs, families or the like."""
    return _thing(column) in TOGETHER


def _thing(column: str) -> str:
    """Return the head noun of a name: the last word before any of `BEFORE`, without codes."""
    found: list[str] = []
    for word in words(column):
        if found and word in BEFORE:
            break
        found.append(word)
    while len(found) > 1 and (found[-1] in CODES or found[-1].isdigit()):
        found.pop()
    bare = GLUED.sub("", found[-1]) if found else ""
    return bare or "".join(found[-1:])
