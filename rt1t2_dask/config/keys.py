"""Every setting by its dotted name, from the models: for hints, completion and reference."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

LIMITS = {
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "pattern": "matches",
    "min_length": "length >=",
}


@dataclass(frozen=True)
class Setting:
    """One setting.

    Parameters
    ----------
    key : str
        As on the command line; ``<name>`` for user-defined names.
    kind : str
        Accepted values, in words.
    choices : tuple of str
        Allowed values, if limited.
    of : str
        The kind of source it belongs to; else empty.
    """

    key: str
    kind: str
    choices: tuple[str, ...] = ()
    of: str = ""


@cache
def settings(root: type[BaseModel]) -> tuple[Setting, ...]:
    """Return every setting below a model, in the order of its fields."""
    return tuple(_walk(root, "", ""))


def _walk(model: type[BaseModel], prefix: str, of: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        if not field.repr:  # read from a file, not set
            continue
        key = f"{prefix}{name}"
        inner = list(_models(field.annotation))
        if not inner or name == "contrasts":
            kind = "contrasts" if name == "contrasts" else _words(field)
            yield Setting(key, kind, _choices(field.annotation), of)
        for each in inner if name != "contrasts" else ():
            named = f"{key}.<name>." if _origin(field.annotation) is dict else f"{key}."
            yield from _walk(each, named, _source(each) or of)


def _source(model: type[BaseModel]) -> str:
    kind = model.model_fields.get("kind")
    words = _choices(kind.annotation) if kind else ()
    return words[0] if len(words) == 1 else ""


def _origin(annotation: Any) -> Any:
    return get_origin(annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _choices(annotation: Any) -> tuple[str, ...]:
    if _origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    if annotation is bool:
        return ("true", "false")
    if _origin(annotation) in (Union, types.UnionType, Annotated, tuple):
        found = (word for part in get_args(annotation) for word in _choices(part))
        return tuple(dict.fromkeys(found))
    return ()


def _words(field: FieldInfo) -> str:
    """Describe the accepted values of a field, with limits."""
    text = _type(field.annotation)
    limits = [
        f"{sign} {value}"
        for item in _metadata(field.annotation, field.metadata)
        for name, sign in LIMITS.items()
        if (value := getattr(item, name, None)) is not None
    ]
    return f"{text} {' '.join(dict.fromkeys(limits))}".strip()


def _metadata(annotation: Any, own: list[Any]) -> list[Any]:
    found = list(own)
    if _origin(annotation) is Annotated:
        for item in get_args(annotation)[1:]:
            found += getattr(item, "metadata", None) or [item]
    for part in get_args(annotation) if _origin(annotation) is not Literal else ():
        found += _metadata(part, [])
    return found


PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def _type(annotation: Any) -> str:
    if annotation is type(None) or annotation is None:
        return "null"
    origin, parts = _origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(map(str, parts))
    if origin is Annotated:
        return _type(parts[0])
    if origin in (Union, types.UnionType):
        return " or ".join(_type(part) for part in parts)
    if origin is tuple:
        return f"list of {_type(parts[0])}"
    if origin is dict:
        return f"mapping to {_type(parts[1])}"
    return PLAIN.get(annotation, "text")


def suggestion(root: type[BaseModel], key: str, kind: str = "") -> str:
    """Suggest the known setting for a mistyped one, as a clause.

    Parameters
    ----------
    root : type of BaseModel
        The model of all settings.
    key : str
    kind : str
        The chosen source: settings of others are not suggested.
    """
    known = list(dict.fromkeys(s.key for s in settings(root) if not kind or s.of in ("", kind)))
    section, _, last = key.rpartition(".")
    siblings = {k.rpartition(".")[2]: k for k in known if k.rpartition(".")[0] == section}
    if key not in known and key in {setting.key for setting in settings(root)}:
        return f"{section}={kind} has {', '.join(name for name in siblings if name != 'kind')}."
    starting = [k for name, k in siblings.items() if name.startswith(last) or last in name]
    near = [siblings[name] for name in get_close_matches(last, siblings, 1, 0.6)]
    elsewhere = [] if siblings else get_close_matches(key, known, 1, 0.75)
    found = [*near, *starting, *elsewhere]
    if found:
        return f"did you mean {found[0]}?"
    where = f"{section} has" if section else "there are"
    return f"{where} {', '.join(siblings)}." if siblings else "check its spelling."


def nearest(word: str, known: Sequence[str]) -> str:
    """Suggest the nearest of some names as a clause; empty for none."""
    close = get_close_matches(word, known, 1, 0.7)
    return f"did you mean {close[0]}? Else " if close else ""
