"""One habit of a hospital: what is done to a sound dataset, and what must be said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from habit_dataset import Dataset

SOUND, FAULTY = 0, 2


@dataclass(frozen=True)
class Case:
    """A case tried by ``check=true``.

    Parameters
    ----------
    name : str
        What is found there, in a few words.
    change : callable
        Spoils a sound dataset, or brings another habit to it.
    code : {0, 2}
        Exit code: taken as it is, or refused.
    says : tuple of str
        Each stands in what is printed.
    never : tuple of str
        None stands there.
    """

    name: str
    change: Callable[[Dataset], object]
    code: int
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
