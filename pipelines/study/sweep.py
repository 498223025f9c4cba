"""A sweep: studies that differ in a few settings, run on one cluster and compared."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import quote

from rt1t2_dask.config.study import Cluster, Config, Storage
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.contrasts.report import contrast_result
from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.outputs.tables import json_bytes, write_table
from rt1t2_dask.pipelines.receptors.analysis import receptors_of
from rt1t2_dask.pipelines.study.run import run_study
from rt1t2_dask.report.content import ContrastResult
from rt1t2_dask.report.figures.planes import box_round, supra_threshold
from rt1t2_dask.report.figures.projection import Projection, project
from rt1t2_dask.report.sweep.figure import small_multiples
from rt1t2_dask.report.sweep.page import render_sweep
from rt1t2_dask.report.sweep.table import SweepEntry, comparison, entry
from rt1t2_dask.storage.stores import open_store

log = logging.getLogger("rt1t2_dask")
JOBS = "sweep_jobs.json"
TABLE, PAGE = "sweep.tsv", "sweep.html"


@dataclass(frozen=True)
class SweepJob:
    """One study of a sweep: configuration, folder name and swept settings."""

    config: Config
    name: str
    changed: Mapping[str, str]


def run_sweep(jobs: Sequence[SweepJob], folder: str) -> int:
    """Run every job on one cluster, then compare them.

    Parameters
    ----------
    jobs : sequence of SweepJob
    folder : str
        Folder of the comparison and of the jobs' folders.

    Returns
    -------
    int
        The worst exit code of all jobs.
    """
    if not (jobs[0].config.dry_run or jobs[0].config.check):
        store = open_store(folder, jobs[0].config.storage.options())
        store.write(JOBS, json_bytes({job.name: dict(job.changed) for job in jobs}))
    with ExitStack() as stack:
        clusters: dict[tuple[Cluster, Storage], LazyCluster] = {}
        sweep = _Sweep()
        codes = []
        for number, job in enumerate(jobs, 1):
            log.info("job %d of %d: %s", number, len(jobs), job.name)
            place = (job.config.cluster, job.config.storage)
            cluster = clusters.setdefault(place, LazyCluster(job.config, stack))
            codes.append(run_study(job.config, cluster, sweep.collector(job)))
    if sweep.entries:
        sweep.write(jobs[0].config, folder)
    return max(codes)


class _Sweep:
    def __init__(self) -> None:
        self.entries: list[SweepEntry] = []
        self.brain: Projection | None = None

    def collector(self, job: SweepJob) -> ResultsCollector:
        """Return the callback of a study's results."""
        return ResultsCollector(self, job)

    def write(self, config: Config, folder: str) -> None:
        """Write the table and the page, replacing those of an earlier sweep."""
        assert self.brain is not None
        store = open_store(folder, config.storage.options())
        rows = comparison(self.entries)
        names = dict.fromkeys(name for each in self.entries for name in each.contrasts)
        pictures = {
            name: small_multiples(
                name,
                [each for each in self.entries if name in each.contrasts],
                self.brain,
                config.simulated,
            )
            for name in names
        }
        links = [(each.job, f"{quote(each.job)}/report.html") for each in self.entries]
        write_table(store, TABLE, rows)
        for name, picture in pictures.items():
            store.write(f"sweep_contrast-{name}.png", picture.png())
        page = render_sweep(config.cohort.name, rows, pictures, config.simulated, links)
        store.write(PAGE, page.encode())
        log.info("compared %d settings: open %s/%s", len(self.entries), folder, PAGE)


@dataclass(frozen=True)
class ResultsCollector:
    """Collect the results of a finished study for the comparison, without maps."""

    sweep: _Sweep
    job: SweepJob

    def __call__(self, study: Finished) -> None:
        """Collect the results of one job."""
        config, lake = study.config, study.lake
        contrasts = contrasts_of(study.group).items()
        results = [contrast_result(config, lake, name, plan) for name, plan in contrasts]
        template = study.brain()
        box = box_round(template.data > 0, template.affine)
        if self.sweep.brain is None:
            self.sweep.brain = project(template, box)
        seen = {result.name: project(_kept(result), box) for result in results}
        receptors = receptors_of(study)
        self.sweep.entries.append(entry(self.job.name, self.job.changed, results, receptors, seen))


def _kept(result: ContrastResult) -> Volume:
    return supra_threshold(result.t_map, result.threshold.u, result.threshold.extent_mm3)
