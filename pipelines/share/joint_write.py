"""The output folder of a study of sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.outputs.dataset import SIMULATED, description
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.outputs.people_section import compared_pairs
from rt1t2_dask.pipelines.outputs.tables import json_bytes, write_table
from rt1t2_dask.pipelines.share.files import SiteFile
from rt1t2_dask.stats.demographics import joint_demographics, joint_pairs
from rt1t2_dask.storage.provenance import environment
from rt1t2_dask.storage.stores import Store


@dataclass(frozen=True)
class FinishedSums(Finished):
    """A study of sums whose parts are all there.

    Parameters
    ----------
    files : tuple of SiteFile
        What the sites handed on.
    """

    page: ClassVar[str | None] = None

    files: tuple[SiteFile, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether the files say that their data are simulated."""
        return bool(self.files[0].about["simulated"])

    def shows(self) -> list[Any]:
        """Return the sites' files."""
        return [[one.site, one.file.path, one.file.sha256] for one in self.files]

    def write_dataset(self, store: Store) -> None:
        """Write the description and the tables of sites, protocols and people."""
        config, files = self.config, self.files
        about = _description(config, files, self.simulated)
        store.write("dataset_description.json", json_bytes(about))
        write_table(store, "group/sites.tsv", _site_table(config, files))
        write_table(store, "group/calibration.tsv", _protocol_table(files))
        write_table(store, "group/demographics.tsv", _demographics(config, files))
        write_table(store, "group/demographics_pairs.tsv", _age_pairs(config, files))

    def provenance(self) -> dict[str, Any]:
        """Describe settings, files, versions and parts."""
        return {
            "config": self.config.model_dump(mode="json"),
            "files": {one.site: {one.file.path: one.file.sha256} for one in self.files},
            "notes": self.notes,
            "environment": environment(),
            "group_parts": {
                name: keys for a in self.group.analyses for name, keys in a.keys().items()
            },
        }


def _description(config: Config, files: Sequence[SiteFile], simulated: bool) -> dict[str, Any]:
    mark = f"{SIMULATED}: " if simulated else ""
    known = description(config)
    return known | {
        "Name": f"{mark}T1w/T2w ratio of cohort {config.cohort.name}, from sums of sites",
        "SourceDatasets": [{"URL": f"urn:sha256:{one.file.sha256}"} for one in files],
        "DatasetLinks": {},
        "simulated": simulated,
    }


def _site_table(config: Config, files: Sequence[SiteFile]) -> pd.DataFrame:
    """Return each site's people and the share of the brain that its cells cover."""
    rows = []
    for one in files:
        own, cells = one.about["demographics"], one.about["cells"]
        people = one.grams().grams[:, 0, 0]
        present = one.arrays["share_present"].to_numpy()
        shares = present.mean(axis=1) @ people / people.sum()
        counts = {group: own.get(group, {}).get("n", 0) for group in config.cohort.groups}
        ages = {
            f"age_mean_{g}": d["age_sum"] / d["age_n"] if d["age_n"] else np.nan
            for g, d in own.items()
        }
        rows.append({"site": one.site, **counts, **ages, "cells": len(cells), "shared": shares})
    return pd.DataFrame(rows)


def _protocol_table(files: Sequence[SiteFile]) -> pd.DataFrame:
    """Return what each site estimated of the gain of its protocols."""
    rows = [
        {"site": one.site, **{k: v for k, v in protocol.items() if k != "sums"}}
        for one in files
        for protocol in one.about.get("protocols", [])
    ]
    return pd.DataFrame(rows)


def _demographics(config: Config, files: Sequence[SiteFile]) -> pd.DataFrame:
    return joint_demographics(_sums(config, files), config.cohort.reference)


def _age_pairs(config: Config, files: Sequence[SiteFile]) -> pd.DataFrame:
    return joint_pairs(_sums(config, files), compared_pairs(config))


def _sums(config: Config, files: Sequence[SiteFile]) -> dict[str, list[dict[str, Any]]]:
    """Return what each site tells of the ages and sexes of a group, by group."""
    return {
        group: [one.about["demographics"][group] for one in files if group in one.about["groups"]]
        for group in config.cohort.groups
    }
