"""References: a small library, formatted as text or BibTeX."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rt1t2_dask import __version__

UNTITLED = "[Title not recorded here: take it from {where}]"
SOFTWARE = "rt1t2_dask"


@dataclass(frozen=True)
class Reference:
    """A paper in a journal, a preprint without volume, or software with its version."""

    key: str
    author: str
    year: int
    title: str
    journal: str
    volume: str = ""
    pages: str = ""
    doi: str = ""
    version: str = ""

    @property
    def short(self) -> str:
        """Author and year, or program and version, for in-text citation."""
        if self.version:
            return f"{self.title} {self.version}"
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
        title = f"{self.title}{self._of_version}. " if self.title else ""
        author = self.author.removesuffix(".").replace(" and others", " et al")
        doi = f" doi:{self.doi}." if self.doi else ""
        place = f";{self.volume}:{self.pages}" if self.volume else ""
        return f"{author}. {title}{self.journal} {self.year}{place}.{doi}"

    @property
    def bibtex(self) -> str:
        """One ``@article`` entry, or ``@misc`` of software."""
        people = [_surname_first(name) for name in self.author.split(", ") if name != "et al."]
        if "et al." in self.author:
            people.append("others")
        untitled = UNTITLED.format(where="the DOI" if self.doi else "its pages")
        of_program = {"howpublished": self.journal, "note": self._of_version.strip(", ")}
        fields = {
            "author": f"{{{self.author}}}" if self.version else " and ".join(people),
            "title": f"{{{self.title or untitled}}}",
            **(of_program if self.version else {"journal": self.journal}),
            "year": str(self.year),
            "volume": self.volume,
            "pages": self.pages.replace("-", "--"),
            "doi": self.doi,
        }
        written = {k: v if k == "doi" else v.replace("_", r"\_") for k, v in fields.items() if v}
        body = ",\n".join(f"  {key} = {{{value}}}" for key, value in written.items())
        return f"@{'misc' if self.version else 'article'}{{{self.key},\n{body}\n}}"

    @property
    def _of_version(self) -> str:
        return f", version {self.version}" if self.version else ""


def _surname_first(name: str) -> str:
    if name.endswith(" and others"):
        return name
    surname, _, initials = name.rpartition(" ")
    return f"{surname}, {' '.join(f'{letter}.' for letter in initials)}"


@cache
def library() -> dict[str, Reference]:
    """Return all papers, and this software, by key."""
    source = files("rt1t2_dask.report") / "templates" / "references.json"
    entries = json.loads(source.read_text(encoding="utf-8"))
    entries[SOFTWARE]["version"] = __version__
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
        self.by_key = pandoc

    def __call__(self, *keys: str) -> str:
        """Return ``(A 2001; B 2002)`` and record the papers; unknown keys raise KeyError."""
        found = [library()[key] for key in keys]
        self._keys.update(keys)
        if self.by_key:
            return f"[{'; '.join(f'@{key}' for key in keys)}]"
        return f"({'; '.join(reference.short for reference in found)})"

    def bare(self, key: str) -> str:
        """Return a citation without brackets."""
        return self(key)[1:-1]

    def written(self, text: str, *keys: str) -> str:
        """Return a text that names papers by author and year; by key where these are cited so."""
        self._keys.update(keys)
        for key in keys if self.by_key else ():
            short = library()[key].short
            name, _, year = short.rpartition(" ")
            text = text.replace(f"({short})", f"[@{key}]").replace(short, f"@{key}")
            text = text.replace(f"{name} ({year})", f"@{key}")
        return text

    def listed(self) -> list[Reference]:
        """Return the cited papers, by key."""
        return [library()[key] for key in sorted(self._keys)]
