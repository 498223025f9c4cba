"""Marks of contrast agent, parts and other spaces in names and sidecars."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rt1t2_dask.bids.agent_words import is_nothing, says_agent
from rt1t2_dask.bids.names import OWN_SPACES, entities, split_words

# In order: the name of the agent before its dose.
AGENT_FIELDS = (
    re.compile(r"contrast(bolus)?(agent|ingredient|medium|media|name)s?(sequence)?|ce(agent)?"),
    re.compile(r"contrastenhance(d|ment)|contrastgiven|contrastadministered"),
    re.compile(r"contrast(bolus|agent)?(volume|(total)?dose)"),
)
# Names of reconstructions, localizers and tools, matched as whole words.
OTHER_WORDS: dict[str, frozenset[str]] = {
    "T1w": frozenset(
        ("phase", "imag", "imaginary", "real", "mip", "minip", "sub", "subtraction", "scout",
         "localizer", "localiser", "localizers", "survey", "mask", "trace", "adc")
    )
}  # fmt: skip
OTHER_WORDS["T2w"] = OTHER_WORDS["T1w"] | {"flair", "dir", "stir", "pd", "pdw", "swi"}
STRIPPED = re.compile(r"brain|skull|strip|(^|[^a-z])(bet|ss|hdbet|synthstrip)([^a-z]|$)|mask")
WORDED = ("acq", "rec", "desc", "proc")
BESIDE = ("desc", "echo", "proc")
SPACES = frozenset(
    (*(space.lower() for space in OWN_SPACES), "t2w", "native", "scanner", "subject", "anat")
)

SaysAgent = Callable[[str], str]
"""A function of an image to its contrast agent by the sidecars; empty for none."""


def unlike(path: str, suffix: str) -> str:
    """Return the mark of an image that is not plain, such as ``part-phase``; empty for none.

    Parameters
    ----------
    path : str
    suffix : {"T1w", "T2w"}
        Suffix of the image.
    """
    own = entities(path)
    found = (_text(key.lower(), value, suffix) for key, value in own.items())
    return next((words for words in found if words), "")


def _text(key: str, value: str, suffix: str) -> str:
    text, name = value.lower(), f"{key}-{value}"
    if key == "ce":
        return "" if is_nothing(value) else f"contrast agent ({name})"
    if key == "inv" or (key == "part" and not text.startswith("mag")):
        return name
    if (key == "space" and text not in SPACES) or (key == "mod" and text not in _same(suffix)):
        return name
    return _worded(key, value, suffix) if key in WORDED else ""


def _same(suffix: str) -> tuple[str, str]:
    return suffix.lower(), suffix.lower().removesuffix("w")


def _worded(key: str, value: str, suffix: str) -> str:
    text, words = value.lower(), set(split_words(value))
    if says_agent(value):
        return f"contrast agent ({key}-{value})"
    stripped = key in ("desc", "proc") and STRIPPED.search(text)
    flair = suffix == "T2w" and "flair" in text
    return f"{key}-{value}" if stripped or flair or words & OTHER_WORDS[suffix] else ""


def beside(path: str) -> str:
    """Return the entities whose images are used only if there is none without them."""
    own = entities(path)
    return ", ".join(f"{key}-{own[key]}" for key in BESIDE if key in own)


def agent(document: Mapping[str, Any]) -> str:
    """Return a sidecar's statement of contrast agent, as ``Field=value``.

    Parameters
    ----------
    document : mapping
        The merged sidecars of an image.

    Returns
    -------
    str
        Empty for none or without a statement.
    """
    for pattern in AGENT_FIELDS:
        statements = [
            (name, text)
            for name, value in document.items()
            if pattern.fullmatch(re.sub(r"[^a-z]", "", name.lower()))
            for text in _texts(value)
        ]
        given = [f"{name}={text}" for name, text in statements if not is_nothing(text)]
        if statements:
            return given[0] if given else ""
    return ""


def _texts(value: Any) -> Iterable[str]:
    """List the texts of a field; nothing where it is empty."""
    if isinstance(value, Mapping):
        value = value.get("CodeMeaning", list(value.values()))
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    text = "" if value is None else str(value).strip()
    return [text] if text else []
