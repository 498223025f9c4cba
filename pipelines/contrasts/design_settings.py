"""Convert designs to stage settings and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rt1t2_dask.stats.design import Design
from rt1t2_dask.storage.keys import plain


def as_settings(design: Design) -> dict[str, Any]:
    """Return a design as plain numbers, without labels of people."""
    settings = {
        "matrix": design.matrix,
        "names": list(design.names),
        "group": design.group.tolist(),
        "contrast": design.contrast,
        "blocks": None if design.blocks is None else design.blocks.tolist(),
        "flips": design.flips,
        "pairs": design.partner is not None,
    }
    return dict(plain(settings))


def from_settings(settings: Mapping[str, Any]) -> Design:
    """Read a design from settings; row k is row k of the maps."""
    blocks = settings["blocks"]
    return Design(
        matrix=np.asarray(settings["matrix"], np.float64),
        names=tuple(settings["names"]),
        group=np.asarray(settings["group"], np.str_),
        contrast=np.asarray(settings["contrast"], np.float64),
        rows=np.arange(len(settings["group"])),
        blocks=None if blocks is None else np.asarray(blocks, np.str_),
        flips=bool(settings["flips"]),
    )
