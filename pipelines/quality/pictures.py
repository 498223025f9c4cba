"""The mosaic of one person, drawn on a worker."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.config.study import Config
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.engine.task import Inputs, Task, shared_volume
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import QUALITY
from rt1t2_dask.pipelines.images.tissue import warp_of
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.ratio.scaled import scaled
from rt1t2_dask.report.figures.mosaic import Sampler, Strip, mosaic, of, palette
from rt1t2_dask.report.figures.planes import Plane, box_round, values_at
from rt1t2_dask.report.figures.thumbnail import thumbnail
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store

DPI = 96
WIDTH_PX = 1008


def path_of(person: Person) -> str:
    """Return the path of a person's mosaic in the output folder."""
    return f"{person.folder}/figures/{person.label}_desc-quality_mosaic.png"


def write_pictures(
    executor: Executor, store: Store, study: Finished, quality: pd.DataFrame
) -> dict[str, bytes]:
    """Draw mosaics on the workers, flagged people first, and write them.

    Returns
    -------
    dict of str to bytes
        PNG by label of the first ``report.mosaics`` people.
    """
    template = study.template
    assert template is not None
    flags = dict(zip(quality["participant_id"], quality["flag"].fillna(""), strict=True))
    here = [plan for plan in study.everybody if plan.map is not None]
    plans = sorted(here, key=lambda plan: not flags[plan.person.label])
    drawn = {
        plan.person.label: executor.submit(
            picture, study.lake, study.config, plan, template, flags[plan.person.label]
        )
        for plan in plans[: study.config.report.mosaics]
    }
    pictures = {label: made.result() for label, made in drawn.items()}
    for plan in plans[: len(pictures)]:
        store.write(path_of(plan.person), pictures[plan.person.label])
    return pictures


def picture(lake: Lake, config: Config, plan: PersonPlan, template: Task, flag: str = "") -> bytes:
    """Draw a person's images with outlines for visual quality control, as PNG.

    Returns
    -------
    bytes
        Registration, ratio and masks for scans; the ratio alone for ready-made maps.
    """
    brain, white = (shared_volume(lake, template.part, name) for name in ("brain", "white"))
    assert plan.map is not None
    ratio = to_volume(lake.read(plan.map)["ratio"])
    ratio = ratio.with_data(scaled(ratio.data, factor_of(plan)))
    edges = {"template: brain": of(brain, 0), "template: white matter": of(white)}
    box = box_round(np.isfinite(ratio.data), ratio.affine)
    shown = Strip(f"T1w/T2w ratio in {config.space}", box, of(ratio, 0), {}, "T1w/T2w ratio")
    strips = (
        [shown] if QUALITY.name not in plan.tasks else _strips(lake, plan, config, edges, shown)
    )
    drawn = mosaic(strips, config.simulated, plan.person.label, flag)
    return thumbnail(drawn.pixels(DPI), WIDTH_PX, palette())


def _strips(
    lake: Lake, plan: PersonPlan, config: Config, edges: dict[str, Sampler], shown: Strip
) -> list[Strip]:
    inputs = Inputs(lake, plan.tasks[QUALITY.name])
    t1w, mask = inputs.volume("bias", "t1w_corrected"), inputs.volume("brain", "brain")
    tissue = inputs.volume("tissue", "tissue")
    outlines = {
        "brain mask": of(mask, 0),
        "white matter": of(tissue.with_data(tissue.data == 2), 0),
    }
    lesion = inputs.optional_volume("ingest", "lesion")
    if lesion is not None:
        outlines["lesion"] = of(lesion, 0)
    warped = _warped(t1w, warp_of(inputs))
    native = box_round(mask.data > 0, mask.affine, margin_mm=12.0)
    return [
        Strip(f"T1w in {config.space}, with edges of the template", shown.box, warped, edges),
        shown,
        Strip("T1w as scanned", native, of(t1w), outlines),
    ]


def _warped(image: Volume, warp: Warp) -> Sampler:
    """Sample an image of the person on planes of the template."""

    def sample(plane: Plane) -> NDArray[np.float64]:
        world = np.moveaxis(plane.world(), 0, -1)
        return values_at(image, np.moveaxis(warp.points(world), -1, 0), order=1)

    return sample
