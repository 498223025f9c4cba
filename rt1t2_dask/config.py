"""The typed configuration: the only door from YAML to the code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rt1t2_dask.config_contrasts import AnyForm, Form, Formula
from rt1t2_dask.errors import UserError
from rt1t2_dask.quality_settings import Quality

MIN_SIMULATED_VOXEL_MM = 1.0
ADJUSTED = "Adjusted"


class Model(BaseModel):
    """Strict about keys, so that a typing mistake never passes silently."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Cohort(Model):
    """Who is studied and which groups are contrasted."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    participants: str = "participants.tsv"
    group_column: str = "group"
    groups: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")], str]
    reference: str
    contrasts: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")], AnyForm] = {}
    covariates: tuple[str, ...] = ()
    adjusted: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @field_validator("groups", mode="before")
    @classmethod
    def _values_are_text(cls, groups: Any) -> Any:
        if isinstance(groups, Mapping):
            return {name: str(value) for name, value in groups.items()}
        return groups

    @model_validator(mode="after")
    def _names_exist(self) -> Cohort:
        known = ", ".join(self.groups)
        if self.reference not in self.groups:
            raise ValueError(f"cohort.reference={self.reference} is not one of the groups {known}")
        for name, form in self.contrasts.items():
            unknown = [group for group in form.members if group not in self.groups]
            if unknown:
                raise ValueError(
                    f"cohort.contrasts.{name} names {unknown[0]}, which is not one of "
                    f"the groups {known}"
                )
            if name.removesuffix(ADJUSTED) in self.contrasts and name.endswith(ADJUSTED):
                raise ValueError(
                    f"cohort.contrasts.{name}: the name is kept for the adjusted form of "
                    f"{name.removesuffix(ADJUSTED)}; choose another"
                )
        return self

    def every_contrast(self) -> dict[str, Form]:
        """Give all contrasts with their covariates; adjusted ones follow the unadjusted."""
        found: dict[str, Form] = {}
        for name, form in self.contrasts.items():
            own = self.covariates if form.covariates is None else form.covariates
            more = self.adjusted if form.adjusted is None else form.adjusted
            found[name] = form.with_covariates(own)
            if more and not isinstance(form, Formula):
                both = tuple(dict.fromkeys((*own, *more)))
                found[name + ADJUSTED] = form.with_covariates(both)
        return found

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the participants table that the contrasts read."""
        used = [c for form in self.every_contrast().values() for c in form.columns]
        return tuple(dict.fromkeys((*self.covariates, *used)))


class SimulatedGroup(Model):
    """One simulated group: how many people, how old, with or without the planted effect."""

    prefix: Annotated[str, Field(pattern=r"^[A-Za-z]+$")]
    n: Annotated[int, Field(ge=1, le=999)]
    age_mean: Annotated[float, Field(gt=0, lt=120)]
    age_sd: Annotated[float, Field(ge=0, lt=60)]
    n_male: Annotated[int, Field(ge=0)]
    effects: bool
    lesions: bool

    @model_validator(mode="after")
    def _males_fit(self) -> SimulatedGroup:
        if self.n_male > self.n:
            raise ValueError(f"n_male={self.n_male} is more than n={self.n}")
        return self


class SimulatedSource(Model):
    """Simulated heads with known truth."""

    kind: Literal["simulated"]
    root: str
    voxel_mm: Annotated[float, Field(ge=MIN_SIMULATED_VOXEL_MM, le=6)]
    seed: Annotated[int, Field(ge=0)]
    groups: dict[str, SimulatedGroup]


class BidsSource(Model):
    """T1w and T2w in a BIDS dataset."""

    kind: Literal["bids"]
    root: str
    session: str | None = None
    run: Annotated[int, Field(ge=0)] | Literal["first", "last"] | None = None
    t1w: str | None = None
    t2w: str | None = None
    lesion: str | None = None
    brain_mask: str | None = None

    @field_validator("session", mode="before")
    @classmethod
    def _session_is_text(cls, session: Any) -> Any:
        return None if session is None else str(session).removeprefix("ses-")


class DicomSource(Model):
    """T1w and T2w among the DICOM series of a folder for each person."""

    kind: Literal["dicom"]
    root: str
    folder: str
    t1w_series: str | None = None
    t2w_series: str | None = None
    lesion: str | None = None
    brain_mask: str | None = None

    @field_validator("t1w_series", "t2w_series", mode="before")
    @classmethod
    def _series_is_text(cls, series: Any) -> Any:
        return None if series is None else str(series)


class DerivativesSource(Model):
    """What sMRIPrep or fMRIPrep made of the scans."""

    kind: Literal["derivatives"]
    root: str
    raw: str | None = None
    session: str | None = None
    space: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
    bias_corrected: tuple[Literal["t1w", "t2w"], ...]
    lesion: str | None = None
    brain_mask: str | None = None

    @field_validator("session", mode="before")
    @classmethod
    def _session_is_text(cls, session: Any) -> Any:
        return None if session is None else str(session).removeprefix("ses-")


class MapsSource(Model):
    """Ready-made ratio maps on one grid."""

    kind: Literal["maps"]
    root: str
    space: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")] = "MNI152NLin2009aSym"
    zero_is_missing: bool = False


Source = Annotated[
    SimulatedSource | BidsSource | DicomSource | DerivativesSource | MapsSource,
    Field(discriminator="kind"),
]


class Checks(Model):
    """What is asked of scans before any work."""

    most_voxel_mm: Annotated[float, Field(gt=0)]
    contrast: bool
    mirrored: bool


class Template(Model):
    """The template people are registered to, and the output grid in its space."""

    space: Literal["MNI152NLin2009aSym", "MNI152NLin2009cAsym"]
    voxel_mm: Annotated[float, Field(ge=0.5, le=8)] | None = None


class Resample(Model):
    """The grid of everything in T1w space."""

    voxel_mm: Annotated[float, Field(ge=0.5, le=8)] | Literal["auto"] | None


class Smooth(Model):
    """Gaussian smoothing of the ratio map."""

    fwhm_mm: Annotated[float, Field(ge=0, le=40)]
    edge: Literal["normalised", "spm"]


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


class ReceptorAtlas(Model):
    """The user's own regions: a label image and a table with columns index and name."""

    image: Annotated[str, Field(min_length=1)]
    table: Annotated[str, Field(min_length=1)]


class Receptors(Model):
    """Correlation with neurotransmitter maps."""

    n_permutations: Annotated[int, Field(ge=0, le=1_000_000)]
    seed: Annotated[int, Field(ge=0)]
    maps: Literal["largest_sample", "all"] | tuple[str, ...]
    gm_prior: str | None
    space: Annotated[str, Field(pattern=r"^MNI[A-Za-z0-9]*$")] | None
    atlas: ReceptorAtlas | None
    missing: Literal["per_patient", "listwise"]
    spatial: Literal["variogram", "moran", "none"]
    option: Literal["z", "effect_size", "mean", "each", "leave_one_out", "paired_difference"]
    correlation: Literal["spearman", "pearson", "regression"]
    adjust_gm: bool
    covariates: bool


CalibrationKind = Literal[
    "mrtool_style", "gm_median", "linear_external", "whitestripe", "nyul", "none"
]


class Report(Model):
    """What the page shows."""

    mosaics: Annotated[int, Field(ge=0, le=1000)]
    calibration_sensitivity: bool | tuple[CalibrationKind, ...] = False


class Calibration(Model):
    """How intensities are brought to one scale before the ratio."""

    kind: CalibrationKind
    reference: Literal["icbm", "controls"] = "icbm"


class Lesion(Model):
    """What the registration to the template sees in place of a lesion."""

    fill: Literal["mask", "median_wm", "enantiomorphic"]


class Normalise(Model):
    """Registration to the template."""

    kind: Literal["greedy", "ants_syn", "derivatives"]
    voxel_mm: Annotated[float, Field(ge=1, le=8)] | None
    timeout_s: Annotated[float, Field(gt=0)]


class Storage(Model):
    """Where the lake lies; never any credentials."""

    url: Annotated[str, Field(min_length=1)]
    endpoint: str | None = None
    region: str | None = None
    anonymous: bool = False
    profile: str | None = None
    virtual_hosted: bool = False
    account: str | None = None
    retries: Annotated[int, Field(ge=0)] | None = None
    timeout_s: Annotated[float, Field(gt=0)] | None = None

    def options(self) -> dict[str, Any]:
        """Give the non-secret options of the store that were set."""
        return self.model_dump(exclude={"url"}, exclude_defaults=True)


class Cluster(Model):
    """Where the work runs."""

    kind: Literal[
        "auto", "synchronous", "threads", "local", "address", "slurm", "pbs", "kubernetes"
    ]
    workers: Annotated[int, Field(ge=1)] | None = None
    memory_gb: Annotated[float, Field(gt=0)] | None = None
    address: str | None = None
    queue: str | None = None
    account: str | None = None
    walltime: Annotated[str, Field(pattern=r"^\d+(:\d\d){1,2}$")] = "12:00:00"
    prologue: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()
    image: str | None = None
    adaptive: bool = False
    dashboard: bool = False
    performance_report: str | None = None


class Config(Model):
    """A whole study."""

    cohort: Cohort
    source: Source
    checks: Checks
    template: Template
    resample: Resample
    smooth: Smooth
    contrast: Contrast
    permute: Permute
    receptors: Receptors
    report: Report
    calibration: Calibration
    normalise: Normalise
    lesion: Lesion
    quality: Quality
    storage: Storage
    cluster: Cluster
    method: Literal["recommended", "van_grinsven_2025"]
    output_dir: str
    overwrite: bool
    allow_failures: bool
    dry_run: bool
    stage: str | None = None
    part: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _stage_and_part_go_together(self) -> Config:
        if (self.stage is None) != (self.part is None):
            raise ValueError(
                f"stage={self.stage} and part={self.part} go together: "
                "stage=ratio part=17 makes the 17th person's ratio map"
            )
        return self

    @model_validator(mode="after")
    def _transform_has_a_source(self) -> Config:
        if self.given_transform and not isinstance(self.source, DerivativesSource):
            raise ValueError(
                f"normalise=derivatives needs source=derivatives, not {self.source.kind}"
            )
        return self

    @property
    def given_transform(self) -> bool:
        """Whether the way to the template is taken from derivatives."""
        return self.normalise.kind == "derivatives"

    @property
    def output_voxel_mm(self) -> float:
        """Voxel size of the output grid in mm for sources that are normalised here."""
        if self.template.voxel_mm is not None:
            return self.template.voxel_mm
        return self.source.voxel_mm if isinstance(self.source, SimulatedSource) else 1.0

    @property
    def registration_voxel_mm(self) -> float:
        """Voxel size in mm at which the deformation field is estimated."""
        return self.normalise.voxel_mm or max(2.0, self.output_voxel_mm)

    @property
    def t1w_voxel_mm(self) -> float | None:
        """Voxel size in mm that scans are resampled to; None keeps the T1w's own grid."""
        if self.resample.voxel_mm != "auto":
            return self.resample.voxel_mm
        return 1.0 if self.source.kind in ("bids", "dicom") else None

    @property
    def space(self) -> str:
        """Name of the space of the output maps."""
        if isinstance(self.source, MapsSource):
            return self.source.space
        if isinstance(self.source, DerivativesSource) and self.given_transform:
            return self.source.space
        return self.template.space

    @property
    def simulated(self) -> bool:
        """Whether the data are simulated."""
        return isinstance(self.source, SimulatedSource)

    def science(self) -> dict[str, Any]:
        """Give the settings that decide the numbers: everything but places and run-time choices."""
        places = {"storage", "cluster", "output_dir"}
        leave_out = places | {"overwrite", "dry_run", "stage", "part"}
        return self.model_dump(mode="json", exclude=leave_out)


def parse(tree: Mapping[str, Any]) -> Config:
    """Check a configuration tree.

    Raises
    ------
    UserError
        One line for each wrong value: the key, the value, what is expected.
    """
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise UserError("\n".join(_line(item) for item in error.errors())) from None


def parse_storage(tree: Any) -> Storage:
    """Check the settings of the lake alone; raises as `parse`."""
    try:
        return Storage.model_validate(tree)
    except ValidationError as error:
        lines = (f"storage.{_line(item)}" for item in error.errors())
        raise UserError("\n".join(lines)) from None


def _line(item: Any) -> str:
    kinds = {"simulated", "bids", "dicom", "derivatives", "maps"}
    steps = [str(step) for step in item["loc"]]
    key = ".".join(s for i, s in enumerate(steps) if not (i == 1 and s in kinds))
    if item["type"] == "extra_forbidden":
        return f"{key}={item['input']!r}: there is no such setting; check its spelling."
    if item["type"] == "missing":
        return f"{key} is missing; set it."
    if item["type"] == "value_error":
        return str(item["ctx"]["error"]) + "."
    if item["type"] == "union_tag_not_found":
        return f"{key}.kind is missing; choose source=simulated, bids, dicom, derivatives or maps."
    return f"{key}={item['input']!r}: {item['msg'].lower()}."
