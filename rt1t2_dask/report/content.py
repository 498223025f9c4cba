"""The content of a report: everything that one run passes to the page and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pandas as pd

from rt1t2_dask.images.volume import Volume
from rt1t2_dask.report.flow import FlowStep
from rt1t2_dask.report.numbers import decimal, thousands
from rt1t2_dask.report.sections.details import Details
from rt1t2_dask.report.sections.section import Section


class AssetLike(Protocol):
    """An atlas, template or map used by the run."""

    @property
    def name(self) -> str:
        """Name."""

    @property
    def licence(self) -> str:
        """Terms of use."""

    @property
    def citation(self) -> str:
        """Citation."""

    @property
    def sha256(self) -> str:
        """Checksum of the file."""


@dataclass(frozen=True)
class AssetUse:
    """A record that implements `AssetLike`."""

    name: str
    licence: str
    citation: str
    sha256: str = ""


@dataclass(frozen=True)
class Place:
    """A named point of the brain, in mm of the maps' space (RAS+)."""

    name: str
    mm: tuple[float, float, float]


@dataclass(frozen=True)
class Threshold:
    """Cluster thresholds of a t map.

    Parameters
    ----------
    p : float
        Height threshold, one-sided for each sign, uncorrected; in (0, 1).
    u : float
        The t value that belongs to `p`; positive.
    extent_mm3 : float
        Smallest cluster extent in tables.
    dof : float or None
        Degrees of freedom of t; None where they differ between voxels.
    """

    p: float
    u: float
    extent_mm3: float
    dof: float | None = None


# What a permutation test exchanges: group membership, the sign of residuals, or both.
EXCHANGES = {
    "order": "relabelings of people",
    "sign": "sign flips",
    "both": "relabelings with sign flips",
}


@dataclass(frozen=True)
class ContrastResult:
    """One group contrast.

    Parameters
    ----------
    name : str
        As in the cohort file, e.g. ``pspVsHc``.
    first, second : str
        Labels of the two groups compared (keys of `ReportContent.groups`); positive t means
        the first is higher. Empty for other designs.
    t_map : Volume
        t, shape (x, y, z), NaN outside the analysed voxels.
    clusters : DataFrame
        Columns of ``contrast-<name>_clusters.tsv``; NaN where a method was not run.
    threshold : Threshold
    permutation : mapping or None
        Contents of ``contrast-<name>_permutation.json``: n, seed, method, and one mapping from
        statistic to number for each of ``observed_maximum``, ``critical_05`` and ``p``; optionally
        ``unit``, e.g. ``z``.
    heading : str
        What is compared; default: both groups.
    higher, lower : str
        What a positive and a negative t mean; default: the first group is higher, lower.
    n : int
        Rows of the design.
    counts : mapping of str to int
        People of each group in the design; empty: all of `ReportContent.groups`.
    paired : bool
        Whether the rows of the design are pairs.
    statistic : {"t", "F"}
        What ``t_map`` holds.
    details : Details or None
        Search volume, design, peaks, effects and regions.
    maps : mapping of str to Volume
        Further maps by the end of their file's name: effect, d, r, eta2, and -log10 p as fwe
        (largest statistic) and tfce.
    """

    name: str
    first: str
    second: str
    t_map: Volume
    clusters: pd.DataFrame
    threshold: Threshold
    permutation: Mapping[str, Any] | None = None
    heading: str = ""
    higher: str = ""
    lower: str = ""
    n: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    paired: bool = False
    statistic: Literal["t", "F"] = "t"
    details: Details | None = None
    maps: Mapping[str, Volume] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What is compared, as a phrase."""
        return self.heading or f"{self.first} versus {self.second}"

    @property
    def exchanges(self) -> str:
        """Kind and number of relabelings; empty without permutations."""
        if not self.permutation:
            return ""
        what = EXCHANGES[str(self.permutation.get("exchange", "order"))]
        if self.permutation.get("residuals") == "jackknife":
            what += " of jackknife residuals"
        every = "all " if self.permutation.get("exact") else ""
        return f"{every}{thousands(self.permutation.get('n'))} {what}"

    @property
    def symbol(self) -> str:
        """Symbol of the height threshold."""
        return "|t|" if self.statistic == "t" else "F"

    @property
    def height(self) -> str:
        """The height threshold as a phrase."""
        return f"{self.symbol} > {decimal(self.threshold.u)}"

    @property
    def positive(self) -> str:
        """What a positive statistic means."""
        return self.higher or ("differs" if self.statistic == "F" else f"{self.first} higher")

    @property
    def negative(self) -> str:
        """What a negative statistic means."""
        return self.lower or f"{self.first} lower"


@dataclass(frozen=True)
class ReportContent:
    """One run, as the report shows it.

    Parameters
    ----------
    cohort : str
    settings : mapping
        The resolved configuration, nested.
    method : str
        Name of the method group, e.g. ``recommended``.
    groups : mapping of str to int
        People analysed, by group label, in the order to show; the labels of
        ``participants.group``, ``demographics.group`` and ``receptors.group``.
    reference : str or None
        Label of the control group.
    simulated : bool
        Whether any data were simulated: the page and all figures are then marked.
    seed : int or None
        Seed of the simulation.
    stages : sequence of str
        Stages of the run, in order; the methods text describes these only.
    participants : DataFrame
        participant_id, group, age (years), sex.
    demographics : DataFrame
        Columns of ``demographics.tsv``.
    age_pairs : DataFrame
        Columns of ``demographics_pairs.tsv``.
    contrasts : sequence of ContrastResult
        Empty where the cohort is too small; `notes` then says why.
    template : Volume or None
        T1 of the brain that the t maps are shown on; any grid in the same space.
    receptors : DataFrame or None
        Columns of ``receptors.tsv``.
    fisher_z : DataFrame or None
        group, participant_id, map, fisher_z: one row a patient and map.
    receptor_details : mapping of str to DataFrame
        Tables ``receptors_<name>.tsv`` of the run, by name: people, influence, power,
        dominance, regions, variogram.
    parcels : DataFrame or None
        Columns of ``parcels.tsv``.
    quality : DataFrame or None
        participant_id, then one number or flag a column.
    calibration_sensitivity : DataFrame or None
        Columns of ``calibration_sensitivity.tsv``.
    edge_sensitivity : DataFrame or None
        Columns of ``edge_sensitivity.tsv``.
    failures : DataFrame
        participant_id, stage, reason.
    excluded : DataFrame
        participant_id, reason: people excluded by the cohort file.
    lesion_count : Volume or None
        People with a lesion at each voxel.
    assets : sequence of AssetLike
    notes : sequence of str
        Notes on n/a columns, contrasts that could not be made, differing spaces.
    provenance : mapping
        Versions, seeds, keys, checksums; nested.
    quality_limits : mapping of str to (low, high)
        By name of a number in `quality`; None where there is no limit.
    coverage : Volume or None
        Fraction of people measured at each voxel, 0 to 1.
    mean_ratio : Volume or None
        Mean over those measured at each voxel.
    places : sequence of Place
        Points whose slices are shown for every contrast.
    sections : sequence of Section
        Sections of further analyses, in the order to show.
    changed : mapping of str to (value, default)
        Settings that are not the defaults.
    flow : sequence of FlowStep
        Stages and their inputs, sources first; no pipeline is drawn if empty.
    """

    cohort: str
    settings: Mapping[str, Any]
    method: str
    groups: Mapping[str, int]
    reference: str | None = None
    simulated: bool = False
    seed: int | None = None
    stages: Sequence[str] = ()
    participants: pd.DataFrame = field(default_factory=pd.DataFrame)
    demographics: pd.DataFrame = field(default_factory=pd.DataFrame)
    age_pairs: pd.DataFrame = field(default_factory=pd.DataFrame)
    contrasts: Sequence[ContrastResult] = ()
    template: Volume | None = None
    receptors: pd.DataFrame | None = None
    fisher_z: pd.DataFrame | None = None
    receptor_details: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    parcels: pd.DataFrame | None = None
    quality: pd.DataFrame | None = None
    calibration_sensitivity: pd.DataFrame | None = None
    edge_sensitivity: pd.DataFrame | None = None
    failures: pd.DataFrame = field(default_factory=pd.DataFrame)
    excluded: pd.DataFrame = field(default_factory=pd.DataFrame)
    lesion_count: Volume | None = None
    assets: Sequence[AssetLike] = ()
    notes: Sequence[str] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    quality_limits: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    coverage: Volume | None = None
    mean_ratio: Volume | None = None
    places: Sequence[Place] = ()
    sections: Sequence[Section] = ()
    changed: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    flow: Sequence[FlowStep] = ()

    def __post_init__(self) -> None:
        for result in self.contrasts:
            unknown = {result.first, result.second} - {"", *self.groups}
            if unknown:
                raise ValueError(
                    f"contrast {result.name} names unknown groups {', '.join(sorted(unknown))}; "
                    f"the groups are {', '.join(self.groups)}"
                )
