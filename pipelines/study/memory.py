"""Memory of a part, foretold from the size of the images before anything is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from rt1t2_dask.config.study import Config, MapsSource, SimulatedSource
from rt1t2_dask.errors import SubjectError, UserError
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.contrasts.plan import BRAIN_MM3, TEMPLATE_MM3
from rt1t2_dask.pipelines.permutations.data import Memory
from rt1t2_dask.pipelines.study.effort import scan_voxel_mm

HEAD_MM3 = 240.0 * 280.0 * 250.0
FLOAT_BYTES = 4
WORKER_BYTES = 800e6
"""A worker with its libraries, the images it shares between people and what earlier parts left."""


@dataclass(frozen=True)
class Sizes:
    """Voxels of a person's images.

    Parameters
    ----------
    scans : float
        Of the T1w on its working grid and of the T2w, together.
    field : float
        Of the grid on which the deformation is estimated.
    output : float
        Of the output map.
    """

    scans: float = 0.0
    field: float = 0.0
    output: float = 0.0


@dataclass(frozen=True)
class Need:
    """What a part takes above that: megabytes, and float32 volumes of each kind."""

    megabytes: float
    scans: float = 0.0
    field: float = 0.0
    output: float = 0.0

    def bytes(self, sizes: Sizes) -> float:
        """Return the peak for these images."""
        volumes = self.scans * sizes.scans + self.field * sizes.field + self.output * sizes.output
        return 1e6 * self.megabytes + FLOAT_BYTES * volumes


# Upper bounds of what benchmarks/lakes/memory.py measured at 4, 2 and 1 mm.
NEEDS: Mapping[str, Need] = {
    "template": Need(400, output=4),
    "head": Need(210),
    "ingest": Need(60, scans=2),
    "coregister": Need(170, scans=2.3),
    "bias": Need(160, scans=4.2),
    "brain": Need(410, scans=6.6),
    "normalise": Need(580, scans=3.6, field=40),
    "tissue": Need(290, scans=4),
    "landmarks": Need(130, scans=13.6),
    "calibrate": Need(30),
    "ratio": Need(165, scans=3.2, output=6),
    "quality": Need(330, scans=1, output=2.5),
    "smooth": Need(190, output=5),
    "parcels": Need(150, output=4.6),
}


def sizes_of(config: Config) -> Sizes:
    """Return the sizes that the settings foretell, for a whole head of 240 x 280 x 250 mm."""
    return Sizes(
        2 * HEAD_MM3 / scan_voxel_mm(config) ** 3,
        TEMPLATE_MM3 / config.registration_voxel_mm**3,
        TEMPLATE_MM3 / config.output_voxel_mm**3,
    )


def sizes_of_grids(config: Config, grids: Mapping[str, Grid]) -> Sizes:
    """Return the sizes that the headers of a person's images show, by role."""
    foretold = sizes_of(config)
    if "map" in grids:
        return Sizes(output=float(np.prod(grids["map"].shape)))
    if not {"t1w", "t2w"} <= set(grids):
        return foretold
    scans = _working(config, grids["t1w"]) + float(np.prod(grids["t2w"].shape))
    return Sizes(scans, foretold.field, foretold.output)


def _working(config: Config, t1w: Grid) -> float:
    """Voxels of the T1w as it is or on its working grid, whichever is more."""
    own = float(np.prod(t1w.shape))
    if config.t1w_voxel_mm is None:
        return own
    return max(own, own * float(np.prod(t1w.voxel_mm)) / config.t1w_voxel_mm**3)


def image_gigabytes(stage: str, sizes: Sizes) -> float | None:
    """Foretell the peak of a worker that makes a part of an image stage; None for others."""
    need = NEEDS.get(stage)
    return None if need is None else (WORKER_BYTES + need.bytes(sizes)) / 1e9


def permute_gigabytes(config: Config, rows: int) -> float:
    """Foretell the peak of a worker that relabels `rows` maps: blocks are as small as it needs."""
    voxels = int(BRAIN_MM3 / config.output_voxel_mm**3)
    wide = "tfce" in config.permute.statistic
    return Memory(rows, voxels, wide, config.cluster.worker_gb * 1e9).peak / 1e9


def require_room(config: Config, sizes: Sizes | None = None) -> None:
    """Refuse images that a worker has no room for.

    Parameters
    ----------
    sizes : Sizes, optional
        Of the largest images; what the settings foretell where left out.

    Raises
    ------
    UserError
        With the stage that takes most, what it takes and what ``cluster.memory_gb`` allows.
    """
    limit = config.cluster.memory_gb
    if limit is None or (sizes is None and isinstance(config.source, MapsSource)):
        return
    said = too_large(sizes or sizes_of(config), limit, stages_of(config))
    if said:
        raise UserError(f"{said} more than cluster.memory_gb={limit:g}; {_remedy(config)}.")


def stages_of(config: Config) -> tuple[str, ...]:
    """Name the image stages of a source."""
    ready_made = isinstance(config.source, MapsSource)
    return ("smooth", "parcels") if ready_made else tuple(NEEDS)


def too_large(sizes: Sizes, limit_gb: float, stages: tuple[str, ...]) -> str | None:
    """Say which stage needs most, where that is more than a worker has."""
    needs = {stage: image_gigabytes(stage, sizes) or 0.0 for stage in stages}
    stage = max(needs, key=lambda name: needs[name])
    if needs[stage] <= limit_gb:
        return None
    kinds = {"scans of": sizes.scans, "a map of": sizes.output}
    shown = " and ".join(f"{name} {n / 1e6:.1f} million voxels" for name, n in kinds.items() if n)
    return f"{stage} takes {needs[stage]:.1f} GB for {shown},"


def _remedy(config: Config) -> str:
    if isinstance(config.source, MapsSource):
        return "raise it"
    name = "source" if isinstance(config.source, SimulatedSource) else "resample"
    return f"raise it or take a larger {name}.voxel_mm or template.voxel_mm"


def require_room_for(stage: str, made: xr.Dataset, limit_gb: float | None) -> None:
    """Refuse a person whose scans, just read, are too large for the stages to come.

    Raises
    ------
    SubjectError
    """
    if limit_gb is None or stage != "ingest":
        return
    scans = float(sum(made[name].size for name in ("t1w", "t2w") if name in made))
    said = too_large(Sizes(scans=scans), limit_gb, tuple(NEEDS))
    if said:
        raise SubjectError(
            f"{said} more than a worker's {limit_gb:.1f} GB.",
            "Raise cluster.memory_gb or set resample.voxel_mm.",
        )
