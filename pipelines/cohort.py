"""The plan of a study's group half: contrasts, permutations, clusters, receptors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rt1t2_dask.config import Config
from rt1t2_dask.config_contrasts import Form, Paired
from rt1t2_dask.pipelines.blocks import minus_role
from rt1t2_dask.pipelines.clusters import CLUSTERS
from rt1t2_dask.pipelines.contrast import CONTRAST
from rt1t2_dask.pipelines.design_settings import as_settings
from rt1t2_dask.pipelines.group_design import build
from rt1t2_dask.pipelines.local_files import local_file
from rt1t2_dask.pipelines.maps import row_role
from rt1t2_dask.pipelines.permute import PERMUTE
from rt1t2_dask.pipelines.plan import PersonPlan
from rt1t2_dask.pipelines.receptor_plan import plan_receptors
from rt1t2_dask.pipelines.stage import InputFile, Task
from rt1t2_dask.stats.design import Design
from rt1t2_dask.storage.parts import Part

MIN_GROUP = 2


@dataclass(frozen=True)
class ContrastPlan:
    """The parts of one contrast; `permute` is None where none was asked for."""

    form: Form
    design: Design
    contrast: Task
    clusters: Task
    permute: Task | None


@dataclass(frozen=True)
class CohortPlan:
    """The group half of a study.

    Parameters
    ----------
    contrasts : mapping of str to ContrastPlan
    pet : Task or None
        Regional means of the receptor maps.
    receptors : mapping of str to Task
        By patient group.
    notes : tuple of str
        What is not done, and why.
    """

    contrasts: Mapping[str, ContrastPlan]
    pet: Task | None
    receptors: Mapping[str, Task]
    notes: tuple[str, ...]

    def tasks(self) -> list[Task]:
        """Give every task, parents before children."""
        listed = [self.pet] if self.pet else []
        listed += self.receptors.values()
        for plan in self.contrasts.values():
            listed += [plan.contrast, plan.clusters] + ([plan.permute] if plan.permute else [])
        return listed


def plan_cohort(
    config: Config,
    people: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
) -> CohortPlan:
    """Plan all contrasts and receptor correlations that the people at hand allow.

    Parameters
    ----------
    people : DataFrame
        As `read_people` gives.
    plans : sequence of PersonPlan
        Those whose maps are there, or will be.
    shared : mapping of str to Part
        The template, by role.

    Raises
    ------
    UserError
        When a contrast cannot be estimated with the covariates given.
    """
    rows = people.set_index("participant_id").loc[[p.person.label for p in plans]].reset_index()
    contrasts: dict[str, ContrastPlan] = {}
    notes: list[str] = []
    for name, form in config.cohort.every_contrast().items():
        reason = _too_small(rows, form.members or tuple(config.cohort.groups))
        if reason:
            notes.append(f"No contrast {name}: {reason}")
        else:
            contrasts[name] = _contrast(config, rows, plans, shared, form)
            notes += _left_out(name, contrasts[name], rows)
    receptors, pet, more = plan_receptors(config, rows, plans)
    if not config.cohort.contrasts:
        notes.append("No contrast: the cohort file names none (cohort.contrasts).")
    return CohortPlan(contrasts, pet, receptors, (*notes, *more))


def _too_small(rows: pd.DataFrame, groups: Sequence[str]) -> str:
    sizes = {group: int((rows["group"] == group).sum()) for group in groups}
    if min(sizes.values()) >= MIN_GROUP and sum(sizes.values()) > MIN_GROUP + 1:
        return ""
    counted = " and ".join(f"{n} in {group}" for group, n in sizes.items())
    return f"there are {counted}; a contrast needs at least 2 in each group and 4 in all."


def _left_out(name: str, plan: ContrastPlan, rows: pd.DataFrame) -> list[str]:
    """Say how many people of the groups belong to no whole pair."""
    if not isinstance(plan.form, Paired):
        return []
    alone = int(rows["group"].isin(plan.form.members).sum()) - 2 * plan.design.n
    return [f"Contrast {name} leaves out {alone} without their other half."] if alone else []


def _contrast(
    config: Config,
    rows: pd.DataFrame,
    plans: Sequence[PersonPlan],
    shared: Mapping[str, Part],
    form: Form,
) -> ContrastPlan:
    design = build(form, rows, config.cohort.reference)
    maps = _row_parts(design, plans, "smooth")
    rule = {
        "min_group_n": config.contrast.min_group_n,
        "min_group_share": config.contrast.min_group_share,
    }
    common = {"design": as_settings(design)} | rule | {"space": config.space}
    parents = maps | {"template_out": shared["template_out"]}
    mask = _mask_file(config)
    own = {"variance": config.contrast.variance, "baseline": _baseline(design, config)}
    contrast = CONTRAST.task(common | own, parents, mask)
    lesions = {
        f"lesion{i:05d}": plans[k].part("ratio")
        for i, k in enumerate(_people(design))
        if "ratio" in plans[k].tasks
    }
    table = {"p": config.contrast.p, "extent_mm3": config.contrast.extent_mm3}
    clusters = CLUSTERS.task(table, {"contrast": contrast.part} | lesions)
    permute = None
    if config.permute.n and config.permute.statistic and _by_order(design):
        settings = common | config.permute.model_dump(mode="json")
        permute = PERMUTE.task(settings, maps | {"contrast": contrast.part})
    return ContrastPlan(form, design, contrast, clusters, permute)


def _baseline(design: Design, config: Config) -> list[bool]:
    """Rows whose mean effects are a share of: the reference group, else everybody."""
    controls = design.group == config.cohort.reference
    return [bool(row) for row in (controls if controls.any() else np.ones(design.n, bool))]


def _by_order(design: Design) -> bool:
    """Whether people are exchanged freely, which is what the permutation stage does."""
    return design.q == 1 and not design.flips and design.blocks is None


def _people(design: Design) -> list[int]:
    """Who takes part, the partners of pairs last."""
    partners = [] if design.partner is None else design.partner.tolist()
    return [*design.rows.tolist(), *partners]


def _row_parts(design: Design, plans: Sequence[PersonPlan], stage: str) -> dict[str, Part]:
    """Parts of a stage by row of the design; those to subtract under a role of their own."""
    parts = {row_role(i): plans[k].part(stage) for i, k in enumerate(design.rows.tolist())}
    if design.partner is None:
        return parts
    minus = enumerate(design.partner.tolist())
    return parts | {minus_role(i): plans[k].part(stage) for i, k in minus}


def _mask_file(config: Config) -> dict[str, InputFile]:
    path = config.contrast.mask
    return {"mask": local_file(path, "contrast.mask")} if path else {}
