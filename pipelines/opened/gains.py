"""The gain correction of everybody's ratio in a finished study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rt1t2_dask.storage.parts import Lake, Part

STAGE, LOG = "gain", "gain_log"


def gains(
    lake: Lake, provenance: Mapping[str, Any], order: Sequence[str]
) -> dict[str, float] | None:
    """Return what each person's raw ratio is multiplied by; None where nothing is corrected.

    Parameters
    ----------
    lake : Lake
    provenance : mapping
    order : sequence of str
        Everybody in the provenance's order, which is that of the gains; those who were left out of
        the group come last and have none.
    """
    key = provenance.get("group_parts", {}).get("other", {}).get(STAGE)
    if key is None or provenance["config"]["calibration"]["kind"] != "eb_gain":
        return None
    logs = lake.read(Part(STAGE, key))[LOG].to_numpy()
    factors = np.exp(-np.asarray(logs, np.float64)).tolist()
    return dict(zip(order, factors, strict=False))
