"""Check and normalise command-line words before Hydra parses them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from rt1t2_dask.config.keys import nearest, settings, suggestion
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError

WORD = re.compile(r"(?P<sign>\+\+|\+|~)?(?P<key>[^=\s]*)(?P<rest>=.*)?", re.DOTALL)
UNREADABLE = re.compile(r"[^\w ./:\\*?|&@%+-]|[^\x00-\x7f]")
TEXT = re.compile(r"text(?P<several> or list of text)?( or null)?( length >= \d+)?")
ESCAPED = re.compile(r"\\([()\[\]{}:=, \t])")
CALL = re.compile(r"(choice|range|interval|glob|shuffle|sort|tag)\(.*\)")
PAIRS = {"(": ")", "[": "]", "{": "}"}
OPENING, CLOSING = "hydra.searchpath=['file://", "']"
GROUPS = (
    *("calibration", "cluster", "cohort", "method", "normalise", "share", "source", "storage"),
    "surface",
)


def prepared(words: Sequence[str], cohorts: Sequence[str], sweep: bool) -> list[str]:
    """Check the form and key of every word, and return them in Hydra's grammar.

    Dotted settings are set whether or not the YAML names them (``++``): the models know them all.
    ``cohort=NAME`` is taken as ``+cohort=NAME``.

    Parameters
    ----------
    words : sequence of str
    cohorts : sequence of str
        Known cohorts.
    sweep : bool
        Whether commas separate the values of a sweep.

    Raises
    ------
    UserError
        For the first invalid word.
    """
    return [_prepared(word, cohorts, sweep) for word in words]


def _prepared(word: str, cohorts: Sequence[str], sweep: bool) -> str:
    found = WORD.fullmatch(word)
    key = found["key"] if found else ""
    if found is None or not key or (found["rest"] is None and found["sign"] != "~"):
        raise UserError(_no_setting(word, cohorts))
    if key.startswith(("hydra.", "hydra/")):
        return word
    _check_key(key)
    if found["rest"] is None and key == "cohort":
        raise UserError(f"~cohort removes the study; choose from {', '.join(cohorts)}.")
    if found["rest"] is None:
        return word
    value = found["rest"][1:]
    group, _, last = key.partition(".")
    if last == "kind" and group in GROUPS:
        raise UserError(f"{key}={value}: choose it with its other settings, {group}={value}.")
    literal = not sweep and _plain_text(key, value)
    if not literal:
        _check_value(key, value, sweep)
    if key == "cohort" and not value:
        raise UserError(f"+cohort= is empty; choose from {', '.join(cohorts)}.")
    value = _quoted(value) if literal else _shielded(value)
    if "." in key:
        return f"++{key}={value}"
    sign = "+" if key == "cohort" and not found["sign"] else found["sign"] or ""
    return f"{sign}{key}={value}"


def searching(folder: Path) -> str:
    """Return the override that adds a folder to Hydra's search path."""
    return OPENING + re.sub(r"(\\*)'", r"\1\1\\'", str(folder)) + CLOSING


def searched(override: str) -> Path | None:
    """Return the folder of a `searching` override; None for any other."""
    if not override.startswith(OPENING):
        return None
    inside = override.removeprefix(OPENING).removesuffix(CLOSING)
    return Path(re.sub(r"(\\*)\\'", lambda found: found[1][: len(found[1]) // 2] + "'", inside))


def _plain_text(key: str, value: str) -> bool:
    """Return whether a value is plain text: a path or a name that Hydra must not parse."""
    own = re.sub(r"^cohort\.sites\.[^.]+\.", "", key)
    # A key may be of several sources, each with a kind of its own.
    kinds = [(setting.key, setting.kind) for setting in settings(Config)]
    texts = [found for key, kind in kinds if key == own and (found := TEXT.fullmatch(kind))]
    above = own.rpartition(".")[0]
    mapped = any(key == above and kind.startswith("mapping to text") for key, kind in kinds)
    listed = value.startswith("[") and any(found["several"] for found in texts)
    left = value.lower() == "null" or value[:1] in ("", "'", '"') or "${" in value or listed
    return bool(texts or mapped) and not left


def _quoted(text: str) -> str:
    """Quote a text for Hydra; its own escapes are undone first."""
    bare = ESCAPED.sub(r"\1", text)
    inside = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + found[2].replace("'", "\\'"), bare)
    return f"'{inside}'"


def _shielded(value: str) -> str:
    """Quote a text that Hydra's grammar cannot parse: ``~/data``, ``{label}``."""
    if value[:1] in ("'", '"', "[", "{") or not UNREADABLE.search(value) or "," in value:
        return value
    return value if "${" in value or CALL.fullmatch(value) else f"'{value}'"


def _no_setting(word: str, cohorts: Sequence[str]) -> str:
    if word in cohorts:
        return f"{word}: did you mean +cohort={word}?"
    if " " in word.split("=")[0] or re.search(r"\s=|=\s", word):
        return f"{word}: write key=value without spaces."
    return f"{word}: write a setting as key=value, such as smooth.fwhm_mm=8; {_near(word)}"


def _near(word: str) -> str:
    known = [setting.key for setting in settings(Config)]
    if word in known:
        return f"{word} needs a value."
    close = get_close_matches(word, known, 1)
    return f"did you mean {close[0]}=...?" if close else "python -m rt1t2_dask alone shows help."


def _check_key(key: str) -> None:
    known = [setting.key for setting in settings(Config)]
    tops = {name.split(".")[0] for name in known}
    top = key.split(".")[0].split("@")[0].split("/")[0]
    if top in tops or top in GROUPS:
        return
    end = [name for name in known if name.rpartition(".")[2] == key]
    hint = f"did you mean {end[0]}?" if end else suggestion(Config, key)
    raise UserError(f"{key}: there is no such setting; {hint}")


def _check_value(key: str, value: str, sweep: bool) -> None:
    bare = re.sub(r"\\.|'[^']*'|\"[^\"]*\"", "", value)
    if any(mark in bare for mark in "'\""):
        raise UserError(f"{key}={value}: a quote is not closed.")
    if any(bare.count(first) != bare.count(last) for first, last in PAIRS.items()):
        raise UserError(f"{key}={value}: a bracket is not closed.")
    if "=" in bare:
        raise UserError(f"{key}={value}: put a value with = in quotes within quotes.")
    outside = re.sub(r"\[.*\]|\{.*\}|\(.*\)", "", bare)
    if "," in outside and (not sweep or outside.endswith(",")):
        raise UserError(
            f"{key}={value}: a comma separates several values. Write a list as [a,b], a decimal "
            f"with a point, or sweep over them with -m."
        )


def explained(text: str) -> str:
    """Rephrase Hydra's message in terms of the command line."""
    missing = re.match(r"In '[^']*': Could not find '([^/']+)/([^']*)'(.*)", text, re.DOTALL)
    if missing:
        group, name, rest = missing.groups()
        choices = re.sub(r"\s*Available options in '[^']*':?\s*", "", rest).strip(" .\n")
        known = [word.strip() for word in re.split(r"[,\s]+", choices) if word.strip()]
        own = ", or add your own folder with --config-dir" if group == "cohort" else ""
        return (
            f"{group}={name}: no such choice; {nearest(name, known)}choose from "
            f"{', '.join(known)}{own}."
        )
    several = re.match(r"Multiple values for (\w+)", text)
    if several:
        return f"{several[1]} is set twice; keep one."
    return text


def in_composing(text: str) -> str:
    """Describe why a YAML file cannot be composed, from the cause of Hydra's error."""
    problem, *more = text.splitlines() or ["the settings cannot be composed"]
    places = [line.split(":", 1)[1].strip() for line in more if "full_key" in line]
    where = f"{places[0]}: " if places and places[0] else ""
    return f"{where}{problem}; quote names that YAML does not read as text (null, ~, 1.5)."


def yaml_fault(problem: str, file: str, line: int) -> str:
    """Describe where a YAML file cannot be parsed, and the usual reason."""
    usual = {
        "\\t": "YAML needs spaces, not tabs",
        "mapping values": "a line above lacks a colon, or a text with a colon needs quotes",
        "duplicate key": "keep one of the two",
        "expected": "a bracket or quote is not closed, or a line is indented wrongly",
    }
    why = next((hint for sign, hint in usual.items() if sign in problem), "check that line")
    return f"{file}, line {line}: {problem}; {why}."
