"""People who could not be processed."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.images.plan import Failure, PersonPlan
from rt1t2_dask.pipelines.images.stages import INGEST
from rt1t2_dask.pipelines.quality.duplicate_scans import duplicates
from rt1t2_dask.storage.parts import Lake, Part

log = logging.getLogger("rt1t2_dask")


def shared_scans(lake: Lake, plans: Sequence[PersonPlan]) -> list[Failure]:
    """Find people who share a scan stored in two different files."""
    scans = {}
    for plan in plans:
        if INGEST.name in plan.tasks:
            seen = lake.record(plan.part(INGEST))["inputs"].values()
            scans[plan.person.label] = [s["voxels_sha256"] for s in seen if "voxels_sha256" in s]
    return [
        Failure(label, INGEST.name, why)
        for label, why in duplicates(scans, "voxel by voxel").items()
    ]


def failures_of(plans: Sequence[PersonPlan], failed: dict[Part, str]) -> list[Failure]:
    """Return the failures of people: stage and reason."""
    return [
        Failure(plan.person.label, stage, failed[task.part])
        for plan in plans
        for stage, task in plan.tasks.items()
        if task.part in failed
    ]


def without(plans: Sequence[PersonPlan], failures: Sequence[Failure]) -> tuple[PersonPlan, ...]:
    """Leave out people who failed."""
    failed = {failure.label for failure in failures}
    return tuple(plan for plan in plans if plan.person.label not in failed)


def warn(failures: Sequence[Failure], total: int, config: Config) -> None:
    """Log how many people failed and where; labels only in the output folder."""
    stages = ", ".join(sorted({failure.stage for failure in failures}))
    log.warning(
        "%d of %d people failed (%s): see %s/failures.tsv",
        len(failures),
        total,
        stages,
        config.output_dir,
    )
    if not config.allow_failures:
        log.warning("no group results; continue without them with allow_failures=true")
