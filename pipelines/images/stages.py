"""The stages of everybody's images, and what the settings of a study are to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.resources import Effort, Need, Whole
from rt1t2_dask.pipelines.engine.settings import NoSettings, StageSettings
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images import (
    bias,
    brain,
    calibrate,
    coregister,
    ingest,
    landmarks,
    normalise,
    parcels,
    quality,
    ratio,
    shares,
    smooth,
    tissue,
)
from rt1t2_dask.pipelines.images.calibrate import CONTROLS
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.precomputed_transform import FILE_ROLES, NormaliseSettings
from rt1t2_dask.pipelines.templates import head, template

FIELD, OUTPUT, SCANS = "field", "output", "scans"
"""Grids: of the deformation field, of the output maps, and of T1w and T2w together."""
TEMPLATE_ROLE = Role("template", shared=True)
TEMPLATE_OUT = Role("template_out", ("template",), shared=True)


@dataclass(frozen=True, kw_only=True)
class PersonStage(Stage):
    """A stage of every person, whose settings follow from the study's.

    Parameters
    ----------
    settings_of : callable
        Returns the stage's settings.
    files : tuple of str
        Roles of a person's files that it reads.
    """

    settings_of: Callable[[Config], StageSettings]
    files: tuple[str, ...] = ()


def _none(config: Config) -> StageSettings:
    return NoSettings()


def _ingest(config: Config) -> StageSettings:
    return ingest.IngestSettings(
        most_voxel_mm=config.checks.most_voxel_mm,
        contrast=config.checks.contrast,
        t1w_voxel_mm=config.t1w_voxel_mm,
        bias_corrected=config.source.corrected,
    )


def _map(config: Config) -> StageSettings:
    rule = getattr(config.source, "zero_is_missing", "auto")
    return ingest.MapSettings(space=config.space, zero_is_missing=rule)


def _shares(config: Config) -> StageSettings:
    smoothing = config.smooth.model_dump(exclude={"tissue"})
    return shares.ShareSettings(**smoothing, covariate=config.partial_volume.covariate)


def asked(stage: PersonStage, config: Config) -> PersonStage | None:
    """Return a stage as the settings want it; None where nothing asks for it."""
    weighted, held = config.smooth.tissue == "weighted", config.partial_volume.covariate != "none"
    if stage is SHARES:
        return stage if weighted or held else None
    if stage is SMOOTH_SHARES:
        return stage if held else None
    if stage is SMOOTH and not weighted:
        return replace(stage, reads=stage.reads[:1])
    return stage


def _from(*names: str) -> tuple[Role, ...]:
    return tuple(Role(name) for name in names)


TEMPLATE = Stage(
    name="template",
    make=template.make,
    scope="shared",
    words="brain template",
    settings=template.TemplateSettings,
    reads=(),
    memory=Need(400, {OUTPUT: 4}),
    cpu=Effort((1.7, 1.7, 2.5), OUTPUT),
    writes={OUTPUT: 3.25},
    config=("template",),
)
HEAD_STAGE = Stage(
    name="head",
    make=head.make,
    scope="shared",
    words="head template",
    settings=head.HeadSettings,
    reads=(),
    memory=Need(210),
    cpu=Effort((0.8,)),
    writes={},
)
INGEST = PersonStage(
    name="ingest",
    make=ingest.make_scans,
    scope="person",
    words="read and check the images",
    settings=ingest.IngestSettings,
    settings_of=_ingest,
    reads=(),
    files=("t1w", "t2w", "t2w_raw", *ingest.MASKS, *ingest.SHARES),
    memory=Need(60, {SCANS: 2}),
    cpu=Effort((0.1, 0.2, 0.6), SCANS),
    writes={SCANS: 1},
    libraries=("numba", "scipy"),
    config=("source",),
)
MAP = PersonStage(
    name="map",
    make=ingest.make_map,
    scope="person",
    words="read the ratio maps",
    settings=ingest.MapSettings,
    settings_of=_map,
    reads=(TEMPLATE_OUT,),
    files=("map", "mask"),
    memory=Whole(0.5),
    cpu=Effort((0.1, 0.2, 0.5), OUTPUT),
    writes={OUTPUT: 1},
    config=("source",),
)
COREGISTER = PersonStage(
    name="coregister",
    make=coregister.make,
    scope="person",
    words="T2w onto T1w, rigid",
    settings=coregister.CoregisterSettings,
    settings_of=lambda c: coregister.CoregisterSettings(mirrored=c.checks.mirrored),
    reads=_from("ingest"),
    memory=Need(170, {SCANS: 2.3}),
    cpu=Effort((2.0, 7.0, 11.0), SCANS),
    writes={},
    libraries=("numba", "scipy"),
)
BIAS = PersonStage(
    name="bias",
    make=bias.make,
    scope="person",
    words="bias fields, N4",
    settings=NoSettings,
    settings_of=_none,
    reads=_from("ingest", "coregister"),
    memory=Need(160, {SCANS: 4.2}),
    cpu=Effort((1.8, 2.8, 4.0), SCANS),
    writes={SCANS: 1},
    libraries=("numba", "scipy"),
    kept=False,
)
BRAIN = PersonStage(
    name="brain",
    make=brain.make,
    scope="person",
    words="brain mask",
    settings=brain.BrainSettings,
    settings_of=brain.brain_settings,
    reads=(*_from("ingest", "bias"), Role("head", shared=True)),
    memory=Need(410, {SCANS: 6.6}),
    cpu=Effort((4.9, 10.0, 16.0), SCANS),
    writes={SCANS: 0.125},
    libraries=("numba", "scipy"),
)
NORMALISE = PersonStage(
    name="normalise",
    make=normalise.make,
    scope="person",
    words="to template space",
    settings=NormaliseSettings,
    settings_of=normalise.normalise_settings,
    reads=(*_from("ingest", "bias", "brain"), TEMPLATE_ROLE),
    files=FILE_ROLES,
    memory=Need(580, {SCANS: 3.6, FIELD: 40}),
    cpu=Effort((1.9, 11.0, 38.0), FIELD),
    writes={FIELD: 3},
    libraries=("numba", "scipy"),
    kept=False,
    config=("normalise",),
)
TISSUE = PersonStage(
    name="tissue",
    make=tissue.make,
    scope="person",
    words="grey, white matter, CSF",
    settings=NoSettings,
    settings_of=_none,
    reads=(*_from("ingest", "bias", "brain", "normalise"), TEMPLATE_ROLE),
    memory=Need(290, {SCANS: 4}),
    cpu=Effort((0.7, 1.5, 4.0), SCANS),
    writes={SCANS: 0.125},
)
SHARES = PersonStage(
    name="tissue_shares",
    make=shares.make,
    scope="person",
    words="tissue shares in template",
    settings=NoSettings,
    settings_of=_none,
    reads=(*_from("ingest", "normalise", "tissue"), TEMPLATE_OUT),
    memory=Need(165, {SCANS: 3, OUTPUT: 5}),
    cpu=Effort((0.1, 0.5, 2.0), OUTPUT),
    writes={OUTPUT: 2},
    config=("partial_volume",),
)
LANDMARKS = PersonStage(
    name="landmarks",
    make=landmarks.make,
    scope="person",
    words="tissues outside the brain",
    settings=NoSettings,
    settings_of=_none,
    reads=_from("ingest", "coregister", "bias", "brain", "tissue"),
    memory=Need(130, {SCANS: 13.6}),
    cpu=Effort((0.2, 1.5, 6.0), SCANS),
    writes={},
    optional_assets=(landmarks.TPM,),
)
REFERENCE = Stage(
    name="reference",
    make=landmarks.make_reference,
    scope="cohort",
    words="average of the controls",
    settings=NoSettings,
    reads=(Role("control", ("landmarks",), many=True),),
    memory=Whole(0.5),
    cpu=Effort((0.1,)),
    writes={},
)
CALIBRATE = PersonStage(
    name="calibrate",
    make=calibrate.make,
    scope="person",
    words="calibrate intensities",
    settings=calibrate.CalibrateSettings,
    settings_of=lambda c: calibrate.CalibrateSettings(kind=c.calibration.of_person),
    reads=(*_from("landmarks"), Role(CONTROLS, optional=True)),
    memory=Need(30),
    cpu=Effort((0.1, 0.5, 2.0), SCANS),
    writes={},
    config=("calibration",),
)
RATIO = PersonStage(
    name="ratio",
    make=ratio.make,
    scope="person",
    words="T1w/T2w ratio",
    settings=NoSettings,
    settings_of=_none,
    reads=(
        *_from("ingest", "coregister", "bias", "brain", "normalise", "calibrate"),
        TEMPLATE_OUT,
    ),
    memory=Need(165, {SCANS: 3.2, OUTPUT: 6}),
    cpu=Effort((0.2, 1.8, 6.0), OUTPUT),
    writes={SCANS: 0.5, OUTPUT: 1.25},
)
QUALITY = PersonStage(
    name="quality",
    make=quality.make,
    scope="person",
    words="quality numbers",
    settings=NoSettings,
    settings_of=_none,
    reads=(
        *_from("ingest", "coregister", "bias", "brain", "normalise", "tissue"),
        *_from("calibrate", "ratio"),
        TEMPLATE_ROLE,
    ),
    memory=Need(330, {SCANS: 1, OUTPUT: 2.5}),
    cpu=Effort((0.4, 1.0, 3.0), SCANS),
    writes={},
)
SMOOTH = PersonStage(
    name="smooth",
    make=smooth.make,
    scope="person",
    words="smooth",
    settings=smooth.SmoothSettings,
    settings_of=lambda c: smooth.SmoothSettings(**c.smooth.model_dump()),
    reads=(Role("ratio", ("ratio", "map", "transmit_corrected")), Role(SHARES.name, optional=True)),
    memory=Need(190, {OUTPUT: 5}),
    cpu=Effort((0.05, 0.3, 1.8), OUTPUT),
    writes={OUTPUT: 1},
    config=("smooth",),
)
SMOOTH_SHARES = PersonStage(
    name="smooth_shares",
    make=shares.make_smooth,
    scope="person",
    words="smooth shares of tissue",
    settings=shares.ShareSettings,
    settings_of=_shares,
    reads=(Role("ratio", ("ratio", "transmit_corrected")), Role(SHARES.name)),
    memory=Need(190, {OUTPUT: 5}),
    cpu=Effort((0.05, 0.3, 1.8), OUTPUT),
    writes={OUTPUT: 1},
    config=("partial_volume",),
)
PARCELS = PersonStage(
    name="parcels",
    make=parcels.make,
    scope="person",
    words="means of regions",
    settings=NoSettings,
    settings_of=_none,
    reads=(Role("smooth", ("smooth", "harmonised")),),
    memory=Need(150, {OUTPUT: 4.6}),
    cpu=Effort((0.1, 0.15, 0.5), OUTPUT),
    writes={},
    assets=(ATLAS,),
)
PERSON_STAGES = (
    *(INGEST, MAP, COREGISTER, BIAS, BRAIN, NORMALISE, TISSUE, LANDMARKS, CALIBRATE, RATIO),
    *(QUALITY, SHARES, SMOOTH, SMOOTH_SHARES, PARCELS),
)
STAGES: tuple[Stage, ...] = (TEMPLATE, HEAD_STAGE, REFERENCE, *PERSON_STAGES)
