"""Names shared by stages: assets and template spaces."""

from __future__ import annotations

import re
from dataclasses import dataclass

T1, GREY, WHITE = "icbm152_2009a_t1", "icbm152_2009a_gm", "icbm152_2009a_wm"
HEAD = "head_t1_2mm"
ATLAS = "neuromorphometrics"
SPACE = "MNI152NLin2009aSym"


@dataclass(frozen=True)
class TemplateAssets:
    """Assets of a template space.

    Parameters
    ----------
    t1, grey, white : str
        Assets: the T1w and the tissue probabilities.
    mask : str or None
        The brain mask; None where the T1w is of the brain alone.
    """

    t1: str
    grey: str
    white: str
    mask: str | None = None

    def names(self) -> tuple[str, ...]:
        """Return all names."""
        return tuple(name for name in (self.t1, self.grey, self.white, self.mask) if name)


TEMPLATES = {
    SPACE: TemplateAssets(T1, GREY, WHITE),
    "MNI152NLin2009cAsym": TemplateAssets(
        "mni152_2009c_t1", "mni152_2009c_gm", "mni152_2009c_wm", "mni152_2009c_mask"
    ),
}
ANCHOR = "anchor"
"""Prefix of design columns with log T1w/T2w of CSF."""
OF_GAIN = re.compile(rf"{ANCHOR}( of P\d+)?|protocol\[P\d+\]")
"""Pattern of design columns for protocol and gain."""
