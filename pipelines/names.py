"""Names that several stages share: assets and the space of the template."""

from __future__ import annotations

T1, GREY, WHITE = "icbm152_2009a_t1", "icbm152_2009a_gm", "icbm152_2009a_wm"
HEAD = "head_t1_2mm"
ATLAS = "neuromorphometrics"
SPACE = "MNI152NLin2009aSym"
