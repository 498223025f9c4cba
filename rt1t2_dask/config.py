"""The typed configuration: the only door from YAML to the code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from rt1t2_dask.config_cohort import ADJUSTED, Cohort
from rt1t2_dask.config_contrasts import Form
from rt1t2_dask.config_faults import fault_lines
from rt1t2_dask.config_model import Model
from rt1t2_dask.config_morphometry import (
    MorphometrySource,
    Similarity,
    SimulatedMorphometrySource,
    Transcriptome,
)
from rt1t2_dask.config_places import Cluster, Storage
from rt1t2_dask.config_sites import Share, SitePlace, Sites, merged, with_site
from rt1t2_dask.config_sources import (
    BidsSource,
    DerivativesSource,
    DicomSource,
    MapsSource,
    SimulatedGroup,
    SimulatedSource,
    Source,
)
from rt1t2_dask.config_steps import (
    BrainMask,
    Calibration,
    CalibrationKind,
    Checks,
    Contrast,
    Lesion,
    Normalise,
    PermutationStatistic,
    Permute,
    ReceptorAtlas,
    Receptors,
    Report,
    Resample,
    Smooth,
    Template,
)
from rt1t2_dask.errors import UserError
from rt1t2_dask.quality_settings import Quality

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
    "Storage",
    "Template",
    "Transcriptome",
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
    receptors: Receptors
    report: Report
    calibration: Calibration
    normalise: Normalise
    brain: BrainMask
    lesion: Lesion
    quality: Quality
    site: Sites
    share: Share
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
    def _stage_and_part_go_together(self) -> Config:
        if (self.stage is None) != (self.part is None):
            raise ValueError(
                f"stage={self.stage} and part={self.part} go together: "
                "stage=ratio part=17 makes the 17th person's ratio map"
            )
        return self

    @model_validator(mode="after")
    def _labels_have_their_level(self) -> Config:
        if self.labels and self.level == "study":
            raise ValueError(
                f"labels={list(self.labels)} chooses whose maps are made and needs "
                "level=participant; cohort.exclude leaves people out of a study"
            )
        if self.regional and self.level != "study":
            raise ValueError(f"level={self.level} is for images, not for regional tables")
        if self.regional and self.stage is not None:
            raise ValueError(f"stage={self.stage} is for images; regional tables take seconds")
        return self

    @model_validator(mode="after")
    def _combat_has_sites(self) -> Config:
        if self.site.model == "combat" and self.cohort.site is None:
            raise ValueError(
                "site.model=combat needs to know the sites: name cohort.site_column or cohort.sites"
            )
        return self

    @model_validator(mode="after")
    def _share_knows_what(self) -> Config:
        if self.share.kind == "export" and self.share.site is None:
            raise ValueError(
                "share=export needs share.site=NAME: how this site is called in the analysis"
            )
        if (self.share.kind == "combine") != bool(self.files):
            raise ValueError(
                f"share={self.share.kind} files=[{', '.join(self.files)}]: share=combine goes "
                "with files=[first.zarr.zip,second.zarr.zip], and no other does"
            )
        if self.share.kind != "none" and self.regional:
            raise ValueError(f"share={self.share.kind} is for images, not for regional tables")
        return self

    @model_validator(mode="after")
    def _transform_has_a_source(self) -> Config:
        if self.given_transform and not isinstance(self.source, DerivativesSource):
            raise ValueError(
                f"normalise=derivatives needs source=derivatives, not {self.source.kind}"
            )
        return self

    @model_validator(mode="after")
    def _regional_tables_have_their_method(self) -> Config:
        if self.regional != (self.method == "martins_2021"):
            raise ValueError(
                f"method={self.method} does not fit source={self.source.kind}: regional tables "
                "(source=morphometry, simulated_morphometry) and method=martins_2021 go together"
            )
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
                f"report.{asked[0]} repeats the contrasts on maps of one place and does not go "
                "through ComBat; set it false, or study one site"
            )
        return self

    @property
    def regional(self) -> bool:
        """Whether the study is of regional tables, not of images."""
        return isinstance(self.source, MorphometrySource | SimulatedMorphometrySource)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Covariates of the cohort, the site last where it is one."""
        own = self.cohort.covariates
        site = self.cohort.site if self.site.model == "covariate" else None
        return (*own, site) if site and site not in own else own

    def every_contrast(self) -> dict[str, Form]:
        """Give all contrasts with their covariates and, where there are sites, with the site."""
        found, site = self.cohort.every_contrast(), self.cohort.site
        if site is None:
            return found
        fixed = self.site.model == "covariate"
        return {name: with_site(form, site, fixed) for name, form in found.items()}

    def at(self, site: str) -> Config:
        """Give the configuration of one site of ``cohort.sites``, on this study's grid.

        Raises
        ------
        UserError
            A setting that the site changes is wrong there.
        """
        tree = self.model_dump(mode="python")
        place = self.cohort.sites[site]
        tree["cohort"] = tree["cohort"] | {"sites": {}, "site_column": None}
        tree["template"]["voxel_mm"] = self.output_voxel_mm
        for name in ("source", "storage", "calibration", "cluster"):
            tree[name] = merged(tree[name], getattr(place, name))
        try:
            return parse(tree)
        except UserError as error:
            raise UserError(f"cohort.sites.{site}: {error}") from None

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
        ours = isinstance(self.source, SimulatedSource | SimulatedMorphometrySource)
        return ours or self._marked

    def as_simulated(self) -> Config:
        """Give the same study, known to be of simulated data that come as a dataset."""
        copy = self.model_copy()
        copy._marked = True
        return copy

    def science(self) -> dict[str, Any]:
        """Give the settings that decide the numbers: everything but places and run-time choices."""
        places = {"storage", "cluster", "output_dir"}
        leave_out = places | {"overwrite", "dry_run", "check", "stage", "part", "level", "labels"}
        return self.model_dump(mode="json", exclude=leave_out)


def parse(tree: Mapping[str, Any]) -> Config:
    """Check a configuration tree.

    Raises
    ------
    UserError
        One line for each wrong value: the key, the value, what is expected.
    """
    if not tree.get("cohort"):
        raise UserError("the cohort file is empty; `init my_study source.root=DATASET` drafts one.")
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise UserError(fault_lines(error, tree)) from None


def parse_storage(tree: Any) -> Storage:
    """Check the settings of the lake alone; raises as `parse`."""
    try:
        return Storage.model_validate(tree)
    except ValidationError as error:
        raise UserError(fault_lines(error, tree, "storage.")) from None
