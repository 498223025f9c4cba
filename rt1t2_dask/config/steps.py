"""The typed settings of each step from scans to the report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from rt1t2_dask.config.model import Model


class Checks(Model):
    """Checks of scans before processing."""

    most_voxel_mm: Annotated[float, Field(gt=0)]
    contrast: bool
    mirrored: bool
    pose: bool


class Template(Model):
    """The registration template, and the output grid in its space."""

    space: Literal["MNI152NLin2009aSym", "MNI152NLin2009cAsym"]
    voxel_mm: Annotated[float, Field(ge=0.5, le=8)] | None = None


class Resample(Model):
    """The grid of images in T1w space."""

    voxel_mm: Annotated[float, Field(ge=0.5, le=8)] | Literal["auto"] | None


class Smooth(Model):
    """Gaussian smoothing of the ratio map."""

    fwhm_mm: Annotated[float, Field(ge=0, le=40)]
    edge: Literal["normalised", "spm"]
    tissue: Literal["none", "weighted"] = "none"


class PartialVolume(Model):
    """Contrasts with each voxel's own share of tissue held."""

    covariate: Literal["none", "grey", "tissue"] = "none"
    permute: bool = False


class Contrast(Model):
    """The whole-brain group contrast."""

    p: Annotated[float, Field(gt=0, lt=0.5)]
    extent_mm3: Annotated[float, Field(ge=0)]
    mask: str | None
    variance: Literal["equal", "welch", "spm_unequal"]
    min_group_n: Annotated[int, Field(ge=2)]
    min_group_share: Annotated[float, Field(ge=0, le=1)]


PermutationStatistic = Literal["max_t", "cluster", "tfce"]


class Permute(Model):
    """Permutation inference on the contrast."""

    n: Annotated[int, Field(ge=0, le=1_000_000)]
    method: Literal["freedman_lane", "smith"]
    statistic: tuple[PermutationStatistic, ...]
    forming_p: Annotated[float, Field(gt=0, lt=0.5)]
    seed: Annotated[int, Field(ge=0)]
    tail: Literal["none", "gpd"]
    early_stop: Annotated[int, Field(ge=1)] | None


class RegionSet(Model):
    """Own regions: a label image with its table (columns index and name), or a mask alone."""

    image: Annotated[str, Field(min_length=1)]
    table: Annotated[str, Field(min_length=1)] | None = None


RegionSetName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")]
"""Part of file names."""
RegionSets = Annotated[
    dict[RegionSetName, RegionSet], BeforeValidator(lambda own: {} if own is None else own)
]
"""By name; null is none, since Hydra adds nothing to an empty mapping and replaces null."""


class ReceptorAtlas(RegionSet):
    """A label image and a table with columns index and name."""

    table: Annotated[str, Field(min_length=1)]


class Receptors(Model):
    """Correlation with neurotransmitter maps."""

    n_permutations: Annotated[int, Field(ge=0, le=1_000_000)]
    seed: Annotated[int, Field(ge=0)]
    maps: Literal["largest_sample", "all"] | tuple[str, ...]
    gm_prior: str | None
    space: Annotated[str, Field(pattern=r"^MNI[A-Za-z0-9]*$")] | None
    atlas: ReceptorAtlas | str | None
    missing: Literal["per_patient", "listwise"]
    relabelings: Literal["all", "fixed_number"] = "all"
    spatial: Literal["variogram", "moran", "none"]
    option: Literal["z", "effect_size", "mean", "each", "leave_one_out", "paired_difference"]
    correlation: Literal["spearman", "pearson", "regression"]
    adjust_gm: bool
    covariates: bool
    autocorrelation: bool = True


CalibrationKind = Literal[
    "eb_gain", "mrtool_style", "gm_median", "linear_external", "whitestripe", "nyul", "none"
]


class Slices(Model):
    """A point whose three planes every report shows, in mm."""

    name: Annotated[str, Field(min_length=1)]
    mm: tuple[float, float, float]


class Report(Model):
    """Contents of the report."""

    mosaics: Annotated[int, Field(ge=0, le=100_000)]
    figures: bool = True
    dpi: Annotated[int, Field(ge=72, le=1200)] = 300
    svg: bool = True
    calibration_sensitivity: bool | tuple[CalibrationKind, ...] = False
    edge_sensitivity: bool = False
    age_and_sex: bool = True
    threshold_sensitivity: bool = True
    slices: tuple[Slices, ...] = ()


class Absence(Model):
    """What counts as an effect that matters, where its absence is tested."""

    tests: bool = True
    maps: bool = False
    percent: Annotated[float, Field(gt=0, lt=100)] = 10.0
    g: Annotated[float, Field(gt=0, le=10)] = 0.8
    width: Annotated[float, Field(gt=0, le=10)] = 0.707


class Transmit(Model):
    """Correction of the ratio for each person's transmit field (B1+)."""

    slope: Literal["none", "fitted"] | Annotated[float, Field(ge=0, le=2)] = "none"
    image: str | None = None


class Reliability(Model):
    """What of the agreement of people's sessions is computed, where they have several."""

    maps: bool = True


class Ordered(Model):
    """What stands beside a trend over ordered groups."""

    neighbours: bool = True
    left_out: bool = True


class Deviation(Model):
    """Single patients compared with the controls."""

    patients: Literal["none", "all"] | tuple[str, ...] = "none"
    maps: bool = True
    pages: bool = True


def of_person(kind: str) -> str:
    """Return the calibration of one person's images, before the study's gains."""
    return "none" if kind == "eb_gain" else kind


class Calibration(Model):
    """Intensity calibration before the ratio."""

    kind: CalibrationKind
    reference: Literal["icbm", "controls"] = "icbm"

    @property
    def of_person(self) -> str:
        """Calibration of one person's images; the rest of `eb_gain` needs the study."""
        return of_person(self.kind)


class Lesion(Model):
    """Lesion handling in the registration to the template."""

    fill: Literal["mask", "median_wm", "enantiomorphic"]


class BrainMask(Model):
    """Brain extraction without a precomputed mask."""

    method: Literal["template", "deepbet"]


class Normalise(Model):
    """Registration to the template."""

    kind: Literal["lncc", "greedy", "ants_syn", "derivatives"]
    voxel_mm: Annotated[float, Field(ge=1, le=8)] | None
    timeout_s: Annotated[float, Field(gt=0)]
