"""The parts of a BIDS file name: entities, suffix, session."""

from __future__ import annotations

import re
from collections.abc import Sequence

OWN_SPACES = ("T1w", "orig", "individual")
NIFTI = (".nii", ".nii.gz")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def entities(path: str) -> dict[str, str]:
    """Return the key-value pairs of a BIDS file name, as ``{"sub": "01", "ses": "2"}``."""
    pairs = (word.partition("-") for word in stem(path).split("_"))
    return {key: value for key, dash, value in pairs if dash}


def stem(path: str) -> str:
    """Return a file's name without folders and extension."""
    return path.rsplit("/", 1)[-1].split(".", 1)[0]


def suffix_of(path: str) -> str:
    """Return the suffix of a file's name, such as ``T1w``."""
    return stem(path).rsplit("_", 1)[-1]


def session_of(path: str) -> str | None:
    """Return the session in a file's name or folders."""
    folders = [part[4:] for part in path.split("/")[:-1] if part.startswith("ses-")]
    return entities(path).get("ses", folders[0] if folders else None)


def split_words(value: str) -> list[str]:
    """Split a label at capitals and numbers, such as ``postGd`` into post and gd."""
    return [word.lower() for word in _CAMEL.findall(value)]


def images_of(paths: Sequence[str]) -> list[str]:
    """Keep NIfTI files; skip macOS resource forks with a leading dot."""
    return [p for p in sorted(paths) if p.endswith(NIFTI) and not p.split("/")[-1].startswith(".")]


def distinct_names(paths: Sequence[str]) -> str:
    """List file names, with folders where names are equal."""
    names = [path.rsplit("/", 1)[-1] for path in paths]
    return ", ".join(names if len(set(names)) == len(names) else paths)
