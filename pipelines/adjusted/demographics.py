"""Analysis `age_and_sex`: contrasts again with age and sex held, where they do not hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from rt1t2_dask.config.cohort import ADJUSTED as EXPLICIT
from rt1t2_dask.config.contrasts import Form, Formula, Paired, Sessions
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.adjusted.beside import AdjustedPlan, beside, read_adjusted
from rt1t2_dask.pipelines.adjusted.stages import ADJUSTED
from rt1t2_dask.pipelines.analysis import Analysis, Group, Results
from rt1t2_dask.pipelines.calibration.group_scale import study_scale
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan, contrast_tasks
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.people.kinds import SESSION
from rt1t2_dask.pipelines.people.table import COVARIATE
from rt1t2_dask.report.sections.adjusted import age_and_sex_section

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

HELD = ("age", "sex")


@dataclass(frozen=True)
class AgeAndSex(Analysis):
    """The contrasts with age and sex held.

    Parameters
    ----------
    contrasts : mapping of str to AdjustedPlan
        By the name of the contrast.
    held : mapping of str to tuple of str
        What is held in each beside its own covariates.
    notes : tuple of str
        Contrasts that cannot be adjusted, and why.
    """

    contrasts: Mapping[str, AdjustedPlan]
    held: Mapping[str, tuple[str, ...]]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan them; None where the settings or the table have no age and sex to hold."""
        config, main = group.config, contrasts_of(group)
        forms = config.every_contrast()
        if not config.report.age_and_sex or any(name.endswith(EXPLICIT) for name in forms):
            return None
        asked = {name: to_hold(forms[name], group.rows) for name in main}
        found: dict[str, AdjustedPlan] = {}
        notes = []
        for name, columns in asked.items():
            try:
                if columns:
                    found[name] = _planned(group, main[name], forms[name], columns)
            except UserError as error:
                notes.append(f"Contrast {name} is not shown with {_words(columns)} held: {error}")
        return cls(found, asked, tuple(notes)) if found or notes else None

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe what is held beside the contrasts' own covariates."""
        asked = config.report.age_and_sex and config.every_contrast()
        return "contrasts again with age and sex held, where these are known" if asked else ""

    def tasks(self) -> list[Task]:
        """Return the tasks of every contrast."""
        return [task for plan in self.contrasts.values() for task in plan.tasks()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of each contrast's parts by stage."""
        return {"age_and_sex": {n: keys_by_stage(p.tasks()) for n, p in self.contrasts.items()}}

    def results(self, study: Finished) -> Results:
        """Return a table of both, the adjusted clusters, and the section."""
        tables, shown = read_adjusted(study.lake, self.contrasts, "age_and_sex")
        section = age_and_sex_section(shown, {n: _words(self.held[n]) for n in shown})
        stages = [ADJUSTED.name] if shown else []
        return Results(tables, sections=(section,) if shown else (), stages=stages)


def to_hold(form: Form, rows: pd.DataFrame) -> tuple[str, ...]:
    """Return which of age and sex a contrast could hold and does not.

    Halves of a pair are one person, as sessions are, and a formula names its own covariates.
    """
    if isinstance(form, Formula | Paired | Sessions):
        return ()
    own = {name.lower() for name in form.columns}
    members = rows[rows["group"].isin(form.members or rows["group"].unique())]
    if form.sessions_read and SESSION in members:
        members = members[members[SESSION] == form.sessions_read[0]]
    return tuple(
        name
        for name in HELD
        if name in rows and name not in own and len(set(members[name].astype(str))) > 1
    )


def _planned(
    group: Group, plan: ContrastPlan, form: Form, columns: tuple[str, ...]
) -> AdjustedPlan:
    rows = group.rows.assign(**{COVARIATE + name: group.rows[name] for name in columns})
    more = form.model_copy(update={"covariates": (*(form.covariates or ()), *columns)})
    scale = study_scale(group.plans)
    about = (group.config, rows, group.plans, group.shared)
    design, fitted = contrast_tasks(*about, more, scale)
    return beside(plan, design, fitted.pieces, fitted.contrast)


def _words(columns: Sequence[str]) -> str:
    return " and ".join(columns)
