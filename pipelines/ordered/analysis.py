"""Analysis `ordered`: beside each trend over ordered groups, whether every neighbour differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from rt1t2_dask.config.contrasts import Ordered
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Analysis, Group, GroupMap, Results
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.ordered.combine import FAMILY_WISE, REGIONS, TABLE
from rt1t2_dask.pipelines.ordered.effects import GROUPS, PEOPLE
from rt1t2_dask.pipelines.ordered.plan import OrderedPlan, by_name, plan_ordered, why_not
from rt1t2_dask.report.sections.ordered import InOrder, ordered_section
from rt1t2_dask.storage.parts import Lake

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.finished import Finished

STATISTICS = {"max_t": "t", "tfce": "tfce", "extent": "extent"}
"""Names of the maps of family-wise p, as of contrasts."""


@dataclass(frozen=True)
class OrderedGroups(Analysis):
    """What stands beside the trends over ordered groups.

    Parameters
    ----------
    contrasts : mapping of str to OrderedPlan
        By the name of the trend.
    notes : tuple of str
        Trends whose people are not left out one by one, and why.
    """

    contrasts: Mapping[str, OrderedPlan]
    notes: Sequence[str] = ()

    @classmethod
    def plan(cls, group: Group) -> Self | None:
        """Plan it; None where no contrast is of ordered groups, or all of it is switched off."""
        asked, main = group.config.ordered, contrasts_of(group)
        forms = by_name(main)
        if not forms or not (asked.neighbours or asked.left_out):
            return None
        found = {n: plan_ordered(group.config, main[n], form) for n, form in forms.items()}
        notes = [
            f"Contrast {name} has no effects of people left out: {reason}."
            for name in forms
            if asked.left_out and (reason := why_not(main[name]))
        ]
        return cls(found, tuple(notes))

    @classmethod
    def in_words(cls, config: Config) -> str:
        """Describe what stands beside the trends."""
        asked, forms = config.ordered, config.every_contrast().values()
        parts = ["neighbouring groups compared"] * asked.neighbours
        parts += ["effects in clusters found without each person"] * asked.left_out
        named = any(isinstance(form, Ordered) for form in forms)
        return f"ordered groups: {', '.join(parts)}" if named and parts else ""

    def tasks(self) -> list[Task]:
        """Return the tasks of every trend."""
        return [task for plan in self.contrasts.values() for task in plan.tasks()]

    def keys(self) -> Mapping[str, Any]:
        """Return the keys of each trend's parts by stage."""
        return {"ordered": {n: keys_by_stage(p.tasks()) for n, p in self.contrasts.items()}}

    def results(self, study: Finished) -> Results:
        """Return tables and maps of every trend, and the section."""
        shown = {name: _read(study.lake, plan) for name, plan in self.contrasts.items()}
        tables: dict[str, pd.DataFrame] = {}
        for name, own in shown.items():
            named = {
                "ordered": own.clusters,
                "ordered_regions": own.regions,
                "ordered_left_out": own.people,
                "ordered_left_out_groups": own.left_out,
            }
            tables |= {f"contrast-{name}_{n}": t for n, t in named.items() if t is not None}
        return Results(
            tables,
            maps=self._maps(study.lake),
            sections=(ordered_section(shown, study.config.simulated),),
            stages=list(dict.fromkeys(t.stage for p in self.contrasts.values() for t in _last(p))),
        )

    def _maps(self, lake: Lake) -> Iterator[GroupMap]:
        for name, plan in self.contrasts.items():
            if plan.ordered is None:
                continue
            maps = lake.read(plan.ordered.part)
            yield GroupMap(name, "t", to_volume(maps["ordered_t"]), "ordered")
            for statistic, array in FAMILY_WISE.items():
                if array in maps:
                    found = to_volume(maps[array])
                    yield GroupMap(name, STATISTICS[statistic], found, "orderedfwe")


def _last(plan: OrderedPlan) -> list[Task]:
    return [task for task in (plan.ordered, plan.effects) if task is not None]


def _read(lake: Lake, plan: OrderedPlan) -> InOrder:
    """Read what the report shows of one trend."""
    clusters = regions = people = groups = None
    counts: Mapping[str, Any] = {}
    scale = ""
    if plan.ordered is not None:
        clusters = table_of(lake, plan.ordered.part, TABLE)
        regions = table_of(lake, plan.ordered.part, REGIONS)
        counts = lake.record(plan.ordered.part)
    if plan.effects is not None:
        people = table_of(lake, plan.effects.part, PEOPLE)
        groups = table_of(lake, plan.effects.part, GROUPS)
        scale = lake.record(plan.effects.part)["scale"]
    form = plan.form
    return InOrder(form.groups, form.direction, counts, clusters, regions, people, groups, scale)
