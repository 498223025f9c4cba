"""The settings of the stages of regional tables."""

from __future__ import annotations

from typing import Any

from rt1t2_dask.pipelines.contrasts.design_settings import DesignSettings
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.stats.glm.fit import Variance
from rt1t2_dask.stats.permutation.exchange import Method
from rt1t2_dask.transcriptome.spins import Method as SpinMethod


class FeatureSettings(StageSettings):
    """Whose features are read, from which layout, and what is done about outliers."""

    people: tuple[str, ...]
    features: tuple[str, ...]
    also: tuple[str, ...]
    layout: str
    outlier: float
    outliers: str


class NetworkSettings(StageSettings):
    """The features that regions are compared by, and the people of a block, as rows."""

    profile: tuple[str, ...]
    rows: tuple[int, ...]


class RegionContrastSettings(StageSettings):
    """A contrast of one measure: the design, whom its rows are of, and how it is permuted."""

    design: DesignSettings
    members: tuple[int, ...]
    partners: tuple[int, ...]
    rows: tuple[int, ...]
    measure: str
    variance: Variance
    min_group_n: int
    min_group_share: float
    n: int
    seed: int
    method: Method

    @property
    def rules(self) -> dict[str, Any]:
        """The least number of a group that a region is tested with."""
        return {"min_group_n": self.min_group_n, "min_group_share": self.min_group_share}


class CorrelationSettings(StageSettings):
    """The pairs of maps, the names of those that are parts in order, and the spins."""

    pairs: tuple[tuple[str, str], ...]
    maps: tuple[str, ...]
    least: int
    n: int
    seed: int
    method: SpinMethod
