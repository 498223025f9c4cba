"""References: a small library, formatted as text or BibTeX."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

UNTITLED = "[Title not recorded here: take it from the DOI]"


@dataclass(frozen=True)
class Reference:
    """A paper in a journal."""

    key: str
    author: str
    year: int
    title: str
    journal: str
    volume: str
    pages: str
    doi: str = ""

    @property
    def short(self) -> str:
        """Author and year, for in-text citation."""
        names = self.author.split(", ")
        first = names[0].removesuffix(" and others")
        surname = first.rsplit(" ", 1)[0] if first == names[0] else first
        if len(names) == 2 and names[1] != "et al.":
            return f"{surname} and {names[1].rsplit(' ', 1)[0]} {self.year}"
        alone = len(names) == 1 and first == names[0]
        return f"{surname}{'' if alone else ' et al.'} {self.year}"

    @property
    def full(self) -> str:
        """Entry of a reference list."""
        title = f"{self.title}. " if self.title else ""
        author = self.author.removesuffix(".").replace(" and others", " et al")
        doi = f" doi:{self.doi}." if self.doi else ""
        return f"{author}. {title}{self.journal} {self.year};{self.volume}:{self.pages}.{doi}"

    @property
    def bibtex(self) -> str:
        """One ``@article`` entry."""
        people = [_surname_first(name) for name in self.author.split(", ") if name != "et al."]
        if "et al." in self.author:
            people.append("others")
        fields = {
            "author": " and ".join(people),
            "title": f"{{{self.title or UNTITLED}}}",
            "journal": self.journal,
            "year": str(self.year),
            "volume": self.volume,
            "pages": self.pages.replace("-", "--"),
            "doi": self.doi,
        }
        body = ",\n".join(f"  {key} = {{{value}}}" for key, value in fields.items() if value)
        return f"@article{{{self.key},\n{body}\n}}"


def _surname_first(name: str) -> str:
    if name.endswith(" and others"):
        return name
    surname, _, initials = name.rpartition(" ")
    return f"{surname}, {' '.join(f'{letter}.' for letter in initials)}"


@cache
def library() -> dict[str, Reference]:
    """Return all papers by key."""
    source = files("rt1t2_dask.report") / "templates" / "references.json"
    entries = json.loads(source.read_text(encoding="utf-8"))
    return {key: Reference(key=key, **entry) for key, entry in entries.items()}


class Citations:
    """The papers cited so far, in alphabetical order when listed.

    Parameters
    ----------
    pandoc : bool
        Cite as ``[@a2001; @b2002]``, for a text processor that reads the BibTeX file.
    """

    def __init__(self, pandoc: bool = False) -> None:
        self._keys: set[str] = set()
        self._pandoc = pandoc

    def __call__(self, *keys: str) -> str:
        """Return ``(A 2001; B 2002)`` and record the papers; unknown keys raise KeyError."""
        found = [library()[key] for key in keys]
        self._keys.update(keys)
        if self._pandoc:
            return f"[{'; '.join(f'@{key}' for key in keys)}]"
        return f"({'; '.join(reference.short for reference in found)})"

    def bare(self, key: str) -> str:
        """Return a citation without brackets."""
        return self(key)[1:-1]

    def listed(self) -> list[Reference]:
        """Return the cited papers, by key."""
        return [library()[key] for key in sorted(self._keys)]
