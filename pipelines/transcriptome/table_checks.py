"""Read tables of regions and genes before any work, to report invalid ones at once."""

from __future__ import annotations

from collections.abc import Iterable

from rt1t2_dask.morphometry.tables import read_centroids, read_map
from rt1t2_dask.pipelines.engine.task import InputFile, Task
from rt1t2_dask.pipelines.morphometry.compute import (
    CENTROIDS,
    IMAGE,
    MAP,
    is_image,
    read_features,
)
from rt1t2_dask.pipelines.morphometry.settings import FeatureSettings
from rt1t2_dask.pipelines.transcriptome.compute import EXPRESSION, SET
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.transcriptome.expression import read_expression, read_gmt


def check_tables(lake: Lake, tasks: Iterable[Task]) -> None:
    """Read every table of missing parts.

    Raises
    ------
    UserError
        For the first table that cannot be read.
    """
    read: set[tuple[str, str]] = set()
    for task in tasks:
        new = {r: f for r, f in task.each_file() if (r, f.sha256) not in read}
        if new and not lake.is_complete(task.part):
            for role, file in new.items():
                _check(task, role, file)
                read.add((role, file.sha256))


def _check(task: Task, role: str, file: InputFile) -> None:
    if is_image(file.path) or role.startswith(IMAGE):
        return
    if isinstance(task.settings, FeatureSettings):
        read_features(file.read(), role, task.settings.layout, file.path)
    elif role == CENTROIDS:
        read_centroids(file.read(), f"source.centroids={file.path}")
    elif role == EXPRESSION:
        read_expression(file.read(), f"transcriptome.expression={file.path}")
    elif role.startswith(SET):
        read_gmt(file.read(), f"transcriptome.gene_sets={file.path}")
    elif role.startswith(MAP):
        read_map(file.read(), f"similarity.maps.{role.removeprefix(MAP)}={file.path}")
