"""Pictures of people who failed: what was seen of their scans."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rt1t2_dask.errors import RunError, SubjectError, UserError
from rt1t2_dask.images.brain.foreground import foreground
from rt1t2_dask.images.brain.mask import WORKING_MM, Registered, register
from rt1t2_dask.images.dicom.read import convert
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Inputs, Task
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.engine.work import complete_parts
from rt1t2_dask.pipelines.images.brain import template_head
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import BRAIN, INGEST
from rt1t2_dask.report.figures.mosaic import Strip, mosaic, of, palette
from rt1t2_dask.report.figures.planes import box_round
from rt1t2_dask.report.figures.thumbnail import thumbnail
from rt1t2_dask.report.quality.frames import frame
from rt1t2_dask.storage.parts import Lake

DPI, WIDTH_PX = 96, 1008
REFUSED = "refused"
SCANNED = {"t1w": "T1wScanned", "t2w": "T2wScanned"}
NAMES = {
    REFUSED: "desc-refused_mosaic.png",
    **{name: f"desc-{name}_frame.jpg" for name in SCANNED.values()},
}


def seen_of(
    lake: Lake, plan: PersonPlan, stage: str, simulated: bool, reason: str
) -> dict[str, bytes]:
    """Draw what there is of somebody who failed, by name of the picture.

    Parameters
    ----------
    stage : str
        Where the person failed.
    reason : str
        Why.
    """
    found = dict(_scanned(lake, plan, simulated))
    if stage == BRAIN.name:
        label, task = plan.person.label, plan.tasks[BRAIN.name]
        found[REFUSED] = refused(lake, task, simulated, label, reason)
    return found


def _scanned(lake: Lake, plan: PersonPlan, simulated: bool) -> Iterator[tuple[str, bytes]]:
    """Yield a frame of each scan that could be read."""
    checked = _checked(lake, plan)
    for role, name in SCANNED.items():
        image = checked.get(role) or _as_given(plan, role)
        if image is not None:
            box = box_round(np.ones(image.data.shape, dtype=bool), image.affine, margin_mm=0.0)
            yield name, frame(Strip(name, box, of(image)), simulated)


def _checked(lake: Lake, plan: PersonPlan) -> dict[str, Volume]:
    """Return the scans that passed the checks, by role."""
    task = plan.tasks.get(INGEST.name)
    if task is None or not complete_parts(lake, [task]):
        return {}
    images = lake.read(task.part)
    return {role: to_volume(images[role]) for role in SCANNED if role in images}


def _as_given(plan: PersonPlan, role: str) -> Volume | None:
    """Return a scan whose check failed, as its file holds it; None where it cannot be read."""
    file = plan.scans.get(role)
    if file is None:
        return None
    try:
        if file.members:
            return convert(file.read_members(), role, file.slices, file.echo_ms).volume
        return from_bytes(file.read(), role, kind="map")
    except (SubjectError, UserError, RunError, OSError):
        return None


def refused(lake: Lake, task: Task, simulated: bool, label: str, reason: str) -> bytes:
    """Draw a T1w with the outlines of the template's head and brain in the best pose, as PNG."""
    inputs = Inputs(lake, task)
    t1w = inputs.volume("bias", "t1w_corrected")
    head, brain = template_head(inputs)
    found = register(t1w, head, brain)
    box = box_round(np.ones(t1w.data.shape, dtype=bool), t1w.affine)
    outlines = {
        "template: head": of(_placed(head.with_data(foreground(head)), found, t1w)),
        "template: brain": of(_placed(brain, found, t1w)),
    }
    title = "T1w as scanned, with the template in the best pose found"
    drawn = mosaic([Strip(title, box, of(t1w), outlines)], simulated, label, reason)
    return thumbnail(drawn.pixels(DPI), WIDTH_PX, palette())


def _placed(mask: Volume, found: Registered, t1w: Volume) -> Volume:
    """Resample a mask of the template to the T1w's field of view."""
    grid = regrid(t1w, WORKING_MM).grid
    share = mask.with_data(mask.data.astype(np.float32))
    return to_grid(share, grid, warp=found.warp, order=1)
