"""Configuration errors, one line each, in terms of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from rt1t2_dask.config.keys import suggestion

PATTERNS = {
    "^[A-Za-z0-9]+$": "use letters and digits only",
    "^[A-Za-z]+$": "use letters only",
    "^[A-Za-z0-9_]+$": "use letters, digits and _ only",
    "^[A-Za-z0-9_-]+$": "use letters, digits, _ and - only",
    r"^\d+(:\d\d){1,2}$": "write hours, minutes and seconds, as 12:00:00",
    "^MNI[A-Za-z0-9]*$": "name an MNI space, as MNI152NLin6Asym",
}
FORMS = "write [first, second], or {test: ...}, or {formula: ...}"
TAGS = {
    "source": "choose source=simulated, bids, dicom, derivatives, maps or morphometry",
    "cohort": (
        "set test: two_sample, one_sample, paired, sessions, group_by_session, anova, ordered or "
        "regression, or a formula"
    ),
}


def fault_lines(error: ValidationError, tree: Any, root: type[BaseModel], prefix: str = "") -> str:
    """List every error: the key, the value, what is expected.

    Parameters
    ----------
    error : ValidationError
    tree : mapping
        What was validated.
    root : type of BaseModel
        The model of all settings, to suggest corrections.
    prefix : str
        Opens every key.
    """
    message: dict[str, list[str]] = {}
    for item in error.errors():
        key = prefix + _key(item["loc"], tree, item["type"] == "missing")
        message.setdefault(key, []).append(_fault(key, item, root))
    lines = []
    for key, faults in message.items():
        opening = next((f for f in faults if not f.startswith("\0")), None)
        if opening is not None:
            lines += [f for f in dict.fromkeys(faults) if not f.startswith("\0")]
        else:
            whats = " or ".join(dict.fromkeys(f[1:] for f in faults))
            lines.append(f"{key}={_value(error, tree, key, prefix)!r}: {whats}.")
    return "\n".join(lines)


def _value(error: ValidationError, tree: Any, key: str, prefix: str) -> Any:
    for item in error.errors():
        if prefix + _key(item["loc"], tree, False) == key:
            return item["input"]
    return None


def _key(steps: Sequence[Any], tree: Any, missing: bool) -> str:
    """Keep the steps in the tree; pydantic adds names of alternatives to them."""
    kept, here = [], tree
    for place, step in enumerate(steps):
        if _leads(here, step):
            here = here[step]
        elif not (missing and place == len(steps) - 1):
            continue
        kept.append(str(step))
    return ".".join(kept)


def _leads(here: Any, step: Any) -> bool:
    if isinstance(here, Mapping):
        return step in here
    return isinstance(here, list | tuple) and isinstance(step, int) and step < len(here)


def _fault(key: str, item: Any, root: type[BaseModel]) -> str:
    """Describe an error: a whole line, or after a NUL what is expected of the value."""
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        meant = suggestion(root, key, _source(item["loc"]))
        return f"{key}={item['input']!r}: there is no such setting; {meant}"
    if kind == "missing":
        return f"{key} is missing; set it."
    if kind == "value_error":
        text = str(context["error"])
        named = not key or "." in text.split("=")[0] or "'" in text
        return (text if named else f"{key}: {text}") + "."
    return "\0" + _expected(kind, key, item, context)


def _source(steps: Sequence[Any]) -> str:
    """Return the kind of source that pydantic read a setting as; empty for other settings."""
    return str(steps[1]) if steps[0] == "source" and len(steps) > 2 else ""


def _expected(kind: str, key: str, item: Any, context: Mapping[str, Any]) -> str:
    section = key.split(".", maxsplit=1)[0]
    if kind.startswith("union_tag"):
        return TAGS.get(section, str(item["msg"]))
    if kind in ("model_type", "model_attributes_type", "dict_type", "dict_attributes_type"):
        return FORMS if key.startswith("cohort.contrasts.") else "write it as {name: value, ...}"
    if kind == "tuple_type":
        return f"write a list, as [{item['input']}]"
    if kind == "string_too_short":
        return "it is empty; set a path or URL"
    if kind.startswith("bool_"):
        return "write true or false"
    if kind == "string_type":
        return "write it as text, in quotes"
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(context["pattern"], f"it must match {context['pattern']}")
    text = str(item["msg"]).removeprefix("Input ").removeprefix("Tuple ").removeprefix("List ")
    return text.replace("should ", "must ", 1).removesuffix(" after validation")
