"""Format numbers for print: rounding, a true minus sign, n/a if missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

NOT_AVAILABLE = "n/a"
_MINUS = "\N{MINUS SIGN}"
_LANDMARKS = (0.05, 0.01)


def is_missing(value: Any) -> bool:
    """Return whether a cell is missing."""
    return bool(pd.isna(value)) or value == NOT_AVAILABLE


def decimal(value: Any, places: int = 2) -> str:
    """Return a number with fixed decimals and a true minus sign; never a negative zero."""
    if is_missing(value):
        return NOT_AVAILABLE
    text = f"{float(value):,.{places}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", _MINUS)


def thousands(value: Any) -> str:
    """Return a whole number with thousands separated by commas."""
    return decimal(value, 0)


def percent(value: Any) -> str:
    """Return a fraction in [0, 1] as a percentage."""
    if is_missing(value):
        return NOT_AVAILABLE
    return f"{decimal(100 * float(value), 0 if float(value) in (0, 1) else 1)} %"


def probability(value: Any) -> str:
    """Return a p or q value without its leading zero, in [0, 1].

    Three decimals; below .001 as ``< .001``. A fourth decimal is kept where three would round a
    value to .05 or .01.
    """
    if is_missing(value):
        return NOT_AVAILABLE
    number = float(value)
    if not 0 <= number <= 1:
        raise ValueError(f"a probability lies in [0, 1]; received {number:g}")
    if number < 0.001:
        return "< .001"
    if 0.9995 <= number < 1:
        return "> .999"
    places = next((n for n in range(3, 8) if not _crosses(number, n)), 8)
    return f"{number:.{places}f}".removeprefix("0")


def p_phrase(value: Any) -> str:
    """Return a p or q as in a sentence: ``= .012`` or ``< .001``."""
    words = probability(value)
    return words if words.startswith(("<", ">")) else f"= {words}"


def level(value: float) -> str:
    """Return a p threshold without its leading zero."""
    return f"{value:g}".removeprefix("0")


def _crosses(number: float, places: int) -> bool:
    rounded = round(number, places)
    return any((number < mark) != (rounded < mark) for mark in _LANDMARKS)


def coordinates(values: Iterable[Any]) -> str:
    """Return a position in mm as three whole numbers with blanks between."""
    return " ".join(decimal(value, 0) for value in values)


def plural(count: int, singular: str, plural_form: str = "") -> str:
    """Return a count with its noun: ``1 cluster``, ``4 clusters``."""
    noun = singular if count == 1 else plural_form or f"{singular}s"
    return f"{count:,} {noun}"
