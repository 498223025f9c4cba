"""The plan of one contrast: its maps, tables, permutations and effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.config.contrasts import Form, OneSample
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.design import ContrastRefusedError, held_constant, usable
from rt1t2_dask.pipelines.calibration.group_scale import LOG, RATIO, scale_settings
from rt1t2_dask.pipelines.calibration.map_scale import scale_of
from rt1t2_dask.pipelines.contrasts.clusters import ClusterSettings
from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.contrasts.detectable import DetectableSettings
from rt1t2_dask.pipelines.contrasts.fitting import MapsPlan, plan_maps
from rt1t2_dask.pipelines.contrasts.group_design import build
from rt1t2_dask.pipelines.contrasts.memory import brain_voxels, require_memory
from rt1t2_dask.pipelines.contrasts.row_reads import plan_cluster_means, plan_copies
from rt1t2_dask.pipelines.contrasts.stages import (
    CLUSTER_EFFECTS,
    CLUSTERS,
    DETECTABLE,
    PARCEL_CONTRAST,
    THRESHOLDS,
)
from rt1t2_dask.pipelines.contrasts.thresholds import EXTENTS_MM3, HEIGHTS, ThresholdSettings
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.engine.task import Parents, Task, as_tuple, keys_by_stage
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import PARCELS, SMOOTH, TEMPLATE_OUT
from rt1t2_dask.pipelines.images.stages import RATIO as RATIO_STAGE
from rt1t2_dask.pipelines.permutations.plan import permute_tasks
from rt1t2_dask.pipelines.voxelwise.mask import mask_file
from rt1t2_dask.stats.design import Design, require_group_dof
from rt1t2_dask.stats.glm.unequal import LEAST_GROUP_DOF
from rt1t2_dask.storage.parts import Part

POWER = {"alpha": 0.05, "power": 0.8}


@dataclass(frozen=True)
class ContrastPlan:
    """The parts of one contrast; None where there is no such thing to do.

    `contrast` is put together from the `pieces`; `permute` sums up the `relabelings`, which may
    begin with a copy of the maps. `people` are the labels that rows of the `design` count in.
    """

    form: Form
    design: Design
    people: tuple[str, ...]
    pieces: tuple[Task, ...]
    contrast: Task
    clusters: Task
    relabelings: tuple[Task, ...]
    permute: Task | None
    parcels: Task
    means: tuple[Task, ...]
    effects: Task
    detectable: Task
    thresholds: Task | None

    def tasks(self) -> list[Task]:
        """Return every task, parents before children."""
        some = (*self.pieces, self.contrast, self.clusters, *self.relabelings, self.permute)
        more = (self.parcels, *self.means, self.effects, self.detectable, self.thresholds)
        return [task for task in (*some, *more) if task is not None]

    def rows_at(self, at: Mapping[Part, Part]) -> dict[str, Part | tuple[Part, ...]]:
        """Return the parents of its rows, each part of regional means replaced by another."""
        parents = self.parcels.parents
        return {
            role: tuple(at[part] for part in as_tuple(parents[role]))
            for role in ("row", "partner")
            if role in parents
        }

    def keys(self) -> dict[str, str | list[str]]:
        """Return the keys of its parts by stage."""
        return keys_by_stage(self.tasks())


def plan_contrast(
    config: Config,
    rows: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
    form: Form,
    scale: str = RATIO,
) -> ContrastPlan:
    """Plan one contrast.

    Parameters
    ----------
    rows : DataFrame
        The people at hand.
    plans : sequence of PersonPlan
        Theirs, in the same order.
    shared : mapping of str to Part
        The template, by role.
    form : Form
        With its covariates filled in.
    scale : {"ratio", "log"}
        As `study_scale` returns.

    Raises
    ------
    UserError
        When it cannot be estimated.
    """
    design, fitting = contrast_tasks(config, rows, plans, shared, form, scale)
    contrast = fitting.contrast
    rows, plans = usable(rows, plans)
    maps = _row_parts(design, plans, SMOOTH)
    common, own = _settings(config, design, plans, scale, form)
    fitted: Parents = {"contrast": contrast.part}
    clusters = _clusters(config, design, plans, fitted)
    template = {TEMPLATE_OUT.name: shared[TEMPLATE_OUT.name]}
    copies = plan_copies(config, design.n, common, {**maps, **template}, mask_file(config))
    read = {"copy": tuple(task.part for task in copies)} if copies else maps
    relabelings, permute = _permute(config, design, common, {**read, **fitted})
    means = plan_cluster_means(common, {**maps, "clusters": clusters.part}, design.n)
    regional = {**_row_parts(design, plans, PARCELS), **fitted}
    how = {name: config.permute.model_dump(mode="json")[name] for name in ("seed", "method")}
    return ContrastPlan(
        form=form,
        design=design,
        people=tuple(plan.person.label for plan in plans),
        pieces=fitting.pieces,
        contrast=contrast,
        clusters=clusters,
        relabelings=(*copies, *relabelings),
        permute=permute,
        parcels=PARCEL_CONTRAST.task(common | own | how | {"n": config.permute.n}, regional),
        means=tuple(means),
        effects=CLUSTER_EFFECTS.task(
            common | own,
            {**fitted, "clusters": clusters.part, "means": tuple(task.part for task in means)},
        ),
        detectable=_detectable(config, fitted, permute),
        thresholds=_thresholds(config, fitted),
    )


def contrast_tasks(
    config: Config,
    rows: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
    form: Form,
    scale: str = RATIO,
) -> tuple[Design, MapsPlan]:
    """Plan the maps of one contrast alone; parameters and errors as `plan_contrast`.

    Rows of the design count in the people that `usable` leaves.
    """
    design = _design(config, rows, plans, form)
    _, plans = usable(rows, plans)
    common, own = _settings(config, design, plans, scale, form)
    parents = _row_parts(design, plans, SMOOTH)
    parents[TEMPLATE_OUT.name] = shared[TEMPLATE_OUT.name]
    voxels = brain_voxels(config)
    return design, plan_maps(design, common | own, parents, mask_file(config), voxels)


def _design(config: Config, rows: pd.DataFrame, plans: Sequence[PersonPlan], form: Form) -> Design:
    """Build the design of who is usable with what is held constant.

    What the same contrast without gains allows is no wrong input, and refuses the contrast alone.
    """
    left, kept = usable(rows, plans)
    try:
        held = held_constant(build(form, left, config.cohort.reference), left, kept)
        _require_fitting(config, held)
    except ContrastRefusedError:
        raise
    except UserError as error:
        _require_fitting(config, build(form, rows, config.cohort.reference))
        raise ContrastRefusedError(
            f"{error} Or take calibration=none: the people that calibration=eb_gain leaves out "
            "and the columns that it holds constant are what makes it impossible."
        ) from None
    return held


def _require_fitting(config: Config, design: Design) -> None:
    """Refuse a design that memory or the groups' own variances do not allow."""
    require_memory(config, design)
    if config.contrast.variance == "welch" and len(design.groups) > 1:
        require_group_dof(design, LEAST_GROUP_DOF)


def _settings(
    config: Config, design: Design, plans: Sequence[PersonPlan], scale: str, form: Form
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what every stage of a contrast is told, and what only those that fit are told."""
    people = [plans[k] for k in people_of(design)]
    common = {
        "design": as_settings(design),
        "min_group_n": config.contrast.min_group_n,
        "min_group_share": config.contrast.min_group_share,
        "variance": config.contrast.variance,
        "space": config.space,
        **scale_settings(people[: design.n], scale, people[design.n :]),
        **against(form, scale),
    }
    own_scale = scale if scale == LOG else scale_of(config).value
    return common, {"baseline": _baseline(design, config), "scale": own_scale}


def against(form: Form, scale: str) -> dict[str, float]:
    """Return the value that one group's mean is compared with, on the scale of the contrasts.

    Raises
    ------
    ContrastRefusedError
        The scale is the log of the ratio, and the value has none.
    """
    if not isinstance(form, OneSample):
        return {}
    value = form.value or 0.0
    if scale == LOG and value <= 0:
        raise ContrastRefusedError(
            f"with several protocols contrasts are on the log of the ratio, and value={value:g} "
            "has none; state a value above 0."
        )
    value = float(np.log(value)) if scale == LOG else value
    return {"against": value} if value else {}


def _clusters(config: Config, design: Design, plans: Sequence[PersonPlan], fitted: Parents) -> Task:
    lesions = tuple(
        plans[k].part(RATIO_STAGE) for k in people_of(design) if RATIO_STAGE.name in plans[k].tasks
    )
    table = ClusterSettings(p=config.contrast.p, extent_mm3=config.contrast.extent_mm3)
    return CLUSTERS.task(table, {**fitted, "lesion": lesions})


def _permute(
    config: Config, design: Design, common: Mapping[str, Any], parents: Parents
) -> tuple[list[Task], Task | None]:
    if not (config.permute.n and config.permute.statistic):
        return [], None
    *relabelings, summed = permute_tasks(config.permute, design, common, parents)
    return relabelings, summed


def _detectable(config: Config, fitted: Parents, permute: Task | None) -> Task:
    parents = {**fitted, "permute": permute.part} if permute else fitted
    return DETECTABLE.task(DetectableSettings(**POWER, space=config.space), parents)


def _thresholds(config: Config, fitted: Parents) -> Task | None:
    """Plan the counts at other thresholds and at the run's own."""
    if not config.report.threshold_sensitivity:
        return None
    own = ThresholdSettings(
        p=tuple(sorted({*HEIGHTS, config.contrast.p})),
        extent_mm3=tuple(sorted({*EXTENTS_MM3, config.contrast.extent_mm3})),
    )
    return THRESHOLDS.task(own, fitted)


def _baseline(design: Design, config: Config) -> list[bool]:
    """Rows whose mean effects are a share of: the reference group, else everybody."""
    controls = design.group == config.cohort.reference
    return [bool(row) for row in (controls if controls.any() else np.ones(design.n, bool))]


def people_of(design: Design) -> list[int]:
    """Return who takes part by place among the usable, the partners of pairs last."""
    partners = [] if design.partner is None else design.partner.tolist()
    return [*design.rows.tolist(), *partners]


def _row_parts(
    design: Design, plans: Sequence[PersonPlan], stage: Stage
) -> dict[str, Part | tuple[Part, ...]]:
    """Parts of a stage by row of the design; those to subtract under a role of their own."""
    found = {"row": design.rows, "partner": design.partner}
    return {
        role: tuple(plans[k].part(stage) for k in own.tolist())
        for role, own in found.items()
        if own is not None
    }
