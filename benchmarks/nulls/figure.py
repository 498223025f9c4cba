"""What one validity figure is: null studies, the rate they give, and the bars it must keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Bar = tuple[float | None, float | None]
#: A value of one study: 0 or 1, a share, or a list that is pooled.
Value = float | list[float]


@dataclass(frozen=True)
class Figure:
    """One kind of null study. SIMULATED DATA.

    Parameters
    ----------
    studies : int
        Null studies by default.
    one : callable
        Runs one study and returns its values by output key, or ``key:detail`` where a key has
        several; the worst detail counts. A list of values is pooled over studies.
    bars : dict of str to (float or None, float or None)
        Lowest and highest rate allowed for each output key.
    ratios : dict of str to (str, str)
        Further keys, each the rate of one key over that of another.
    """

    studies: int
    one: Callable[[np.random.Generator], dict[str, Value]]
    bars: dict[str, Bar]
    ratios: dict[str, tuple[str, str]] = field(default_factory=dict)
