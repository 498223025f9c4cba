"""The typed configuration, parsed from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from rt1t2_dask.config.cohort import ADJUSTED, Cohort
from rt1t2_dask.config.contrasts import Form
from rt1t2_dask.config.faults import fault_lines
from rt1t2_dask.config.model import Model, SourceSettings
from rt1t2_dask.config.morphometry import (
    MorphometrySource,
    Similarity,
    SimulatedMorphometrySource,
    Transcriptome,
)
from rt1t2_dask.config.places import Cluster, Storage, refuse_passwords
from rt1t2_dask.config.quality import Quality
from rt1t2_dask.config.rules import RULES
from rt1t2_dask.config.sites import Share, SitePlace, Sites, merged, with_site
from rt1t2_dask.config.sources import (
    BidsSource,
    DerivativesSource,
    DicomSource,
    MapsSource,
    SimulatedGroup,
    SimulatedSource,
    Source,
)
from rt1t2_dask.config.steps import (
    Absence,
    BrainMask,
    Calibration,
    CalibrationKind,
    Checks,
    Contrast,
    Deviation,
    Lesion,
    Normalise,
    Ordered,
    PartialVolume,
    PermutationStatistic,
    Permute,
    ReceptorAtlas,
    Receptors,
    RegionSets,
    Reliability,
    Report,
    Resample,
    Smooth,
    Template,
    Transmit,
)
from rt1t2_dask.config.surface import Surface
from rt1t2_dask.errors import UserError

__all__ = [
    "ADJUSTED",
    "BidsSource",
    "Calibration",
    "CalibrationKind",
    "Checks",
    "Cluster",
    "Cohort",
    "Config",
    "Contrast",
    "DerivativesSource",
    "DicomSource",
    "Lesion",
    "MapsSource",
    "Model",
    "MorphometrySource",
    "Normalise",
    "PermutationStatistic",
    "Permute",
    "ReceptorAtlas",
    "Receptors",
    "Report",
    "Resample",
    "Share",
    "Similarity",
    "SimulatedGroup",
    "SimulatedMorphometrySource",
    "SimulatedSource",
    "SitePlace",
    "Sites",
    "Smooth",
    "Source",
    "SourceSettings",
    "Storage",
    "Template",
    "Transcriptome",
    "add_source",
    "parse",
    "parse_storage",
]


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
    absence: Absence = Absence()
    partial_volume: PartialVolume = PartialVolume()
    transmit: Transmit = Transmit()
    ordered: Ordered = Ordered()
    deviation: Deviation = Deviation()
    reliability: Reliability = Reliability()
    receptors: Receptors
    regions: RegionSets = Field(default_factory=dict)
    report: Report
    calibration: Calibration
    normalise: Normalise
    brain: BrainMask
    lesion: Lesion
    quality: Quality
    site: Sites
    share: Share
    surface: Surface = Surface()
    similarity: Similarity
    transcriptome: Transcriptome
    storage: Storage
    cluster: Cluster
    method: Literal["recommended", "van_grinsven_2025", "martins_2021"]
    output_dir: Annotated[str, Field(min_length=1)]
    overwrite: bool
    allow_failures: bool
    dry_run: bool
    check: bool = False
    level: Literal["study", "participant", "dataset"] = "study"
    labels: tuple[str, ...] = ()
    stage: str | None = None
    part: Annotated[int, Field(ge=1)] | None = None
    files: tuple[str, ...] = ()

    _marked: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _fit_together(self) -> Config:
        for rule in RULES:
            rule(self)
        return self

    @model_validator(mode="after")
    def _choices_are_compared_in_one_place(self) -> Config:
        asked = [
            name
            for name in ("calibration_sensitivity", "edge_sensitivity")
            if getattr(self.report, name)
        ]
        combat = bool(self.cohort.site) and self.site.model == "combat"
        if asked and (combat or self.cohort.sites):
            raise ValueError(
                f"report.{asked[0]} repeats the contrasts on maps of one lake without ComBat; "
                f"set it to false, or study one site"
            )
        return self

    @property
    def regional(self) -> bool:
        """Whether the study is of regional tables, not of images."""
        return self.source.regional

    @property
    def covariates(self) -> tuple[str, ...]:
        """Covariates of the cohort, the site last where it is one."""
        own = self.cohort.covariates
        site = self.cohort.site if self.site.model == "covariate" else None
        return (*own, site) if site and site not in own else own

    def every_contrast(self) -> dict[str, Form]:
        """Return all contrasts with their covariates and, where there are sites, with the site."""
        found, site = self.cohort.every_contrast(), self.cohort.site
        if site is None:
            return found
        fixed = self.site.model != "none"
        welch = self.contrast.variance == "welch"
        return {name: with_site(form, site, fixed, welch) for name, form in found.items()}

    def at(self, site: str) -> Config:
        """Return the configuration of one site of ``cohort.sites``, on this study's grid.

        Raises
        ------
        UserError
            A setting that the site changes is wrong there.
        """
        tree = self.model_dump(mode="python")
        place = self.cohort.sites[site]
        tree["cohort"] = tree["cohort"] | {"sites": {}, "site_column": None}
        tree["site"] = tree["site"] | {"model": "none"}
        tree["template"]["voxel_mm"] = self.output_voxel_mm
        tree["site"]["model"] = "none"
        for name in ("source", "storage", "calibration", "cluster"):
            tree[name] = merged(tree[name], getattr(place, name))
        try:
            return parse(tree)
        except UserError as error:
            raise UserError(f"cohort.sites.{site}: {error}") from None

    @property
    def precomputed_transform(self) -> bool:
        """Whether the transform to the template is taken from derivatives."""
        return self.normalise.kind == "derivatives"

    @property
    def output_voxel_mm(self) -> float:
        """Voxel size of the output grid in mm for sources that are normalised here."""
        if self.template.voxel_mm is not None:
            return self.template.voxel_mm
        return self.source.grid_mm or 1.0

    @property
    def registration_voxel_mm(self) -> float:
        """Voxel size in mm at which the deformation field is estimated."""
        return self.normalise.voxel_mm or max(2.0, self.output_voxel_mm)

    @property
    def t1w_voxel_mm(self) -> float | None:
        """Voxel size in mm that scans are resampled to; None keeps the T1w's own grid."""
        if self.resample.voxel_mm != "auto":
            return self.resample.voxel_mm
        return self.source.worked_on_mm

    @property
    def space(self) -> str:
        """Name of the space of the output maps."""
        return self.source.space_of_maps(self.precomputed_transform) or self.template.space

    @property
    def simulated(self) -> bool:
        """Whether the data are simulated."""
        return self.source.simulated or self._marked

    def as_simulated(self) -> Config:
        """Return the same study, marked as simulated data from a dataset."""
        copy = self.model_copy()
        copy._marked = True
        return copy

    def science(self) -> dict[str, Any]:
        """Return the settings that affect results: all but paths and run-time choices."""
        places = {"storage", "cluster", "output_dir"}
        run = {
            *("overwrite", "allow_failures", "dry_run", "check", "stage", "part"),
            *("level", "labels"),
        }
        return self.model_dump(mode="json", exclude=places | run)


def add_source(settings: type[SourceSettings]) -> None:
    """Let ``source.kind`` choose another source, whose YAML lies in a searched folder.

    Parameters
    ----------
    settings : type of SourceSettings
        Its ``kind`` is a literal that no other source has; its ``reader`` finds people and files.
    """
    field = Config.model_fields["source"]
    field.annotation = field.annotation | settings  # type: ignore[assignment]
    Config.model_rebuild(force=True)


def parse(tree: Mapping[str, Any]) -> Config:
    """Validate a configuration tree.

    Raises
    ------
    UserError
        One line for each wrong value: the key, the value, what is expected.
    """
    if not tree.get("cohort"):
        raise UserError("the cohort file is empty; `init my_study source.root=DATASET` drafts one.")
    refuse_passwords(tree)
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise UserError(fault_lines(error, tree, Config)) from None


def parse_storage(tree: Any) -> Storage:
    """Validate the settings of the lake alone; raises as `parse`."""
    refuse_passwords(tree, "storage")
    try:
        return Storage.model_validate(tree)
    except ValidationError as error:
        raise UserError(fault_lines(error, tree, Config, "storage.")) from None
