"""The pictures of one person for quality control by eye, drawn on a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.config.study import Config
from rt1t2_dask.images.transform import Points, move
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.engine.task import Inputs, Task, shared_volume
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import QUALITY
from rt1t2_dask.pipelines.images.tissue import warp_of
from rt1t2_dask.ratio.scaled import scaled
from rt1t2_dask.report.figures.mosaic import Sampler, Strip, mosaic, of, palette
from rt1t2_dask.report.figures.planes import Box, Plane, box_round, values_at
from rt1t2_dask.report.figures.thumbnail import thumbnail
from rt1t2_dask.report.quality.frames import frame
from rt1t2_dask.storage.parts import Lake

DPI = 96
WIDTH_PX = 1008
LOW, HIGH = 2, 98
MOSAIC = "mosaic"
T1W, T2W, WARPED = "T1w", "T2w", "T1wOnTemplate"
TEMPLATE = "template"
TEMPLATE_FRAME = "figures/template_frame.jpg"
NAMES = {
    MOSAIC: "desc-quality_mosaic.png",
    T1W: "desc-T1w_frame.jpg",
    T2W: "desc-T2w_frame.jpg",
    WARPED: "desc-T1wOnTemplate_frame.jpg",
}

Limits = tuple[float, float]


def ratio_limits(lake: Lake, plan: PersonPlan) -> Limits:
    """Return the 2nd and the 98th percentile of a person's ratio map."""
    values = _ratio(lake, plan).data
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [LOW, HIGH]) if known.size else (0.0, 1.0)
    return float(low), float(high)


@dataclass(frozen=True)
class Drawing:
    """What all pictures of one person need.

    Parameters
    ----------
    lake : Lake
    config : Config
    plan : PersonPlan
    template : Task
        The template on the grid of the maps.
    limits : (float, float)
        Of the colours of everybody's ratio.
    flag : str
        Reasons for a quality flag; empty for none.
    """

    lake: Lake
    config: Config
    plan: PersonPlan
    template: Task
    limits: Limits
    flag: str = ""

    @property
    def scanned(self) -> bool:
        """Whether there are scans beside the map."""
        return QUALITY.name in self.plan.tasks

    def shared(self, name: str) -> Volume:
        """Read an image of the template."""
        return shared_volume(self.lake, self.template.part, name)

    def box(self) -> Box:
        """Return the box of everybody's planes in template space."""
        brain = self.shared("brain")
        return box_round(brain.data > 0, brain.affine)


def pictures(drawing: Drawing) -> dict[str, bytes]:
    """Draw a person's mosaic, and the frames to be compared, by name of the picture."""
    person, simulated = drawing.plan.person, drawing.config.simulated
    seen = scans_of(drawing) if drawing.scanned else None
    strips = [*(seen.strips(drawing) if seen else ()), _ratio_strip(drawing)]
    drawn = mosaic(strips, simulated, person.label, drawing.flag)
    found = {MOSAIC: thumbnail(drawn.pixels(DPI), WIDTH_PX, palette())}
    if seen is None:
        return found
    return found | {name: frame(strip, simulated) for name, strip in seen.frames(drawing)}


def template_frame(drawing: Drawing) -> bytes:
    """Draw the template's T1w at the planes of everybody's frames."""
    within = of(drawing.shared("brain"), 0)
    strip = Strip("template", drawing.box(), of(drawing.shared("t1w")), within=within)
    return frame(strip, drawing.config.simulated)


@dataclass(frozen=True)
class Scans:
    """A person's corrected scans, sampled on planes.

    Parameters
    ----------
    t1w, t2w : callable
        In the space of the T1w.
    warped : callable
        The T1w in template space.
    box : Box
        Round the brain, in the space of the T1w.
    outlines : mapping of str to callable
        Masks in the space of the T1w; the brain's is first.
    """

    t1w: Sampler
    t2w: Sampler
    warped: Sampler
    box: Box
    outlines: Mapping[str, Sampler]

    def strips(self, drawing: Drawing) -> list[Strip]:
        """Return the rows of the mosaic beside the ratio's."""
        edges = {
            "template: brain": of(drawing.shared("brain"), 0),
            "template: white matter": of(drawing.shared("white")),
        }
        title = f"T1w in {drawing.config.space}, with edges of the template"
        return [
            Strip(title, drawing.box(), self.warped, edges),
            Strip("T1w as scanned", self.box, self.t1w, self.outlines),
            Strip("T2w, aligned to the T1w", self.box, self.t2w, self.outlines),
        ]

    def frames(self, drawing: Drawing) -> Iterator[tuple[str, Strip]]:
        """Yield the strips that are compared two by two, by name of the picture."""
        brain = next(iter(self.outlines.values()))
        template = of(drawing.shared("brain"), 0)
        yield T1W, Strip(T1W, self.box, self.t1w, within=brain)
        yield T2W, Strip(T2W, self.box, self.t2w, within=brain)
        yield WARPED, Strip(WARPED, drawing.box(), self.warped, within=template)


def scans_of(drawing: Drawing) -> Scans:
    """Read a person's scans, masks and transforms from the lake."""
    inputs = Inputs(drawing.lake, drawing.plan.tasks[QUALITY.name])
    t1w, mask = inputs.volume("bias", "t1w_corrected"), inputs.volume("brain", "brain")
    tissue = inputs.volume("tissue", "tissue")
    outlines = {
        "brain mask": of(mask, 0),
        "white matter": of(tissue.with_data(tissue.data == 2), 0),
    }
    lesion = inputs.optional_volume("ingest", "lesion")
    if lesion is not None:
        outlines["lesion"] = of(lesion, 0)
    rigid, warp = inputs.array("coregister", "rigid"), warp_of(inputs)
    return Scans(
        t1w=of(t1w),
        t2w=_moved(inputs.volume("bias", "t2w_corrected"), partial(move, rigid)),
        warped=_moved(t1w, warp.points),
        box=box_round(mask.data > 0, mask.affine, margin_mm=12.0),
        outlines=outlines,
    )


def _ratio(lake: Lake, plan: PersonPlan) -> Volume:
    assert plan.map is not None
    ratio = to_volume(lake.read(plan.map)["ratio"])
    return ratio.with_data(scaled(ratio.data, factor_of(plan)))


def _ratio_strip(drawing: Drawing) -> Strip:
    ratio = _ratio(drawing.lake, drawing.plan)
    title = f"T1w/T2w ratio in {drawing.config.space}"
    unit = "T1w/T2w ratio"
    return Strip(title, drawing.box(), of(ratio, 0), unit=unit, limits=drawing.limits)


def _moved(image: Volume, to_image: Callable[[Points], Points]) -> Sampler:
    """Sample an image that lies in another space than the planes.

    Parameters
    ----------
    to_image : callable
        From points of the planes to points of the image, shape (..., 3), mm.
    """

    def sample(plane: Plane) -> NDArray[np.float64]:
        world = np.moveaxis(plane.world(), 0, -1)
        return values_at(image, np.moveaxis(to_image(world), -1, 0), order=1)

    return sample
