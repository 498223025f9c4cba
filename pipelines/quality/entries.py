"""Everybody of an output folder as the quality desk shows them."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.outputs.folder import FAILURES, QUALITY
from rt1t2_dask.pipelines.people.kinds import excluded_labels, listed_out
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.pipelines.quality import pictures, refused
from rt1t2_dask.pipelines.quality.drawn import path_of
from rt1t2_dask.pipelines.quality.ratings import said_by
from rt1t2_dask.pipelines.sessions.rows import sessions_of
from rt1t2_dask.report.quality.entry import Entry, Shown, State
from rt1t2_dask.storage.stores import Store

SHOWN: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "T1w in template space, T1w and T2w with masks, and the ratio on the scale of everybody",
        {pictures.MOSAIC: "mosaic"},
    ),
    ("T2w on T1w", {pictures.T1W: "T1w", pictures.T2W: "T2w"}),
    ("T1w on template", {pictures.WARPED: "T1w", pictures.TEMPLATE: "template"}),
    ("T1w as scanned, with the template in the best pose found", {refused.REFUSED: "mosaic"}),
    ("T1w as scanned", {refused.SCANNED["t1w"]: "T1w"}),
    ("T2w as scanned", {refused.SCANNED["t2w"]: "T2w"}),
)
"""Pictures by title: what each file shows; those of one title are of the same planes."""


@dataclass(frozen=True)
class People:
    """Who is in an output folder, from its tables.

    Parameters
    ----------
    store : Store
        The output folder.
    config : Config
    rows : DataFrame
        The participants, whoever failed included.
    """

    store: Store
    config: Config
    rows: pd.DataFrame

    def entries(self) -> list[Entry]:
        """Return everybody: who failed, who has maps, who is left out."""
        found = [*self._failed(), *self._measured()]
        found += self._left_out({one.label for one in found})
        order = {label: k for k, label in enumerate(self.rows["participant_id"])}
        return sorted(found, key=lambda one: order.get(one.label, len(order)))

    def _failed(self) -> Iterator[Entry]:
        why = _table(self.store, FAILURES).groupby("participant_id", sort=False)["reason"]
        for label, reasons in why:
            yield self._entry(str(label), "failed", tuple(reasons))

    def _measured(self) -> Iterator[Entry]:
        for row in _table(self.store, QUALITY).to_dict("records"):
            label, flag = str(row["participant_id"]), row.get("flag")
            reasons = tuple(str(flag).split("; ")) if isinstance(flag, str) else ()
            state: State = "flagged" if reasons else "in limits"
            state = "excluded" if row.get("used") == "no" else state
            yield self._entry(label, state, reasons, _numbers(row))

    def _left_out(self, there: Collection[str]) -> Iterator[Entry]:
        """Yield who is left out and has no images in the folder."""
        for label in sorted(self._excluded.difference(there)):
            yield Entry(label, "excluded", reasons=self._why(label), rated=self._rated(label))

    @cached_property
    def _excluded(self) -> frozenset[str]:
        return frozenset(excluded_labels(self.config.cohort))

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(listed_out(self.config.cohort))

    @cached_property
    def _sessions(self) -> Mapping[str, str]:
        return sessions_of(self.rows)

    @cached_property
    def _groups(self) -> Mapping[str, str]:
        if self.config.level == "dataset":
            return {}
        first = self.rows.drop_duplicates("participant_id")
        return dict(zip(first["participant_id"], first["group"].astype(str), strict=True))

    def _why(self, label: str) -> tuple[str, ...]:
        return ("cohort.exclude",) if label in self._listed else ()

    def _entry(
        self,
        label: str,
        state: State,
        reasons: tuple[str, ...],
        numbers: Mapping[str, float] | None = None,
    ) -> Entry:
        return Entry(
            label=label,
            state="excluded" if label in self._excluded else state,
            group=self._groups.get(label, ""),
            page=f"{label}.html",
            reasons=(*self._why(label), *reasons),
            rated=self._rated(label),
            numbers=numbers or {},
            shown=self._shown(label),
        )

    def _rated(self, label: str) -> tuple[str, ...]:
        return tuple(
            said_by(one) for one in self.config.cohort.rated if one.participant_id == label
        )

    def _shown(self, label: str) -> tuple[Shown, ...]:
        person = Person(label, "", self._sessions.get(label, ""))
        folder = f"{person.folder}/figures"
        there = {f"{folder}/{name}" for name in self.store.children(f"{folder}/")}
        there |= {pictures.TEMPLATE_FRAME} if there else set()
        return tuple(
            Shown(title, tuple(names.values()), paths)
            for title, names in SHOWN
            if there.issuperset(paths := tuple(path_of(person, name) for name in names))
        )


def _numbers(row: Mapping[Hashable, Any]) -> dict[str, float]:
    """Return the measures of a row of the quality table that are known."""
    numbers = {str(name): value for name, value in row.items() if isinstance(value, int | float)}
    return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}


def _table(store: Store, path: str) -> pd.DataFrame:
    """Read a table of the folder; empty where it is not there yet."""
    if not store.exists(path):
        return pd.DataFrame({"participant_id": [], "reason": []})
    return pd.read_csv(
        io.BytesIO(store.read(path)), sep="\t", na_values="n/a", dtype={"participant_id": str}
    )
