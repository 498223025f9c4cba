"""Everybody's maps of one stage as a lazy dataset over their own parts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.opened.axes import with_axes
from rt1t2_dask.pipelines.opened.catalogue import Catalogue
from rt1t2_dask.pipelines.opened.people import coordinates
from rt1t2_dask.storage.cohort import Cohort, open_cohort
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.shards import PARTICIPANT

SPACE = ["z", "y", "x"]


@dataclass(frozen=True)
class Shelf:
    """Where the maps of a study lie.

    Parameters
    ----------
    lake : Lake
    catalogue : Catalogue
    simulated : bool
    """

    lake: Lake
    catalogue: Catalogue
    simulated: bool = False

    def meant(self, name: str) -> str:
        """Return the stage of a name: ready-made ratio maps are of stage ``map``."""
        return "map" if name == "ratio" and "ratio" not in self.catalogue else name

    def stage(self, name: str) -> str:
        """Return the stage that is meant, known to have made maps.

        Raises
        ------
        UserError
            Nobody has maps of this stage.
        """
        found = self.meant(name)
        if found not in self.catalogue or not self.variables(found, 0):
            stages = [each for each in self.catalogue.stages if self.variables(each, 0)]
            raise UserError(
                f"there are no maps of stage {name!r} in the common space; choose from "
                f"{', '.join(stages)}."
            )
        return found

    def variables(self, stage: str, person: int) -> list[str]:
        """Return the arrays of a person's part that are maps (z, y, x) in the common space."""
        _, cohort = self.catalogue.cohort(self.lake, stage)
        part = cohort.part(person)
        try:
            objects = self.lake.objects(part)
        except FileNotFoundError:
            raise UserError(_gone(self.lake, part)) from None
        names = (path.partition("/")[0] for path in objects if path.endswith("/zarr.json"))
        return [name for name in names if name != "files" and self._is_map(part, name)]

    def _is_map(self, part: Part, name: str) -> bool:
        meta = json.loads(self.lake.object(part, f"{name}/zarr.json"))
        own = meta.get("dimension_names") == SPACE and meta["node_type"] == "array"
        return own and "space" in meta["attributes"]

    def examples(self, stage: str, also: Sequence[str]) -> dict[str, int]:
        """Return the maps of a stage, each with the place of a person who has it.

        Parameters
        ----------
        stage : str
        also : sequence of str
            People who may have maps that the first person lacks, such as of lesions.
        """
        labels, _ = self.catalogue.cohort(self.lake, stage)
        found: dict[str, int] = {}
        for person in [0, *(labels.index(label) for label in also if label in labels)]:
            found = dict.fromkeys(self.variables(stage, person), person) | found
        return found


def _gone(lake: Lake, part: Part) -> str:
    """Say what is missing: the lake, or a part of it."""
    if lake.store.children("parts"):
        return f"{lake.store.url}/{part.prefix} was removed from the lake; run the study again."
    return (
        f"the study's lake is not at {lake.store.url}: its maps cannot be opened, its tables can. "
        "Say where it is with open_study(..., lake=PLACE), or run the study again."
    )


@dataclass(frozen=True)
class Opened:
    """Everybody's maps of a stage, and where they come from.

    Parameters
    ----------
    dataset : xarray.Dataset
        (participant, z, y, x) with mm along the axes, the participants' columns as coordinates, and
        the key of everybody's part.
    labels : tuple of str
        Who has such maps.
    cohort : Cohort
        Their parts.
    examples : mapping of str to int
        By map, the place of a person who has it.
    """

    dataset: xr.Dataset
    labels: tuple[str, ...]
    cohort: Cohort
    examples: Mapping[str, int]


def open_maps(
    shelf: Shelf,
    stage: str,
    also: Sequence[str],
    people: pd.DataFrame,
    run: int | None = None,
) -> Opened:
    """Open everybody's maps of a stage.

    Parameters
    ----------
    shelf : Shelf
    stage : str
        As `Shelf.stage` returns.
    also : sequence of str
        See `Shelf.examples`.
    people : DataFrame
        The participants.
    run : int, optional
        People in a Dask chunk.
    """
    labels, cohort = shelf.catalogue.cohort(shelf.lake, stage)
    examples = shelf.examples(stage, also)
    keys = xr.Variable(PARTICIPANT, _keys(cohort), {"doc": "key of the part in the lake"})
    own = coordinates(people, labels, examples) | {"part": keys}
    about = {"simulated": shelf.simulated, "stage": stage, "parts": _parts(shelf.lake, stage)}
    dataset = with_axes(open_cohort(cohort, examples, run), own)
    return Opened(dataset.assign_attrs(about), labels, cohort, examples)


def _parts(lake: Lake, stage: str) -> str:
    return f"{lake.store.url}/parts/{stage}"


def _keys(cohort: Cohort) -> NDArray[np.object_]:
    every = cohort.keys.hex()
    return np.array([every[k : k + 32] for k in range(0, len(every), 32)], dtype=np.object_)


def with_gain(dataset: xr.Dataset, factors: NDArray[np.float32] | None) -> xr.Dataset:
    """Return maps with everybody's gain taken out, as the output folder holds them."""
    if factors is None:
        return dataset
    gain = xr.DataArray(factors, dims=PARTICIPANT)
    if (factors != 1).any():
        ratios = {name: array for name, array in dataset.items() if array.dtype.kind == "f"}
        scaled = {name: (array * gain).assign_attrs(array.attrs) for name, array in ratios.items()}
        dataset = dataset.assign(scaled)
    about = {"doc": "what the person's raw ratio is multiplied by"}
    return dataset.assign_coords(gain=gain.assign_attrs(about))
