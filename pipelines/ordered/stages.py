"""The stages of ordered groups: neighbours together, and effects in clusters found without."""

from __future__ import annotations

from rt1t2_dask.pipelines.contrasts.stages import FITTED
from rt1t2_dask.pipelines.engine.resources import Effort, Need, Whole
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.stages import OUTPUT, TEMPLATE_OUT
from rt1t2_dask.pipelines.ordered import combine, effects, left_out
from rt1t2_dask.pipelines.voxelwise.stages import MAPS

ORDERED = Stage(
    name="ordered",
    make=combine.make,
    scope="cohort",
    words="neighbouring groups together",
    settings=combine.OrderedSettings,
    reads=(
        Role("neighbour", ("contrast",), many=True),
        Role("permute", many=True, optional=True),
        Role("regions", ("parcel_contrast",), many=True),
    ),
    memory=Need(200, {OUTPUT: 40}),
    cpu=Effort((0.3, 1.0, 6.0), OUTPUT),
    writes={OUTPUT: 5},
    assets=(ATLAS,),
    config=("ordered", "contrast.p", "contrast.extent_mm3"),
)
LEFT_OUT = Stage(
    name="left_out",
    make=left_out.make,
    scope="block",
    words="clusters without a person",
    settings=left_out.LeftOutSettings,
    reads=(MAPS[0], TEMPLATE_OUT),
    memory=Need(300, {OUTPUT: 25}),
    cpu=Effort((2.0, 6.0, 60.0), OUTPUT),
    writes={},
    shown_as="left_out_effects",
    follows=("gain",),
)
LEFT_OUT_EFFECTS = Stage(
    name="left_out_effects",
    make=effects.make,
    scope="cohort",
    words="effects, person left out",
    settings=effects.EffectsSettings,
    reads=(FITTED, Role("left_out", many=True)),
    memory=Whole(0.5),
    cpu=Effort((0.1,)),
    writes={},
    config=("contrast.p", "contrast.extent_mm3"),
)
STAGES = (ORDERED, LEFT_OUT, LEFT_OUT_EFFECTS)
