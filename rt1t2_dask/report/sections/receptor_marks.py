"""Which q a receptor map is judged by, and the stars that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

ALPHA = 0.05


@dataclass(frozen=True)
class Judged:
    """The columns that decide, and what they are in words.

    Parameters
    ----------
    p, q : str
        Names of the columns of ``receptors.tsv``.
    by : str
        What was exchanged, to follow "by".
    """

    p: str
    q: str
    by: str

    def found(self, table: pd.DataFrame) -> pd.Series[bool]:
        """Return which rows have q < .05."""
        return table[self.q] < ALPHA

    def nominal(self, table: pd.DataFrame) -> pd.Series[bool]:
        """Return which rows have p < .05 uncorrected."""
        return table[self.p] < ALPHA

    def marks(self, table: pd.DataFrame) -> list[str]:
        """Return two stars for q < .05, one for p < .05 uncorrected, else nothing."""
        both = zip(self.found(table), self.nominal(table), strict=True)
        return ["**" if found else "*" if nominal else "" for found, nominal in both]


_BOTH = Judged("p_conjunction", "q_conjunction", "both nulls, labels and space")
_LABELS = Judged("p_permutation", "q_fdr", "label permutation")


def judged(receptors: pd.DataFrame) -> Judged:
    """Return what a whole table is judged by: both nulls where there was a spatial one.

    Parameters
    ----------
    receptors : DataFrame
        Columns of ``receptors.tsv``; tables of earlier versions lack ``q_conjunction``.

    Notes
    -----
    A map without a spatial p, in a table where others have one, is not called found.
    """
    both = _BOTH.q in receptors and bool(receptors[_BOTH.q].notna().any())
    return _BOTH if both else _LABELS
