"""Sources `morphometry` and `simulated_morphometry`: regional tables of FreeSurfer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from functools import cached_property
from typing import ClassVar

import pandas as pd

from rt1t2_dask.config.study import MorphometrySource, SimulatedMorphometrySource
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.regions import desikan_names, sphere_centroids
from rt1t2_dask.pipelines.people.source import Source
from rt1t2_dask.pipelines.transcriptome.simulated import gene_files
from rt1t2_dask.simulate import cohort
from rt1t2_dask.simulate.regions import TYPICAL, aparc_table, simulate_features

DESCRIPTION = "dataset_description.json"
SIDES = ("lh", "rh")


class Tables(Source[MorphometrySource]):
    """Tables that FreeSurfer's programs, or their users, wrote."""

    columns: ClassVar[tuple[str, ...]] = ()
    listed: ClassVar[bool] = False

    @property
    def tables(self) -> MorphometrySource:
        """How the tables are laid out."""
        return self.settings


class SimulatedTables(Source[SimulatedMorphometrySource]):
    """Simulated tables, written when a study first asks for them."""

    columns: ClassVar[tuple[str, ...]] = ()
    listed: ClassVar[bool] = False

    @property
    def tables(self) -> MorphometrySource:
        """How the tables are laid out: as FreeSurfer's."""
        root = self.settings.root
        return MorphometrySource(kind="morphometry", root=root, layout="aparcstats2table")

    def missing(self) -> int:
        """Count the files that are yet to be written.

        Raises
        ------
        UserError
            The cohort names a group that the source does not simulate.
        """
        groups = self.settings.groups
        unknown = [v for v in self.config.cohort.groups.values() if v not in groups]
        if unknown:
            raise UserError(
                f"source=simulated_morphometry has no group {unknown[0]}; it has "
                f"{', '.join(groups)}. Set source.groups.{unknown[0]}, or bring your own "
                "tables: source=morphometry source.root=DIR."
            )
        return len(self._missing)

    def write_missing(self, executor: Executor | None = None) -> None:
        """Write them."""
        store = self.store
        for path, content in self._missing:
            store.write(path, content)

    @cached_property
    def _missing(self) -> list[tuple[str, bytes]]:
        store = self.store
        return [
            (path, content)
            for path, content in self._files()
            if not store.exists(path) or store.read(path) != content
        ]

    def _files(self) -> Iterator[tuple[str, bytes]]:
        yield from _simulated_files(self.settings)
        if self.config.transcriptome.simulated:
            yield from gene_files(self.settings.seed)


def _simulated_files(source: SimulatedMorphometrySource) -> Iterator[tuple[str, bytes]]:
    specs = {
        name: cohort.GroupSpec(**g.model_dump(), lesions=False) for name, g in source.groups.items()
    }
    people = cohort.people(specs, source.seed)
    names = desikan_names()
    places = sphere_centroids(names)
    assert places is not None
    affected = [specs[group].effects for group in people["group"]]
    values = simulate_features(people, affected, names, places, source.seed)
    yield "README.md", _README
    yield DESCRIPTION, _DESCRIPTION
    yield "participants.tsv", _participants(people)
    labels = people["participant_id"].tolist()
    for k, feature in enumerate(TYPICAL):
        for side in SIDES:
            content = aparc_table(values[:, :, k], labels, names, side, feature)
            yield f"{side}.aparc.{feature}.tsv", content


def _participants(people: pd.DataFrame) -> bytes:
    text = people.to_csv(sep="\t", index=False, lineterminator="\n")
    return str(text).encode()


_DESCRIPTION = b"""{
  "Name": "SIMULATED regional tables, no real person",
  "BIDSVersion": "1.10.0",
  "simulated": true
}
"""
_README = b"""# SIMULATED regional tables, no real person

Computed by rt1t2_dask from a seed. Where similarity is higher in patients, it was planted (insula
and limbic cortex). Nothing here may be used to draw a conclusion about any disease.
"""
