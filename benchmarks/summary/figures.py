"""One form of output for every program: a line a figure with its bar, then all of it as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from summary.bars import BARS, Bar

NO_BAR: Bar = (None, None)
_LINE = re.compile(r"^(\S+) +(\S+)  (?:no bar|(at .+?)(?:: (?:kept|MISSED|not measured)))$")
_ENDS = {"lowest": "at least", "highest": "at most"}


@dataclass(frozen=True)
class Figure:
    """One number that a program found; None where it could not be measured here.

    Parameters
    ----------
    lowest, highest : float or None
        What it must keep, ends included.
    """

    name: str
    value: float | None
    lowest: float | None = None
    highest: float | None = None

    @property
    def verdict(self) -> str:
        """Return ``kept``, ``MISSED``, ``no bar`` or ``not measured``."""
        if self.value is None:
            return "not measured"
        if not self.bar:
            return "no bar"
        low = self.lowest is None or self.value >= self.lowest
        return "kept" if low and (self.highest is None or self.value <= self.highest) else "MISSED"

    @property
    def bar(self) -> str:
        """Return the bar in words."""
        ends = ((words, getattr(self, end)) for end, words in _ENDS.items())
        return ", ".join(f"{words} {end:g}" for words, end in ends if end is not None)

    def line(self) -> str:
        """Return the line that a program prints and `parsed` reads."""
        value = "null" if self.value is None else f"{self.value:.6g}"
        start = f"{self.name:34s} {value:>12s}"
        if not self.bar:
            return f"{start}  no bar"
        return f"{start}  {self.bar}: {self.verdict}"

    def row(self) -> dict[str, Any]:
        """Return the figure as a row of a table."""
        return asdict(self) | {"verdict": self.verdict}


def conclude(program: str, found: Mapping[str, Any], bars: Mapping[str, Bar] | None = None) -> None:
    """Print a line a number, and everything as one JSON object on the last line."""
    own = BARS.get(program, {}) if bars is None else bars
    for figure in figures(found, own):
        print(figure.line())
    print(json.dumps(dict(found)))


def figures(found: Mapping[str, Any], bars: Mapping[str, Bar]) -> Iterator[Figure]:
    """Return the numbers among what was found; those of a mapping as ``name.key``."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from figures({f"{name}.{k}": v for k, v in value.items()}, bars)
        elif value is None or _is_number(value):
            yield Figure(name, None if _unknown(value) else float(value), *bars.get(name, NO_BAR))


def parsed(program: str, output: str) -> list[Figure]:
    """Read the figures in what a program printed; one that prints JSON alone will do."""
    lines = output.splitlines()
    said = [match.groups() for match in map(_LINE.match, lines) if match]
    if said:
        return [Figure(name, _number(value), **_bar(bar or "")) for name, value, bar in said]
    try:
        last = json.loads(lines[-1])
    except (IndexError, json.JSONDecodeError):
        return []
    return list(figures(last, BARS.get(program, {}))) if isinstance(last, dict) else []


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unknown(value: float | None) -> bool:
    return value is None or math.isnan(value)


def _bar(words: str) -> dict[str, float]:
    found = {end: re.search(rf"{said} (\S+?)(?:,|$)", words) for end, said in _ENDS.items()}
    return {end: float(match[1]) for end, match in found.items() if match}


def _number(word: str) -> float | None:
    return None if word == "null" else float(word)
