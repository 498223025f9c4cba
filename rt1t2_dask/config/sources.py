"""The typed settings of image sources."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from rt1t2_dask.config.model import Model, SourceSettings
from rt1t2_dask.config.morphometry import MorphometrySource, SimulatedMorphometrySource

MIN_SIMULATED_VOXEL_MM = 1.0
ADULT_SPACES = ("MNI152", "MNI305")
PEOPLE = "rt1t2_dask.pipelines.people"


def bare_session(value: Any) -> str:
    """Return the label of a session without ``ses-``."""
    return str(value).removeprefix("ses-")


def _sessions(value: Any) -> Any:
    """Read one session as text, or a list of two or more as a tuple."""
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        return bare_session(value)
    named = tuple(bare_session(each) for each in value)
    listed = f"source.session=[{', '.join(named)}]"
    if wrong := [each for each in named if not each.isalnum() or each in ("first", "last")]:
        raise ValueError(
            f"{listed}: {wrong[0]} is not the label of a session; list labels such as [1, 2]"
        )
    if len(set(named)) < max(len(named), 2):
        raise ValueError(f"{listed}: list two different sessions or more, or name one")
    return named


def _several(value: Any) -> Any:
    """Read a list of two sessions or more, where a source has no single one to choose."""
    if value is not None and (not isinstance(value, list | tuple) or len(set(value)) < 2):
        raise ValueError("list two different sessions or more, such as [1, 2], or leave it out")
    return _sessions(value)


SEVERAL = BeforeValidator(_several)
Session = Annotated[str | tuple[str, ...] | None, BeforeValidator(_sessions)]


class SimulatedGroup(Model):
    """One simulated group: size, age, and planted effects."""

    prefix: Annotated[str, Field(pattern=r"^[A-Za-z]+$")]
    n: Annotated[int, Field(ge=1, le=999)]
    age_mean: Annotated[float, Field(gt=0, lt=120)]
    age_sd: Annotated[float, Field(ge=0, lt=60)]
    n_male: Annotated[int, Field(ge=0)]
    effects: bool
    lesions: bool
    atrophy_mm: Annotated[float, Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _males_fit(self) -> SimulatedGroup:
        if self.n_male > self.n:
            raise ValueError(f"n_male={self.n_male} is more than n={self.n}")
        return self


class SimulatedScanner(Model):
    """What is particular to one site's scanner."""

    gain_t1w: Annotated[float, Field(gt=0, le=10)] = 1.0
    gain_t2w: Annotated[float, Field(gt=0, le=10)] = 1.0
    gamma_t1w: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    gamma_t2w: Annotated[float, Field(ge=0.5, le=2)] = 1.0
    blur_mm: Annotated[float, Field(ge=0, le=6)] = 0.0
    noise: Annotated[float, Field(ge=0, le=0.2)] = 0.033
    gain_sd: Annotated[float, Field(ge=0, le=1)] = 0.02
    bias_sd: Annotated[float, Field(ge=0, le=0.5)] = 0.08


class SimulatedSource(SourceSettings):
    """Simulated heads with known truth."""

    simulated: ClassVar[bool] = True
    reader: ClassVar[str] = f"{PEOPLE}.simulated:Simulated"

    kind: Literal["simulated"]
    root: str
    voxel_mm: Annotated[float, Field(ge=MIN_SIMULATED_VOXEL_MM, le=6)]
    slice_mm: Annotated[float, Field(ge=MIN_SIMULATED_VOXEL_MM, le=6)] | None = None
    session: Annotated[tuple[str, ...] | None, SEVERAL] = None
    seed: Annotated[int, Field(ge=0)]
    groups: dict[str, SimulatedGroup]
    scanner: SimulatedScanner = SimulatedScanner()

    @model_validator(mode="after")
    def _slices_are_thick(self) -> SimulatedSource:
        if self.slice_mm is not None and self.slice_mm < self.voxel_mm:
            raise ValueError(
                f"slice_mm={self.slice_mm:g} is thinner than voxel_mm={self.voxel_mm:g}: "
                "set slice_mm=null or thicker slices"
            )
        return self

    @property
    def grid_mm(self) -> float:
        """Voxel size that is simulated, in mm."""
        return self.voxel_mm


PLACES = ("{label}", "{id}")
OF_SESSION = "{session}"


def _of_each(pattern: str, info: ValidationInfo) -> str:
    """Refuse a pattern that is the same for all people, or has unknown placeholders."""
    known = (*PLACES, OF_SESSION)
    unknown = [w for w in re.findall(r"\{\w*\}", pattern) if w not in known]
    if unknown:
        raise ValueError(f"source.{info.field_name}={pattern} has {unknown[0]}, {KNOWN_PLACES}")
    if not any(place in pattern for place in PLACES):
        raise ValueError(
            f"source.{info.field_name}={pattern} is the same for all people; {KNOWN_PLACES}"
        )
    return pattern


KNOWN_PLACES = "use {label} (sub-01) or {id} (01) for the person"
EachPath = Annotated[str, AfterValidator(_of_each)]


class BidsSource(SourceSettings):
    """T1w and T2w in a BIDS dataset."""

    reader: ClassVar[str] = f"{PEOPLE}.bids:Bids"
    worked_on_mm: ClassVar[float | None] = 1.0

    kind: Literal["bids"]
    root: str
    session: Session = None
    run: Annotated[int, Field(ge=0)] | Literal["first", "last"] | None = None
    t1w: str | None = None
    t2w: str | None = None
    lesion: EachPath | None = None
    brain_mask: EachPath | None = None


class DicomSource(SourceSettings):
    """T1w and T2w among the DICOM series of a folder for each person."""

    reader: ClassVar[str] = f"{PEOPLE}.dicom:Dicom"
    worked_on_mm: ClassVar[float | None] = 1.0

    kind: Literal["dicom"]
    root: str
    folder: EachPath
    t1w_series: str | None = None
    t2w_series: str | None = None
    t1w_echo_ms: Annotated[float, Field(gt=0)] | None = None
    t2w_echo_ms: Annotated[float, Field(gt=0)] | None = None
    repeat: Literal["first", "last"] | None = None
    lesion: EachPath | None = None
    brain_mask: EachPath | None = None

    @field_validator("t1w_series", "t2w_series", mode="before")
    @classmethod
    def _series_is_text(cls, series: Any) -> Any:
        return None if series is None else str(series)


class DerivativesSource(SourceSettings):
    """What sMRIPrep or fMRIPrep made of the scans."""

    reader: ClassVar[str] = f"{PEOPLE}.bids:Derivatives"

    kind: Literal["derivatives"]
    root: str
    raw: str | None = None
    session: Session = None
    space: Annotated[str, Field(pattern=r"^[A-Za-z0-9+]+$")]
    bias_corrected: tuple[Literal["t1w", "t2w"], ...]
    lesion: EachPath | None = None
    brain_mask: EachPath | None = None

    @property
    def corrected(self) -> tuple[str, ...]:
        """The images whose bias field was taken out."""
        return self.bias_corrected

    def space_of_maps(self, transform_is_given: bool) -> str | None:
        """Return the space that the transform leads to, where it is taken from there."""
        return self.space if transform_is_given else None

    @field_validator("space")
    @classmethod
    def _space_is_of_adults(cls, space: str) -> str:
        if not space.startswith(ADULT_SPACES):
            raise ValueError(
                f"space={space} is not an adult MNI space, as the atlas and receptor maps are: "
                f"set one that begins with MNI152 or MNI305, or leave it out and register here "
                f"with normalise=lncc"
            )
        return space


class MapsSource(SourceSettings):
    """Ready-made ratio maps on one grid."""

    reader: ClassVar[str] = f"{PEOPLE}.maps:Maps"
    ready_made: ClassVar[bool] = True

    kind: Literal["maps"]
    root: str
    session: Annotated[tuple[str, ...] | None, SEVERAL] = None
    space: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")] = "MNI152NLin2009aSym"
    zero_is_missing: bool | Literal["auto"] = "auto"

    def space_of_maps(self, transform_is_given: bool) -> str:
        """Return the space the maps lie in."""
        return self.space


Source = Annotated[
    SimulatedSource
    | BidsSource
    | DicomSource
    | DerivativesSource
    | MapsSource
    | MorphometrySource
    | SimulatedMorphometrySource,
    Field(discriminator="kind"),
]
