"""What was planted in simulated people and genes, and what came back."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rt1t2_dask.morphometry.regions import LIMBIC
from rt1t2_dask.report.morphometry.content import (
    SIMILARITY,
    MorphometryContent,
    TestedMap,
)
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.table import from_frame
from rt1t2_dask.simulate.expression import N_GENES, N_PLANTED, PLANTED

ALPHA = 0.05
_WORDS = (
    f"Of {N_GENES:,} SIMULATED genes {N_PLANTED} follow the planted change (SIMUP) and "
    f"{N_PLANTED} run against it (SIMDOWN). Counted is how many are among the {N_PLANTED} highest "
    "and lowest Z of each map; q is that of the sets and of the cell class that hold them. What is "
    "found of null sets is a false positive, what is not found of planted ones a miss.",
)


def planted_regions(rows: pd.DataFrame) -> pd.DataFrame:
    """Count regions with and without the planted increase, over cohorts.

    Parameters
    ----------
    rows : DataFrame
        region, mean_t, q_stouffer.
    """
    planted = rows["region"].str.split("_").str[1].isin(LIMBIC)
    found = []
    for name, own in (("planted increase", rows[planted]), ("others", rows[~planted])):
        t, q = own["mean_t"], own["q_stouffer"] <= ALPHA
        counts = (len(own), int((t > 0).sum()), int((q & (t > 0)).sum()), int((q & (t < 0)).sum()))
        found.append((name, *counts, float(t.mean())))
    columns = ["kind", "number", "mean_t_above_0", "higher", "lower", "mean_t"]
    return pd.DataFrame(found, columns=columns)


def planted_genes(tested: Sequence[TestedMap]) -> pd.DataFrame:
    """Tell of every map what of the planted genes, sets and cell class was found."""
    return pd.DataFrame([_found(one) for one in tested])


def _found(tested: TestedMap) -> dict[str, object]:
    named, q = tested.genes["gene"], tested.sets.set_index("set")["q_fdr"]
    planted = q.index.str.contains(PLANTED)
    return {
        "map": tested.name,
        "explained": tested.summary["explained"][0],
        "p_spin": tested.summary["p_spin"][0],
        "up_found": int(named.head(N_PLANTED).str.startswith("SIMUP").sum()),
        "down_found": int(named.tail(N_PLANTED).str.startswith("SIMDOWN").sum()),
        **{_column(str(name)): value for name, value in q[planted].items()},
        "null_sets": int((~planted).sum()),
        "null_sets_found": int((q[~planted] <= ALPHA).sum()),
    }


def _column(name: str) -> str:
    plain = name.removeprefix("SIMULATED ").partition(",")[0].lower()
    return f"q_{plain.replace(' ', '_')}"


def every_table(content: MorphometryContent) -> dict[str, pd.DataFrame]:
    """Return every table of the folder ``group`` by its stem, with what was planted in genes."""
    return content.tables() | _planted(content)


def _planted(content: MorphometryContent) -> dict[str, pd.DataFrame]:
    found = {}
    if content.simulated_genes and SIMILARITY in content.across:
        found["planted_regions"] = planted_regions(content.across[SIMILARITY])
    if content.simulated_genes and content.tested:
        found["planted_genes"] = planted_genes(content.tested)
    return found


def planted_section(content: MorphometryContent) -> Section | None:
    """Return what was planted and found; None where genes are not simulated."""
    captions = {
        "planted_regions": "Regions, cohorts together; higher and lower: q <= .05 by Stouffer",
        "planted_genes": "Genes, sets and cell class; explained: variance, first component",
    }
    found = _planted(content)
    shown = tuple(from_frame(rows, captions[stem]) for stem, rows in found.items())
    return Section("planted", "Planted and found", (), _WORDS, shown) if found else None
