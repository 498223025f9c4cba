"""The contrasts of a study: statistical maps from the lake, tables from the folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import xarray as xr

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.opened.axes import with_axes
from rt1t2_dask.pipelines.opened.statistics import STAGES, maps_of
from rt1t2_dask.pipelines.opened.tables import Named, Tables
from rt1t2_dask.pipelines.permutations.stages import PERMUTE
from rt1t2_dask.storage.parts import Lake, Part

MEASURE = "_measure-"


@dataclass(frozen=True)
class Contrast:
    """One contrast of a finished study.

    Parameters
    ----------
    name : str
    lake : Lake
    keys : mapping of str to str
        Key of each of its parts by stage; empty where it has no maps.
    tables : Tables
        Of the whole study.
    simulated : bool
    early_stop : bool
        Whether the permutations could stop early: then p of single voxels are not known.
    tested : str
        Stage of the maps that were compared, for ``study.maps``.
    """

    name: str
    lake: Lake
    keys: Mapping[str, Any]
    tables: Tables
    simulated: bool = False
    early_stop: bool = False
    tested: str = "smooth"

    @cached_property
    def maps(self) -> xr.Dataset:
        """Statistical maps (z, y, x), lazily, named as in the output folder.

        ``t`` or ``F``, ``effect``, ``n``, ``dof``; ``d``, of a slope ``r``, of an F ``eta2``;
        ``mde`` and its kin; after permutations ``fwe``, ``fwe_tfce`` and ``uncorrected``, -log10 p;
        ``clusters``, which the folder has as a table.

        Raises
        ------
        UserError
            The contrast is of regional tables, or its lake is gone.
        """
        found: dict[str, xr.DataArray] = {}
        for stage in (stage for stage in STAGES if stage in self.keys):
            found |= self._of(Part(stage, self.keys[stage]))
        if not found:
            raise UserError(f"contrast {self.name} has no maps; see its tables.")
        about = {"contrast": self.name, "simulated": self.simulated, "tested": self.tested}
        maps = with_axes(xr.Dataset(found)).assign_attrs(about)
        maps.attrs.pop("units", None)
        return maps

    def _of(self, part: Part) -> dict[str, xr.DataArray]:
        """Return the maps of a part, by their names in the output folder."""
        try:
            arrays = self.lake.read(part, chunks={})
        except FileNotFoundError:
            raise UserError(
                f"{self.lake.store.url}/{part.prefix} is not there: the study's lake is gone or "
                "was cleared. Say where it is with open_study(..., lake=PLACE), or run it again."
            ) from None
        counted = part.stage == PERMUTE.name and not self.early_stop
        record = self.lake.record(part)
        alone_of = int(record["n"]) if counted else None
        return maps_of(part.stage, arrays, record.get("numerator") or self._rows, alone_of)

    @cached_property
    def _rows(self) -> int:
        """How many rows the contrast has: an F has several."""
        design = self.tables.some(f"contrast-{self.name}_design", "row")
        return 1 if design is None else int(design["row"].str.startswith("contrast-").sum())

    @property
    def clusters(self) -> pd.DataFrame:
        """The suprathreshold clusters with their p."""
        return self.table("clusters")

    @property
    def peaks(self) -> pd.DataFrame:
        """The peaks of the clusters."""
        return self.table("peaks")

    @property
    def effects(self) -> pd.DataFrame:
        """Effect sizes of the clusters, with intervals."""
        return self.table("effects")

    @property
    def design(self) -> pd.DataFrame:
        """The design matrix and the rows of the contrast."""
        return self.table("design")

    @property
    def regions(self) -> pd.DataFrame:
        """The contrast in every region; of regional tables, of every measure."""
        start = f"contrast-{self.name}{MEASURE}"
        own = [n for n in self.tables if n.startswith(start) and n.endswith("_regions")]
        if not own:
            return self.table("parcels")
        measures = [name.removeprefix(start).removesuffix("_regions") for name in own]
        rows = [self.tables[n].assign(measure=m) for n, m in zip(own, measures, strict=True)]
        return pd.concat(rows, ignore_index=True)

    def table(self, kind: str) -> pd.DataFrame:
        """Read a table of the contrast by the end of its name, such as ``thresholds``."""
        return self.tables[f"contrast-{self.name}_{kind}"]

    def __repr__(self) -> str:
        start = f"contrast-{self.name}_"
        tables = [name.removeprefix(start) for name in self.tables if name.startswith(start)]
        maps = "maps, " if self.keys else ""
        return f"<Contrast {self.name}: {maps}tables {', '.join(tables)}>"


class Contrasts(Named[Contrast]):
    """The contrasts of a study by name."""

    what = "contrast"

    def __init__(self, own: Mapping[str, Contrast]) -> None:
        self._own = dict(own)

    def names(self) -> tuple[str, ...]:
        """Return the contrasts' names."""
        return tuple(self._own)

    def made(self, name: str) -> Contrast:
        """Return a contrast."""
        return self._own[name]
