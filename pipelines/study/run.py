"""Run a study: choose its kind, refuse what cannot be, then drive it to its results."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.engine.progress import start_logging
from rt1t2_dask.pipelines.images.plan import check_registration
from rt1t2_dask.pipelines.morphometry.study import RegionalStudy, checked_tables
from rt1t2_dask.pipelines.outputs import dataset
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.finished import Finished, study_key
from rt1t2_dask.pipelines.quality.ratings import with_ratings
from rt1t2_dask.pipelines.receptors.plan import receptor_task
from rt1t2_dask.pipelines.share.combine import CombinedSums, checked_sums
from rt1t2_dask.pipelines.share.plan import own_site
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.study.check import run_check
from rt1t2_dask.pipelines.study.check_places import require_places
from rt1t2_dask.pipelines.study.driver import Workflow, drive
from rt1t2_dask.pipelines.study.image_study import ImageStudy, ShareExport
from rt1t2_dask.pipelines.study.memory import require_room
from rt1t2_dask.pipelines.study.participants import ParticipantLevel
from rt1t2_dask.pipelines.study.single import check_stage
from rt1t2_dask.storage.stores import open_store

log = logging.getLogger("rt1t2_dask")


def run_study(
    config: Config,
    cluster: LazyCluster | None = None,
    then: Callable[[Finished], None] | None = None,
) -> int:
    """Run one study from its source to the report.

    Parameters
    ----------
    config : Config
    cluster : LazyCluster, optional
        Where to work, and who closes it; the study's own where left out.
    then : callable, optional
        Called with the finished study once its results are written.

    Returns
    -------
    int
        0 when everything is there, 1 when a person failed.
    """
    start_logging()
    config = with_ratings(dataset.marked(config))
    kind, checked = _kind_of(config)
    config = checked(config)
    if config.check and issubclass(kind, ImageStudy):
        return run_check(config)
    if issubclass(kind, ImageStudy):
        _require_images(config)
    store = open_store(config.output_dir, config.storage.options())
    if config.share.kind != "export":
        outputs.check_folder(store, config, study_key(config))
    if config.simulated and config.share.kind != "combine":
        log.info("SIMULATED DATA: no result says anything of people")
    with ExitStack() as stack:
        return drive(kind(config, store, cluster or LazyCluster(config, stack)), then)


def _kind_of(config: Config) -> tuple[type[Workflow], Callable[[Config], Config]]:
    """Return what drives a study, and what checks its settings."""
    if config.share.kind == "combine":
        return CombinedSums, checked_sums
    if config.regional:
        return RegionalStudy, checked_tables
    checked = own_site if config.share.kind == "export" else _as_it_is
    if config.level != "study":
        return ParticipantLevel, checked
    return (ShareExport if config.share.kind == "export" else ImageStudy), checked


def _as_it_is(config: Config) -> Config:
    return config


def _require_images(config: Config) -> None:
    """Refuse settings, programs and places that a study of images cannot do with."""
    check_stage(config.stage)
    receptor_task(config)
    check_registration(config)
    for site in sites.configs(config).values():
        require_room(site)
    require_places(config)
