"""Source `maps`: ready-made ratio maps on one grid."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from rt1t2_dask.bids.masks import Choice
from rt1t2_dask.config.study import MapsSource
from rt1t2_dask.pipelines.people.file_columns import named_path
from rt1t2_dask.pipelines.people.folders import MAP_NAME
from rt1t2_dask.pipelines.people.source import Chosen, Row, Source


class Maps(Source[MapsSource]):
    """A map for each person, and a mask where the participants table names one."""

    columns: ClassVar[tuple[str, ...]] = ("map", "mask")
    place_is: ClassVar[str] = "map"

    def place(self, row: Row) -> str | None:
        """Return the file of a person; None where the table names another."""
        return None if named_path(row, "map") else MAP_NAME.format(row["participant_id"])

    def choose(self, row: Row, top: Collection[str]) -> tuple[Chosen, tuple[str, ...]]:
        """Choose a person's map and mask."""
        path, mask = named_path(row, "map"), named_path(row, "mask")
        paths = {"map": path or MAP_NAME.format(row["participant_id"])}
        paths |= {"mask": mask} if mask else {}
        return {role: Choice(found, "") for role, found in paths.items()}, ()
