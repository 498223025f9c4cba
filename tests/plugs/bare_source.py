"""A small source of a kind of its own: maps that are called as people are, with nothing after."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Literal

from rt1t2_dask.bids.masks import Choice
from rt1t2_dask.config.model import SourceSettings
from rt1t2_dask.pipelines.people.source import Chosen, Row, Source


class BareSource(SourceSettings):
    """Maps ``sub-01.nii.gz`` in one folder."""

    reader: ClassVar[str] = f"{__name__}:Bare"
    ready_made: ClassVar[bool] = True

    kind: Literal["bare"]

    def space_of_maps(self, transform_is_given: bool) -> str:
        """Return the space of all maps."""
        return "MNI152NLin2009aSym"


class Bare(Source[BareSource]):
    """A map for each person, called by the label alone."""

    columns: ClassVar[tuple[str, ...]] = ()
    place_is: ClassVar[str] = "map"

    def place(self, row: Row) -> str:
        """Return the person's file."""
        return f"{row['participant_id']}.nii.gz"

    def choose(self, row: Row, top: Collection[str]) -> tuple[Chosen, tuple[str, ...]]:
        """Choose the person's map."""
        return {"map": Choice(self.place(row), "")}, ()
