"""The typed settings of regional tables, similarity networks and gene expression."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rt1t2_dask.config.model import Model, SourceSettings

LEAST_FEATURES = 3
SIMULATED_EXPRESSION = "simulated"
MAP_NAME = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]


class MorphometrySource(SourceSettings):
    """Regional tables that FreeSurfer's programs, or their users, wrote."""

    reader: ClassVar[str] = "rt1t2_dask.pipelines.people.tables:Tables"
    regional: ClassVar[bool] = True

    kind: Literal["morphometry"]
    root: str
    layout: Literal["aparcstats2table", "stats", "long"]
    tables: str | None = None
    parcellation: str = "aparc"
    more: dict[MAP_NAME, str] = Field(default_factory=dict)
    centroids: str | None = None


class SimulatedRegions(Model):
    """One simulated group of regional tables."""

    prefix: Annotated[str, Field(pattern=r"^[A-Za-z]+$")]
    n: Annotated[int, Field(ge=1, le=999)]
    age_mean: Annotated[float, Field(gt=0, lt=120)]
    age_sd: Annotated[float, Field(ge=0, lt=60)]
    n_male: Annotated[int, Field(ge=0)]
    effects: bool

    @model_validator(mode="after")
    def _males_fit(self) -> SimulatedRegions:
        if self.n_male > self.n:
            raise ValueError(f"n_male={self.n_male} is more than n={self.n}")
        return self


class SimulatedMorphometrySource(SourceSettings):
    """Simulated regional tables with a planted increase in insula and limbic cortex."""

    reader: ClassVar[str] = "rt1t2_dask.pipelines.people.tables:SimulatedTables"
    simulated: ClassVar[bool] = True
    regional: ClassVar[bool] = True

    kind: Literal["simulated_morphometry"]
    root: str
    seed: Annotated[int, Field(ge=0)]
    groups: dict[str, SimulatedRegions]


class Similarity(Model):
    """Morphometric similarity networks and their tests."""

    features: tuple[str, ...]
    also: tuple[str, ...]
    least_regions: Annotated[float, Field(gt=0, le=1)]
    outlier: Annotated[float, Field(gt=0)]
    outliers: Literal["report", "leave_out"]
    across: Literal["all"] | tuple[str, ...]
    maps: dict[MAP_NAME, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _enough_for_a_network(self) -> Similarity:
        if 0 < len(set(self.features)) < LEAST_FEATURES:
            raise ValueError(
                f"similarity.features={', '.join(self.features)}: one feature cannot make a "
                f"network; a profile needs at least {LEAST_FEATURES} features per region. Put "
                f"single features into similarity.also"
            )
        if not self.features and not self.also:
            raise ValueError("similarity.features and similarity.also are both empty; name some")
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """The tested measures: similarity if there are networks, then single features."""
        return (*(("similarity",) if self.features else ()), *self.also)


class Transcriptome(Model):
    """Regional maps and gene expression."""

    expression: str | None
    gene_sets: tuple[str, ...] | None
    n_spins: Annotated[int, Field(ge=0, le=100_000)]
    spins: Literal["vasa", "nearest"]
    n_bootstraps: Annotated[int, Field(ge=2, le=100_000)]
    components: Annotated[int, Field(ge=1, le=5)]
    rank_by: Literal["pls1", "spearman"]
    seed: Annotated[int, Field(ge=0)]

    @property
    def simulated(self) -> bool:
        """Whether genes are simulated."""
        return self.expression == SIMULATED_EXPRESSION
