"""A design as a stage's settings, and back; with what every stage of a contrast is told."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.pipelines.calibration.group_scale import ScaleSettings
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.stats.design import Design
from rt1t2_dask.stats.glm.fit import Variance

Rows = tuple[tuple[float, ...], ...]


class DesignSettings(StageSettings):
    """A design as plain numbers, without anybody's label."""

    matrix: Rows
    names: tuple[str, ...]
    group: tuple[str, ...]
    contrast: Rows
    blocks: tuple[str, ...] | None
    flips: bool
    pairs: bool


class ContrastSettings(ScaleSettings):
    """What every stage that reads the rows of a contrast is told.

    Parameters
    ----------
    baseline : tuple of bool
        Rows whose mean effects are a share of; of the stages that fit.
    """

    design: DesignSettings
    min_group_n: int
    min_group_share: float
    variance: Variance
    space: str
    baseline: tuple[bool, ...] = ()


def as_settings(design: Design) -> DesignSettings:
    """Return a design as settings."""
    return DesignSettings(
        matrix=design.matrix.tolist(),
        names=design.names,
        group=design.group.tolist(),
        contrast=design.contrast.tolist(),
        blocks=None if design.blocks is None else design.blocks.tolist(),
        flips=design.flips,
        pairs=design.partner is not None,
    )


def from_settings(settings: DesignSettings) -> Design:
    """Read a design back; row k of it is row k of the maps."""
    return Design(
        matrix=np.asarray(settings.matrix, np.float64),
        names=settings.names,
        group=np.asarray(settings.group, np.str_),
        contrast=np.asarray(settings.contrast, np.float64),
        rows=np.arange(len(settings.group)),
        blocks=None if settings.blocks is None else np.asarray(settings.blocks, np.str_),
        flips=settings.flips,
    )
