"""What the report of a study of images shows, and the files it becomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rt1t2_dask.config.defaults import changed
from rt1t2_dask.config.steps import Report
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.analysis import Results
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.calibration.left_out import reason_of
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.outputs.folder import failure_table
from rt1t2_dask.pipelines.outputs.inputs_table import input_table
from rt1t2_dask.pipelines.outputs.people_section import age_pairs, input_section, people_section
from rt1t2_dask.pipelines.outputs.states import METHODS, REFERENCES
from rt1t2_dask.pipelines.people.notes import found_lines
from rt1t2_dask.pipelines.people.table import shown
from rt1t2_dask.pipelines.quality.ratings import rated_out, said_by
from rt1t2_dask.pipelines.registry import shown_stage, stage_named
from rt1t2_dask.pipelines.sessions.once import each_once
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.ratio.scaled import scaled
from rt1t2_dask.report.content import Place, ReportContent
from rt1t2_dask.report.figures.catalogue import draw_all
from rt1t2_dask.report.flow import FlowStep
from rt1t2_dask.report.methods import describe
from rt1t2_dask.report.page import render
from rt1t2_dask.stats.demographics import compare
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store

if TYPE_CHECKING:
    from rt1t2_dask.pipelines.outputs.image_study import FinishedImages


def gather(
    study: FinishedImages,
    results: Sequence[Results],
    people: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> ReportContent:
    """Collect all that the report shows; tables are those of the output folder.

    Parameters
    ----------
    results : sequence of Results
        Of the study's analyses, in their order.
    people : mapping
        Quality and pictures of people.
    """
    config, lake, plans = study.config, study.lake, study.plans
    order = list(config.cohort.groups)
    analysed = each_once(study.analysed)
    fields = {name: value for each in results for name, value in each.content.items()}
    coverage, mean = _over_people(lake, plans)
    return ReportContent(
        cohort=config.cohort.name,
        settings=config.science(),
        changed=changed(config),
        method=config.method,
        groups={group: int((analysed["group"] == group).sum()) for group in order},
        reference=config.cohort.reference,
        simulated=config.simulated,
        seed=getattr(config.source, "seed", None),
        stages=stages_run(plans, results),
        participants=shown(analysed),
        demographics=compare(analysed, order, config.cohort.reference),
        age_pairs=age_pairs(config, analysed),
        template=study.brain(),
        failures=_failed(study),
        excluded=_excluded(study),
        lesion_count=lesion_count(lake, plans),
        assets=study.third_parties(),
        notes=_notes(study, results),
        provenance=provenance,
        quality_limits=config.quality.pairs(),
        coverage=coverage,
        mean_ratio=mean,
        flow=flow(study),
        sections=(
            input_section(_found(study), input_table(lake, plans), people["quality"]),
            people_section(config, analysed),
            *(section for each in results for section in each.sections),
        ),
        places=[Place(point.name, point.mm) for point in config.report.slices],
        **fields,
        **people,
    )


def _notes(study: FinishedImages, results: Sequence[Results]) -> list[str]:
    notes = [*study.notes, *(note for each in results for note in each.notes)]
    if study.config.space != "MNI152NLin2009aSym":
        notes.append(
            f"The maps lie in {study.config.space}; the atlas and the receptor maps in other "
            "variants of MNI space. They are compared millimetre by millimetre, without a "
            "transform."
        )
    return notes


def _found(study: FinishedImages) -> list[str]:
    """Return what was found for those studied, and counts of the others; nobody is named."""
    files = {plan.person.label: plan.scans for plan in study.plans}
    return found_lines(sites.configs(study.config), files, None, named=False)


def _over_people(lake: Lake, plans: Sequence[PersonPlan]) -> tuple[Volume | None, Volume | None]:
    """Return the share of people measured at each voxel and the mean ratio of those.

    None where maps differ in grid.
    """
    measured: Volume | None = None
    total: Volume | None = None
    here = [(plan, plan.map) for plan in plans if plan.map is not None]
    for plan, part in here:
        ratio = to_volume(lake.read(part)["ratio"])
        known = np.isfinite(ratio.data)
        values = np.where(known, scaled(ratio.data, factor_of(plan)), 0).astype(np.float64)
        if measured is None or total is None:
            measured, total = ratio.with_data(known.astype(np.float32)), ratio.with_data(values)
        elif measured.grid.same_as(ratio.grid):
            measured = measured.with_data(measured.data + known)
            total = total.with_data(total.data + values)
        else:
            return None, None
    if measured is None or total is None:
        return None, None
    mean = np.where(measured.data > 0, total.data / np.maximum(measured.data, 1), np.nan)
    return measured.with_data(measured.data / len(here)), total.with_data(mean)


def _failed(study: FinishedImages) -> pd.DataFrame:
    """Return who failed, with the stage in words."""
    rows = failure_table(study.failures)
    return rows.assign(stage=[stage_named(name).words for name in rows["stage"]])


def _excluded(study: FinishedImages) -> pd.DataFrame:
    labels = ["sub-" + label.removeprefix("sub-") for label in study.config.cohort.exclude]
    rows = [(label, "cohort.exclude") for label in labels]
    rows += [(rated.participant_id, said_by(rated)) for rated in rated_out(study.config.cohort)]
    reason = "quality.action=exclude: see the table of quality"
    rows += [(plan.person.label, reason) for plan in study.excluded]
    rows += [
        (plan.person.label, f"calibration=eb_gain, contrasts and receptors only: {reason_of(plan)}")
        for plan in study.plans
        if reason_of(plan)
    ]
    return pd.DataFrame(rows, columns=["participant_id", "reason"])


def write_report(store: Store, content: ReportContent, settings: Report) -> None:
    """Write figures for print, methods with their references, then the page that holds all."""
    pictures = draw_all(content) if settings.figures else {}
    for stem, picture in pictures.items():
        store.write(f"figures/{stem}.png", picture.png(settings.dpi))
        if settings.svg:
            store.write(f"figures/{stem}.svg", picture.svg(settings.dpi))
    said = describe(content, pandoc=True)
    store.write(METHODS, said.markdown.encode())
    store.write(REFERENCES, said.bibtex.encode())
    store.write("report.html", render(content, pictures, settings.dpi).encode())


def stages_run(plans: Sequence[PersonPlan], results: Sequence[Results]) -> list[str]:
    """Name the stages behind the results that the report describes, in order."""
    image = list(plans[0].tasks) if plans else []
    group = [stage for each in results for stage in each.stages]
    return [*dict.fromkeys([*image, *group]), "demographics"]


def flow(study: FinishedImages) -> list[FlowStep]:
    """Return every stage with the stages it reads, from the parts that were made."""
    people = Counter(stage for plan in study.plans for stage in plan.tasks)
    tasks = study.drawn_tasks()
    made = {task.stage for task in tasks}
    reads: dict[str, set[str]] = {}
    for task in tasks:
        sources = {shown_stage(part.stage).name for part in task.sources}
        sources |= made & set(stage_named(task.stage).follows)
        reads.setdefault(shown_stage(task.stage).name, set()).update(sources)
    known = {*reads, *(source for sources in reads.values() for source in sources)}
    return [
        _step(shown_stage(name), reads.get(name, set()) - {name}, people[name])
        for name in [*reads, *sorted(known - set(reads))]
    ]


def _step(stage: Stage, reads: set[str], people: int) -> FlowStep:
    return FlowStep(stage.name, tuple(sorted(reads)), people, stage.words, stage.config)


def lesion_count(lake: Lake, plans: Sequence[PersonPlan]) -> Volume | None:
    """Count the people with a lesion at each voxel; None where nobody has a mask."""
    masks = []
    once = {plan.person.folder.partition("/")[0]: plan for plan in reversed(plans)}
    for plan in reversed(once.values()):
        dataset = lake.read(plan.part("ratio")) if "ratio" in plan.tasks else {}
        if "lesion_template" in dataset:
            masks.append(to_volume(dataset["lesion_template"]))
    if not masks:
        return None
    return masks[0].with_data(np.sum([mask.data > 0 for mask in masks], axis=0).astype(np.float32))
