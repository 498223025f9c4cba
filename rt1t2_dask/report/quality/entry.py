"""What the quality desk shows of one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rt1t2_dask.images.quality.judge import MEASURES, Limit

State = Literal["failed", "excluded", "flagged", "in limits"]
ORDER: tuple[State, ...] = ("failed", "flagged", "excluded", "in limits")


@dataclass(frozen=True)
class Shown:
    """A picture, or two of the same planes to switch between.

    Parameters
    ----------
    title : str
    names : tuple of str
        Of each picture.
    paths : tuple of str
        Relative to the output folder.
    """

    title: str
    names: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One person, or one session of a person.

    Parameters
    ----------
    label : str
    state : {"failed", "excluded", "flagged", "in limits"}
    group : str
    page : str
        Path of the person's page; empty for those who are left out before any image is read.
    reasons : tuple of str
        Why the person failed, is flagged or is left out.
    rated : tuple of str
        What raters said before, a phrase each.
    numbers : mapping of str to float
        Quality measures; those not known are left out.
    shown : tuple of Shown
    """

    label: str
    state: State
    group: str = ""
    page: str = ""
    reasons: tuple[str, ...] = ()
    rated: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    shown: tuple[Shown, ...] = ()


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Return who failed first, then who is flagged; the others in their order."""
    return sorted(entries, key=lambda one: ORDER.index(one.state))


def words_of(name: str) -> str:
    """Return what a measure is called, with its unit."""
    return MEASURES[name].words if name in MEASURES else name.replace("_", " ")


def is_beyond(value: float, limit: Limit) -> bool:
    """Whether a value lies beyond a limit."""
    low, high = limit
    return (low is not None and value < low) or (high is not None and value > high)
