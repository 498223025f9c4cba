"""Stage `share_cells`: a site's people divided into cells, whose sums are shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.share.patterns import read_tally
from rt1t2_dask.sites.cells import Cell, Patterns, divide

Cells = Mapping[str, Sequence[Cell]]


class CellSettings(StageSettings):
    """Everybody's group and columns, and the cells of an earlier export of the same people."""

    group: tuple[str, ...]
    groups: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    minimum_people: int
    cells: dict[str, tuple[tuple[int, ...], ...]] | None


def make(inputs: Inputs) -> Made:
    """Take the cells of an earlier export of the same people, else divide each group."""
    settings = inputs.settings_as(CellSettings)
    shares = range(len(inputs.parts("patterns")))
    tally = read_tally([inputs.dataset("patterns", k) for k in shares])
    patterns = Patterns.of(tally, len(settings.group))
    cells = _known(settings.cells) if settings.cells is not None else _divided(settings, patterns)
    return Made(xr.Dataset(), _record(settings.groups, cells, patterns))


def cells_of(inputs: Inputs, groups: Sequence[str]) -> dict[str, list[Cell]]:
    """Read the cells of each group, in the order of the groups."""
    cells = inputs.record("cells")["cells"]
    return {name: [np.asarray(cell, np.intp) for cell in cells[name]] for name in groups}


def _known(cells: Mapping[str, Sequence[Sequence[int]]]) -> Cells:
    return {name: [np.asarray(cell, np.intp) for cell in own] for name, own in cells.items()}


def _divided(settings: CellSettings, patterns: Patterns) -> Cells:
    group, matrix = np.asarray(settings.group, np.str_), np.asarray(settings.matrix, np.float64)
    members = {name: np.flatnonzero(group == name) for name in settings.groups}
    least = settings.minimum_people
    return {name: divide(rows, patterns, matrix, least) for name, rows in members.items()}


def _record(groups: Sequence[str], cells: Cells, patterns: Patterns) -> dict[str, Any]:
    """Record who is in which cell, for this site only, and how much is shared."""
    total = int(patterns.voxels.sum())
    kept: dict[str, list[float]] = {}
    for name in groups:
        people = np.concatenate(cells[name])
        measured = int((patterns.present[:, people].sum(axis=1) * patterns.voxels).sum())
        whole = patterns.present[:, people].all(axis=1)
        kept[name] = [
            float(patterns.voxels[whole].sum() / total),
            patterns.kept(cells[name]) / max(measured, 1),
        ]
    cells_by_group = {name: [c.tolist() for c in own] for name, own in cells.items()}
    return {"cells": cells_by_group, "kept": kept, "voxels": total}
