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

    def label_of(self, row: Row) -> str:
        """Return the label of the map: with the session where people have several."""
        return str(row["participant_id"])

    def sessions_there(self, label: str, top: Collection[str]) -> set[str]:
        """Return the sessions of a person's maps, such as ``sub-01_ses-1_T1wT2wratio.nii.gz``."""
        ending = MAP_NAME.format("")
        start = f"{label}_ses-"
        own = (name for name in top if name.startswith(start) and name.endswith(ending))
        return {name.removeprefix(start).removesuffix(ending) for name in own}

    def choose(self, row: Row, top: Collection[str]) -> tuple[Chosen, tuple[str, ...]]:
        """Choose a person's map and mask."""
        path, mask = named_path(row, "map"), named_path(row, "mask")
        paths = {"map": path or MAP_NAME.format(row["participant_id"])}
        paths |= {"mask": mask} if mask else {}
        return {role: Choice(found, "") for role, found in paths.items()}, ()
