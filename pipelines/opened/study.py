"""A finished study in Python: people, maps, regions, contrasts, tables, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.opened.catalogue import Catalogue, catalogue
from rt1t2_dask.pipelines.opened.contrasts import Contrast, Contrasts
from rt1t2_dask.pipelines.opened.find import NOT_OURS, Found, damaged, require_forms
from rt1t2_dask.pipelines.opened.gains import gains
from rt1t2_dask.pipelines.opened.maps import Opened, Shelf, open_maps, with_gain
from rt1t2_dask.pipelines.opened.page import page, text
from rt1t2_dask.pipelines.opened.people import LABEL, read_people
from rt1t2_dask.pipelines.opened.regions import region_means
from rt1t2_dask.pipelines.opened.tables import Tables
from rt1t2_dask.pipelines.outputs.states import REPORT
from rt1t2_dask.storage.shards import PARTICIPANT

MEANS, ATLAS = "parcels", "atlas-Neuromorphometrics_dseg"
QUALITY, RECEPTORS = "quality", "receptors"
USED, LESION, RATIO = "used", "lesion_ml", "ratio"
SMOOTH, HARMONISED = "smooth", "harmonised"
MAP_STAGES = ("map", RATIO, SMOOTH, HARMONISED)


class Study:
    """A finished study; nothing is read before it is asked for.

    Parameters
    ----------
    found : Found
        Folder, provenance and lake.
    """

    def __init__(self, found: Found) -> None:
        about = dict(found.provenance)
        about.pop("inputs", None)
        self._folder, self._lake = found.folder, found.lake
        parts = about.pop("parts", {})
        try:
            self.why_no_maps = _why_no_maps(about)
            own = Catalogue() if self.why_no_maps else _with_harmonised(catalogue(parts), about)
            require_forms(about)
        except NOT_OURS:
            raise damaged(found.folder) from None
        self._shelf = Shelf(found.lake, own, bool(about["simulated"]))
        self.provenance: Mapping[str, Any] = about

    @property
    def cohort(self) -> str:
        """Name of the cohort."""
        return str(self.provenance["config"]["cohort"]["name"])

    @property
    def simulated(self) -> bool:
        """Whether the data are simulated."""
        return self._shelf.simulated

    @cached_property
    def tables(self) -> Tables:
        """Every table of the study by name, read when it is asked for."""
        return Tables(self._folder)

    def table(self, name: str) -> pd.DataFrame:
        """Read a table by its file name without ``.tsv``."""
        return self.tables[name]

    @cached_property
    def people(self) -> pd.DataFrame:
        """The participants, those who failed included."""
        return read_people(self._folder, self.provenance["config"]["cohort"])

    @property
    def url(self) -> str:
        """Where the study was opened."""
        return self._folder.url

    @property
    def map_stages(self) -> tuple[str, ...]:
        """Names of stages that `maps` opens; others have maps in people's own space, or none."""
        return tuple(stage for stage in MAP_STAGES if stage in self._shelf.catalogue)

    def maps(
        self, stage: str = "smooth", *, corrected: bool = True, people: int | None = None
    ) -> xr.Dataset:
        """Open everybody's maps of a stage, lazily and without a copy.

        Parameters
        ----------
        stage : str
            ``smooth`` or ``ratio``, with site.model=combat ``harmonised``: the variables are those
            of the stage.
        corrected : bool
            Whether ratios are times everybody's gain correction, as in the output folder; else as
            the stage left them.
        people : int, optional
            People in a Dask chunk, which is one inner chunk of each of them.

        Returns
        -------
        xarray.Dataset
            (participant, z, y, x): mm along the axes, every column of the participants as a
            coordinate along ``participant``, and whether the person is ``used`` in the group
            results.

        Raises
        ------
        UserError
            The study has no such maps, or its lake is gone.
        """
        if people is not None and (not isinstance(people, int) or people < 1):
            raise UserError(f"maps(people={people}): a Dask chunk holds at least one person.")
        opened = self.volumes(stage, people)
        own = None if stage == HARMONISED else self.gains(opened.labels)
        return with_gain(opened.dataset, own) if corrected else opened.dataset

    def volumes(self, stage: str, people: int | None = None) -> Opened:
        """Return everybody's maps of a stage and where they come from; arguments as `maps`."""
        if self.why_no_maps:
            raise UserError(self.why_no_maps)
        own = self._shelf.stage(stage)
        opened = open_maps(self._shelf, own, self._with_lesion(own), self.people, people)
        used = xr.Variable(PARTICIPANT, self._used(opened.labels))
        return replace(opened, dataset=opened.dataset.assign_coords(used=used))

    def gains(self, labels: Sequence[str]) -> NDArray[np.float32] | None:
        """Return what each person's raw ratio is multiplied by; None where nothing is corrected."""
        known = self._factors
        if known is None:
            return None
        return np.array([known.get(label, 1.0) for label in labels], dtype=np.float32)

    @cached_property
    def _factors(self) -> dict[str, float] | None:
        return gains(self._lake, self.provenance, self._shelf.catalogue.labels)

    def has_maps(self, stage: str) -> bool:
        """Return whether anybody has a part of a stage."""
        return self._shelf.meant(stage) in self._shelf.catalogue

    @cached_property
    def _judged(self) -> pd.DataFrame:
        """Who is used, and whose lesion is known; empty where there is no such table."""
        found = self.tables.some(QUALITY, LABEL, USED, LESION)
        return pd.DataFrame(index=pd.Index([])) if found is None else found.set_index(LABEL)

    def _with_lesion(self, stage: str) -> list[str]:
        """Return the first person with a lesion, where the stage has a map of it."""
        if stage != RATIO or LESION not in self._judged:
            return []
        return self._judged.index[self._judged[LESION].notna()].tolist()[:1]

    def _used(self, labels: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each person is in the group results."""
        if USED not in self._judged:
            return np.ones(len(labels), dtype=np.bool_)
        return np.asarray(self._judged[USED].reindex(list(labels)) == "yes")

    @cached_property
    def regions(self) -> xr.DataArray:
        """Mean of everybody's maps, as they were `tested`, over every region, with names."""
        means, atlas = self.tables[MEANS], self.tables[ATLAS]
        return region_means(means, atlas, self.people, simulated=self.simulated)

    @cached_property
    def contrasts(self) -> Contrasts:
        """The contrasts by name, each with ``maps``, ``clusters``, ``peaks`` and ``regions``."""
        parts: Mapping[str, Any] = self.provenance.get("group_parts", {})
        keys = parts.get("contrasts", {})
        names = keys or self.provenance["config"]["cohort"].get("contrasts") or {}
        stop = (self.provenance["config"].get("permute") or {}).get("early_stop") is not None
        about = (self.tables, self.simulated, stop, self.tested)
        return Contrasts({n: Contrast(n, self._lake, keys.get(n, {}), *about) for n in names})

    @property
    def tested(self) -> str:
        """Name of the maps that contrasts and regions are of, for `maps`."""
        return HARMONISED if HARMONISED in self._shelf.catalogue else SMOOTH

    @property
    def receptors(self) -> pd.DataFrame:
        """Correlations with the receptor maps."""
        return self.table(RECEPTORS)

    @property
    def quality(self) -> pd.DataFrame:
        """Everybody's quality: flag, reasons and numbers."""
        return self.table(QUALITY)

    @property
    def report(self) -> Path | str:
        """Where the report lies: a path, or a URL in a bucket.

        Raises
        ------
        UserError
            There is none where the study was opened.
        """
        if not self._folder.exists(REPORT):
            out = self.provenance["config"]["output_dir"]
            raise UserError(f"{self._folder.url} has no {REPORT}; the study was written to {out}.")
        where = f"{self._folder.url}/{REPORT}"
        return where if "://" in where else Path(where)

    def __repr__(self) -> str:
        return text(self)

    def _repr_html_(self) -> str:
        return page(self)


def _with_harmonised(own: Catalogue, provenance: Mapping[str, Any]) -> Catalogue:
    """Add the maps without site effects, which are parts of the group."""
    found = provenance.get("group_parts", {}).get("other", {}).get(HARMONISED)
    return own if found is None else own.beside(HARMONISED, found)


def _why_no_maps(provenance: Mapping[str, Any]) -> str:
    """Say why a study has nobody's maps; empty where it has."""
    name = provenance["config"]["cohort"]["name"]
    if "measures" in provenance:
        return f"{name} is a study of regional tables and has no maps; see its tables."
    if "files" in provenance:
        return f"{name} was made from sums of sites and has nobody's maps; see its contrasts."
    return ""
