"""Significance marks of receptor maps."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

ALPHA = 0.05


@dataclass(frozen=True)
class Judged:
    """The columns that decide significance, and their description.

    Parameters
    ----------
    p, q : str
        Names of the columns of ``receptors.tsv``.
    by : str
        The null, in a phrase after "by".
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


_BOTH = Judged("p_conjunction", "q_conjunction", "both nulls (labels and spatial)")
_LABELS = Judged("p_permutation", "q_fdr", "label permutation")


def judged(receptors: pd.DataFrame) -> Judged:
    """Return the criterion of a table: both nulls where there is a spatial one.

    Parameters
    ----------
    receptors : DataFrame
        Columns of ``receptors.tsv``; tables of earlier versions lack ``q_conjunction``.

    Notes
    -----
    A map without a spatial p, in a table where others have one, is not significant.
    """
    both = _BOTH.q in receptors and bool(receptors[_BOTH.q].notna().any())
    return _BOTH if both else _LABELS
