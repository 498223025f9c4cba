"""The content of the report of a study of regional tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.report.content import AssetLike
from rt1t2_dask.report.figures.surface_figure import BrainSurface
from rt1t2_dask.report.sections.table import Table

Float = NDArray[np.float64]
SIMILARITY = "similarity"


@dataclass(frozen=True)
class RegionResult:
    """One contrast of one measure.

    Parameters
    ----------
    map_name : str
        Name of its t map, as in the tables of genes and correlations.
    name, measure : str
        Contrast of the cohort file; ``similarity`` or a feature.
    title, positive : str
        Title; meaning of a positive t.
    rows : DataFrame
        region, estimate, t, dof, p, n, q_fdr, p_fwe_max_t, an effect size with its interval; the
        last row is the mean of all regions.
    statistic : {"t", "F"}
    n : int
        Rows of the design.
    """

    map_name: str
    name: str
    measure: str
    title: str
    positive: str
    rows: pd.DataFrame
    statistic: str
    n: int

    @property
    def regions(self) -> pd.DataFrame:
        """The rows of regions, without the mean over all."""
        return self.rows.iloc[:-1]

    @property
    def t_map(self) -> dict[str, float]:
        """The statistic by region."""
        return dict(zip(self.regions["region"], self.regions["t"], strict=True))


@dataclass(frozen=True)
class TestedMap:
    """One map, or several as columns, against gene expression.

    Parameters
    ----------
    name : str
    summary : mapping
        maps, n_regions, n_genes, n_spins, explained, p_spin, p_spin_cumulative, n_bootstraps.
    regions : tuple of str
    values : ndarray, shape (region, map)
        z over regions.
    scores : ndarray, shape (region, component)
    null : ndarray, shape (spin, component)
        Variance explained.
    genes, sets : DataFrame
        As in ``transcriptome-<name>_genes.tsv`` and ``_sets.tsv``.
    """

    name: str
    summary: Mapping[str, Any]
    regions: tuple[str, ...]
    values: Float
    scores: Float
    null: Float
    genes: pd.DataFrame
    sets: pd.DataFrame


@dataclass(frozen=True)
class MorphometryContent:
    """One run. Tables are those of the output folder's ``group``."""

    cohort: str
    method: str
    simulated: bool
    simulated_genes: bool
    seed: int | None
    groups: Mapping[str, int]
    features: tuple[str, ...]
    regions: tuple[str, ...]
    participants: pd.DataFrame
    demographics: pd.DataFrame
    similarity: pd.DataFrame
    global_similarity: pd.DataFrame
    networks: Mapping[str, Float]
    missing: pd.DataFrame
    outliers: pd.DataFrame
    contrasts: Sequence[RegionResult]
    across: Mapping[str, pd.DataFrame]
    correlations: pd.DataFrame | None
    tested: Sequence[TestedMap]
    surface: BrainSurface
    assets: Sequence[AssetLike]
    failures: pd.DataFrame
    notes: Sequence[str]
    settings: Mapping[str, Any]
    changed: Mapping[str, tuple[Any, Any]]
    provenance: Mapping[str, Any]
    age_pairs: pd.DataFrame
    people: tuple[Table, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table of the folder ``group``, by its stem."""
        found = {
            "missing_regions": self.missing,
            "outliers": self.outliers,
            "demographics": self.demographics,
            "demographics_pairs": self.age_pairs,
        }
        if self.networks:
            found["regional_similarity"] = self.similarity
            found["global_similarity"] = self.global_similarity
        for group, matrix in self.networks.items():
            rows = pd.DataFrame(matrix, columns=list(self.regions))
            rows.insert(0, "region", list(self.regions))
            found[f"network-{group}_mean"] = rows
        for c in self.contrasts:
            found[f"contrast-{c.name}_measure-{c.measure}_regions"] = c.rows
        for measure, rows in self.across.items():
            found[f"cohorts_measure-{measure}_regions"] = rows
        if self.correlations is not None:
            found["map_correlations"] = self.correlations
        for tested in self.tested:
            found[f"transcriptome-{tested.name}_genes"] = tested.genes
            found[f"transcriptome-{tested.name}_sets"] = tested.sets
        return found

    @property
    def measure(self) -> str:
        """The first measure: similarity, or a feature without networks."""
        return self.contrasts[0].measure if self.contrasts else SIMILARITY

    def summaries(self) -> dict[str, dict[str, Any]]:
        """Return every JSON document of the folder ``group``, by its stem."""
        source: dict[str, Any] = {"expression": "SIMULATED"} if self.simulated_genes else {}
        return {f"transcriptome-{t.name}_pls": {**source, **t.summary} for t in self.tested}
