"""Sources `bids` and `derivatives`: scans in a BIDS dataset, and what sMRIPrep made of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from rt1t2_dask.bids.files import Scans
from rt1t2_dask.config.study import BidsSource, DerivativesSource
from rt1t2_dask.pipelines.people.scans import MASKS, bids_scans, derivatives
from rt1t2_dask.pipelines.people.source import Chosen, MaskedSource, Row


class Bids(MaskedSource[BidsSource]):
    """T1w and T2w in a BIDS dataset."""

    labels_known: ClassVar[bool] = True

    def choose(self, row: Row, top: Collection[str]) -> tuple[Chosen, tuple[str, ...]]:
        """Choose a person's scans and masks by their BIDS names and sidecars."""
        masks = self.masks(row)
        found = bids_scans(self.settings, self.store, row, top, masks)
        return by_role(found) | masks, passed_over(found, masks)


class Derivatives(MaskedSource[DerivativesSource]):
    """What sMRIPrep or fMRIPrep made of the scans."""

    labels_known: ClassVar[bool] = True

    def choose(self, row: Row, top: Collection[str]) -> tuple[Chosen, tuple[str, ...]]:
        """Choose a person's derivatives, and the raw scans that they lack."""
        masks = self.masks(row)
        return derivatives(self.config, self.settings, self.store, row, masks) | masks, ()


def by_role(found: Scans) -> Chosen:
    """Return the scans and masks that were found, by role."""
    return {"t1w": found.t1w, "t2w": found.t2w} | {name: getattr(found, name) for name in MASKS}


def passed_over(found: Scans, masks: Chosen) -> tuple[str, ...]:
    """Name the lesion masks that are not read, but for the one that is named."""
    named = masks.get("lesion")
    return tuple(path for path in found.passed if named is None or path != named.path)
