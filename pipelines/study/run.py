"""A whole study: plan, make what is missing, write the results."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pandas as pd

from rt1t2_dask.config.study import Config, SimulatedSource
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.plan import EB_GAIN, gain_task, with_gains
from rt1t2_dask.pipelines.engine.lazy_cluster import LazyCluster
from rt1t2_dask.pipelines.engine.progress import start_logging
from rt1t2_dask.pipelines.engine.runs import record_run
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import complete_parts
from rt1t2_dask.pipelines.images.plan import (
    Failure,
    ImagePlan,
    PersonPlan,
    check_registration,
    plan_images,
)
from rt1t2_dask.pipelines.morphometry.study import run_regional
from rt1t2_dask.pipelines.outputs import dataset
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.finished import Finished, study_key
from rt1t2_dask.pipelines.outputs.provenance import provenance, timings
from rt1t2_dask.pipelines.outputs.write import is_written, write_failed, write_results
from rt1t2_dask.pipelines.people import simulated as simulate
from rt1t2_dask.pipelines.people.inputs import Found, find_inputs, known_checksums
from rt1t2_dask.pipelines.people.notes import files_found, found_lines
from rt1t2_dask.pipelines.people.predicted import foreseen_files, foreseen_table, to_simulate
from rt1t2_dask.pipelines.people.read import log_read
from rt1t2_dask.pipelines.people.table import sound_people
from rt1t2_dask.pipelines.quality.refused import write_refused
from rt1t2_dask.pipelines.quality.table import left_out
from rt1t2_dask.pipelines.receptors.plan import receptor_task
from rt1t2_dask.pipelines.sensitivity.plan import SensitivityPlan, plan_sensitivity
from rt1t2_dask.pipelines.share.combine import run_combine
from rt1t2_dask.pipelines.share.export import write_share
from rt1t2_dask.pipelines.share.plan import own_site
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.study import participants
from rt1t2_dask.pipelines.study.check import run_check
from rt1t2_dask.pipelines.study.check_places import require_places
from rt1t2_dask.pipelines.study.cohort import CohortPlan, plan_cohort
from rt1t2_dask.pipelines.study.describe import describe
from rt1t2_dask.pipelines.study.failed import warn, without
from rt1t2_dask.pipelines.study.making import Maker
from rt1t2_dask.pipelines.study.memory import require_room
from rt1t2_dask.pipelines.study.single import check_stage, numbered
from rt1t2_dask.storage.claims import release_dead
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store, open_store

log = logging.getLogger("rt1t2_dask")
DONE, SOME_FAILED = 0, 1


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
    config = dataset.marked(config)
    if config.share.kind == "combine":
        return run_combine(config, cluster)
    if config.regional:
        return run_regional(config, cluster)
    if config.share.kind == "export":
        config = own_site(config)
    if config.check:
        return run_check(config)
    check_stage(config.stage)
    receptor_task(config)
    check_registration(config)
    for site in sites.configs(config).values():
        require_room(site)
    require_places(config)
    store = open_store(config.output_dir, config.storage.options())
    if config.share.kind == "none":
        outputs.check_folder(store, config, study_key(config))
    if config.simulated:
        log.info("SIMULATED DATA: no result says anything of people")
    with ExitStack() as stack:
        own = cluster or LazyCluster(config, stack)
        return _Run(config, store, own, then).run()


class _Run:
    def __init__(
        self,
        config: Config,
        store: Store,
        cluster: LazyCluster,
        then: Callable[[Finished], None] | None,
    ) -> None:
        self.config, self.store, self.cluster, self.then = config, store, cluster, then
        self.lake = Lake(config.storage.url, config.storage.options())
        self.maker = Maker(config, cluster, self.lake)
        self.began = time.perf_counter()

    def run(self) -> int:
        release_dead(self.lake.store)
        missing = sum(self._simulate(own) for own in sites.configs(self.config).values())
        people, found = self._people(missing)
        if self.config.level != "study":
            return self._participants(people, found)
        return self._whole(people, found, missing)

    def _whole(self, people: pd.DataFrame, found: Found | None, missing: int) -> int:
        config = self.config
        images = sites.plan_study(config, people, found)
        shared = {role: task.part for role, task in images.shared.items()}
        gain = None if missing else gain_task(config, people, images.people)
        known = self._with_gains(gain, images.people)
        cohort = plan_cohort(config, people, known, shared, gain)
        wanted = None
        if config.stage is not None and config.part is not None:
            wanted = numbered(images, cohort, config.stage, config.part)
        if config.dry_run:
            said = self._found(images, found, named=True, missing=missing)
            describe(config, self.lake, people, images, cohort, missing, said)
            return DONE
        log_read(people, config.cohort)
        self._log_found(images, found)
        known_checksums(config.storage).save()
        self._announce(images, cohort)
        if wanted is not None:
            return DONE if self.maker.one(images, cohort, wanted) else SOME_FAILED
        failures = self.maker.images(images)
        if failures and images.reference is not None:
            images, failures = self._without_lost_reference(people, images, failures)
        whole = without(images.people, failures)
        if failures:
            warn(failures, len(people), config)
        if failures and not (config.allow_failures and whole):
            write_failed(self.cluster(), self.store, config, self.lake, people, whole, failures)
            self._picture(images, failures)
            return SOME_FAILED
        if config.cohort.site:
            sites.check_grids(self.lake, config, people, whole)
        used, excluded = left_out(self.lake, config, whole)
        if failures or excluded or gain is None:  # else sidecars were read for the same people
            gain = gain_task(config, people, used)
        self.maker.gain(gain)
        used = self._with_gains(gain, used)
        if failures or excluded or used != known:
            cohort = plan_cohort(config, people, used, shared, gain)
            self._announce(images, cohort)
        self.maker.group(cohort)
        self._hand_over(people, images, cohort, used, excluded, failures)
        self._picture(images, failures)
        return SOME_FAILED if failures else DONE

    def _log_found(self, images: ImagePlan, found: Found | None) -> None:
        for line in self._found(images, found, named=False):
            log.info("%s", line)

    def _found(
        self, images: ImagePlan, found: Found | None, *, named: bool, missing: int = 0
    ) -> list[str]:
        """Say what was found and who is not studied; nothing before people are simulated."""
        if missing:
            return []
        files = {plan.person.label: plan.scans for plan in images.people}
        return found_lines(sites.configs(self.config), files, found, named=named)

    def _with_gains(self, gain: Task | None, plans: Sequence[PersonPlan]) -> tuple[PersonPlan, ...]:
        """Return people with their gains, where the calibration asks for them and knows them."""
        if self.config.calibration.kind != EB_GAIN:
            return tuple(plans)
        return tuple(with_gains(self.lake, gain, plans))

    def _hand_over(
        self, people: pd.DataFrame, images: ImagePlan, cohort: CohortPlan,
        used: tuple[PersonPlan, ...], excluded: tuple[PersonPlan, ...], failures: list[Failure],
    ) -> None:  # fmt: skip
        """Write the results, or the sums that this site shares."""
        config = self.config
        if cohort.share is not None:
            labels = [plan.person.label for plan in used]
            write_share(config, self.store, self.lake, cohort.share, labels)
            return
        shared = {role: task.part for role, task in images.shared.items()}
        sensitivity = plan_sensitivity(config, people, used, cohort, shared, self.lake)
        if sensitivity.choices:
            self._announce(images, cohort, sensitivity)
        self.maker.sensitivity(sensitivity)
        template, failed = images.shared["template_out"], tuple(failures)
        done = (config, self.lake, people, used, cohort, template, failed)
        self._finish(Finished(*done, excluded, sensitivity))

    def _simulate(self, config: Config) -> int:
        """Write whoever is not simulated yet; how many are left when only the plan is asked for."""
        source, options = config.source, config.storage.options()
        missing = to_simulate(config)
        if not missing or config.dry_run or not isinstance(source, SimulatedSource):
            return missing
        log.info("simulating %d people into %s", missing, source.root)
        simulate.write_people(self.cluster(), source, config.cohort, options)
        return 0

    def _people(self, missing: int) -> tuple[pd.DataFrame, Found | None]:
        """Read who takes part; foretell who is yet to be simulated."""
        if self.config.level == "dataset":
            return participants.everybody_there(self.config), None
        if not missing:
            people = sites.read_everybody(self.config)
            alone = self.config.level == "study" and not self.config.cohort.sites
            return people, find_inputs(self.config, people) if alone else None
        if self.config.cohort.sites:
            raise UserError(
                f"{missing} people of the simulated sites are not there yet, and the plan of "
                "several sites needs their files; run without dry_run first."
            )
        people = sound_people(foreseen_table(self.config).rows, self.config.cohort)
        return people, foreseen_files(self.config, people, missing)

    def _announce(self, *plans: ImagePlan | CohortPlan | SensitivityPlan) -> None:
        images = (plan for plan in plans if isinstance(plan, ImagePlan))
        copied = [task for plan in images for p in plan.people for task in p.tasks.values()]
        made = [task for plan in plans for task in plan.tasks()]
        record_run(self.lake, self.config, (task.part for task in made + copied))

    def _participants(self, people: pd.DataFrame, found: Found | None) -> int:
        """Make and write the maps of the people who were asked for."""
        asked = participants.asked_people(self.config, people)
        images = sites.plan_study(self.config, asked, found and found.of(asked))
        if self.config.dry_run:
            participants.describe(self.lake, images)
            return DONE
        known_checksums(self.config.storage).save()
        log.info("%s", files_found({p.person.label: p.scans for p in images.people}))
        self._announce(images)
        failures = self.maker.images(images)
        if failures:
            warn(failures, len(asked), self.config)
        write = participants.write_participants
        write(self.cluster(), self.lake, self.store, self.config, people, images, failures)
        self._picture(images, failures)
        return SOME_FAILED if failures else DONE

    def _picture(self, images: ImagePlan, failures: Sequence[Failure]) -> None:
        """Show the scans whose pose was refused; a folder that is shared has no pictures."""
        if self.config.share.kind == "none":
            simulated = self.config.simulated
            plans = images.people
            write_refused(self.cluster, self.store, self.lake, simulated, plans, failures)

    def _without_lost_reference(
        self, people: pd.DataFrame, images: ImagePlan, failures: list[Failure]
    ) -> tuple[ImagePlan, list[Failure]]:
        """Build the controls' reference without those who failed, where that is allowed."""
        assert images.reference is not None
        if complete_parts(self.lake, [images.reference]):
            return images, failures
        if not self.config.allow_failures:
            return replace(images, people=()), failures
        failed = [failure.label for failure in failures]
        again = plan_images(self.config, people[~people["participant_id"].isin(failed)])
        return again, failures + self.maker.images(again)

    def _finish(self, study: Finished) -> None:
        where = self.config.output_dir
        if is_written(self.store, study.key()):
            log.info("nothing to do: %s holds these results", where)
        else:
            log.info("writing %s", where)
            document = provenance(study, timings(self.maker.outcomes))
            write_results(self.cluster(), self.store, study, document)
        for stage, spent in timings(self.maker.outcomes).items():
            log.info("%-10s %4d parts %8.1f CPU s", stage, spent["parts"], spent["cpu_s"])
        log.info("done in %.0f s: open %s/report.html", time.perf_counter() - self.began, where)
        if self.then is not None:
            self.then(study)
