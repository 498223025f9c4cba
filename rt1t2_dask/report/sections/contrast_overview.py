"""All contrasts of a study in one table, where there are several."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rt1t2_dask.report.content import ContrastResult
from rt1t2_dask.report.numbers import coordinates
from rt1t2_dask.report.sections.table import Table, from_frame


def overview(contrasts: Sequence[ContrastResult]) -> Table | None:
    """Return one row a contrast: clusters, the largest of them, whole-brain p; None for one."""
    if len(contrasts) < 2:
        return None
    rows = pd.DataFrame([_row(result) for result in contrasts])
    note = "p FWE, brain: of the highest peak, by permutation. The sections below have the rest."
    return from_frame(rows, "All contrasts", [note])


def _row(result: ContrastResult) -> dict[str, object]:
    found = result.clusters
    signs = found["sign"].value_counts()
    largest = found.sort_values("volume_mm3", kind="stable").tail(1)
    row: dict[str, object] = {
        "contrast": result.title,
        "n": result.n or None,
        "clusters_lower": int(signs.get("negative", 0)) if result.statistic == "t" else None,
        "clusters_higher": int(signs.get("positive", 0)),
        "volume_mm3": None,
        "region": None,
        "peak": None,
        "statistic": None,
        "p_fwe_brain": (result.permutation or {}).get("p", {}).get("max_t"),
    }
    for _, cluster in largest.iterrows():
        place = coordinates(cluster[[f"peak_{axis}_mm" for axis in "xyz"]])
        row |= {
            "volume_mm3": cluster["volume_mm3"],
            "region": cluster["region"],
            "peak": place,
            "statistic": cluster["peak_t"],
        }
    return row
