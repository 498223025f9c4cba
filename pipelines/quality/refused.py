"""Mosaics of people whose pose was refused: the scan with the registered template."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np

from rt1t2_dask.images.brain.foreground import foreground
from rt1t2_dask.images.brain.mask import WORKING_MM, Registered, register
from rt1t2_dask.images.resample import regrid, to_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Inputs, Task
from rt1t2_dask.pipelines.images.brain import template_head
from rt1t2_dask.pipelines.images.plan import Failure, PersonPlan
from rt1t2_dask.pipelines.images.stages import BRAIN
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.report.figures.mosaic import Strip, mosaic, of, palette
from rt1t2_dask.report.figures.planes import box_round
from rt1t2_dask.report.figures.thumbnail import thumbnail
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store

DPI, WIDTH_PX = 96, 1008


def path_of(person: Person) -> str:
    """Return the path of a refused person's mosaic in the output folder."""
    return f"{person.folder}/figures/{person.label}_desc-refused_mosaic.png"


def write_refused(
    cluster: Callable[[], Executor], store: Store, lake: Lake, simulated: bool,
    plans: Sequence[PersonPlan], failures: Sequence[Failure],
) -> None:  # fmt: skip
    """Draw people who failed at stage `brain` on the workers, and write the mosaics.

    Parameters
    ----------
    cluster : callable
        Returns the executor; called only if there is anything to draw.
    store : Store
        The output folder.
    """
    failed = {f.label: f.reason for f in failures if f.stage == BRAIN.name}
    tasks = {plan.person: plan.tasks[BRAIN.name] for plan in plans if _is_in(plan, failed)}
    drawn = {
        one: cluster().submit(picture, lake, task, simulated, one.label, failed[one.label])
        for one, task in tasks.items()
    }
    for one, made in drawn.items():
        store.write(path_of(one), made.result())


def _is_in(plan: PersonPlan, failed: dict[str, str]) -> bool:
    return plan.person.label in failed and BRAIN.name in plan.tasks


def picture(lake: Lake, task: Task, simulated: bool, label: str, reason: str) -> bytes:
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
