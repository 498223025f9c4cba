"""Everybody's ratio by depth of the cortex, from their parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.surface.person_stages import SURFACE
from rt1t2_dask.pipelines.surface.sample import DEPTHS
from rt1t2_dask.pipelines.surface.template import by_side, cortex_mask, middles
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.surface.profile import depth_means

COLUMNS = ("participant_id", "group", "depth", "hemisphere", "mean_ratio", "vertices")


def depth_table(
    lake: Lake, plans: Iterable[PersonPlan], depths: Sequence[float], mesh: str = "fsaverage5"
) -> pd.DataFrame:
    """Return the table ``surface_depths``: a row a person, hemisphere (or both) and depth."""
    areas = np.concatenate([own.vertex_areas for own in middles(mesh)])
    parts = _parts(mesh)
    rows: list[tuple[object, ...]] = []
    for plan in plans if depths else ():
        values = lake.read(plan.part(SURFACE))[DEPTHS].to_numpy().astype(np.float64)
        who = (plan.person.label, plan.person.group)
        for name, inside in parts.items():
            means, known = depth_means(values * factor_of(plan), areas, inside)
            found = zip(depths, means.tolist(), known.tolist(), strict=True)
            rows += [(*who, depth, name, mean, n) for depth, mean, n in found]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _parts(mesh: str) -> dict[str, NDArray[np.bool_]]:
    """Return the cortex of each hemisphere, and of both, on the vertices of both."""
    cortex = cortex_mask(mesh)
    index = np.arange(len(cortex))
    halves = {side: cortex & np.isin(index, own) for side, own in by_side(index).items()}
    return halves | {"both": cortex}
