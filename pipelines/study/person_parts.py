"""Make the parts of people, here and at other sites, and find whose failed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack

from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import Failure, ImagePlan
from rt1t2_dask.pipelines.people.inputs import known_checksums
from rt1t2_dask.pipelines.registry import stage_named
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.sites.study import Remote, SitesPlan
from rt1t2_dask.pipelines.study.failed import failures_of, shared_scans, without
from rt1t2_dask.pipelines.study.making import Maker
from rt1t2_dask.pipelines.study.runs import record_run
from rt1t2_dask.storage.parts import Lake

log = logging.getLogger("rt1t2_dask")


def make_people(maker: Maker, images: ImagePlan, later: Sequence[Task] = ()) -> list[Failure]:
    """Make everybody's parts; return who could not be processed.

    Parameters
    ----------
    maker : Maker
    images : ImagePlan
    later : sequence of Task
        What the run makes after these, for the time that is left.

    Raises
    ------
    RunError
        A part that everybody needs failed.
    """
    own = [task for plan in images.people for task in plan.tasks.values()]
    targets = [task.part for task in own if stage_named(task.stage).kept]
    shared = [task.part for task in images.shared.values()]
    moved = _elsewhere(maker, images.remote) if isinstance(images, SitesPlan) else []
    failed = maker.make(images.tasks(), [*targets, *shared], later=later)
    maker.require(set(shared), failed)
    failures = [*images.failures, *moved, *failures_of(images.people, failed)]
    return [*failures, *shared_scans(maker.lake, without(images.people, failures))]


def _elsewhere(maker: Maker, remote: Sequence[Remote]) -> list[Failure]:
    """Process each site's images where they lie and copy what the group's analyses read."""
    failures: list[Failure] = []
    for site in remote:
        lake = Lake(site.config.storage.url, site.config.storage.options())
        with ExitStack() as stack:
            own = Maker(site.config, LazyCluster(site.config, stack), lake)
            record_run(lake, maker.config, (task.part for task in site.images.tasks()))
            failed = make_people(own, site.images)
        known_checksums(site.config.storage).save()
        maker.outcomes += own.outcomes
        copied = sites.move(site, maker.lake, without(site.images.people, failed))
        log.info("%s: %d parts copied here", site.config.storage.url, copied)
        failures += failed
    return failures
