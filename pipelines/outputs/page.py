"""What the report shows of a study, gathered from the lake, and the files it becomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.config.contrasts import Paired, TwoSample
from rt1t2_dask.config.steps import Report
from rt1t2_dask.config.study import Config
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.calibration.design import usable
from rt1t2_dask.pipelines.calibration.left_out import reason_of
from rt1t2_dask.pipelines.calibration.section import Tables, calibration_sections
from rt1t2_dask.pipelines.contrasts import results
from rt1t2_dask.pipelines.contrasts.group_design import words
from rt1t2_dask.pipelines.contrasts.plan import ContrastPlan
from rt1t2_dask.pipelines.engine.stage import Stage
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.plan import PersonPlan, rows_of
from rt1t2_dask.pipelines.outputs.finished import Finished
from rt1t2_dask.pipelines.outputs.folder import failure_table
from rt1t2_dask.pipelines.people.notes import found_lines
from rt1t2_dask.pipelines.people.section import age_pairs, people_section
from rt1t2_dask.pipelines.people.table import shown
from rt1t2_dask.pipelines.receptors.notes import missing_receptors, own_maps_note, spatial_note
from rt1t2_dask.pipelines.receptors.plan import first_lists
from rt1t2_dask.pipelines.receptors.results import receptor_details
from rt1t2_dask.pipelines.registry import shown_stage, stage_named
from rt1t2_dask.pipelines.sensitivity.tables import calibration_rows, edge_rows
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.sites.section import site_sections
from rt1t2_dask.pipelines.study.cohort import CohortPlan
from rt1t2_dask.report.content import ContrastResult, Place, ReportContent, Threshold
from rt1t2_dask.report.figures.catalogue import draw_all
from rt1t2_dask.report.flow import FlowStep
from rt1t2_dask.report.methods import describe
from rt1t2_dask.report.page import render
from rt1t2_dask.stats.demographics import compare
from rt1t2_dask.storage.parts import Lake
from rt1t2_dask.storage.stores import Store

METHODS, REFERENCES = "methods.md", "references.bib"
VARIANCE_NOTES = {
    "welch": (
        "Each group has a variance of its own (contrast.variance=welch), in the table and in the "
        "permutations, which change the sign of residuals (each over one minus its leverage) and "
        "take Welch's t, or Winkler's G for F, as the z of equal p."
    ),
    "spm_unequal": (
        "Groups differ in variance by a ratio pooled over voxels (contrast.variance=spm_unequal); "
        "the permutations exchange the whitened residuals of that model."
    ),
}
GROUP_STAGES = ("parcels", "contrast", "permute", "receptors", "demographics")


def gather(
    study: Finished,
    provenance: Mapping[str, Any],
    quality: pd.DataFrame,
    mosaics: Mapping[str, bytes],
    calibration: Tables | None = None,
) -> ReportContent:
    """Collect all that the report shows; tables are those of the output folder."""
    config, lake, plans, cohort = study.config, study.lake, study.plans, study.cohort
    order = list(config.cohort.groups)
    people = study.people
    analysed = people[people["participant_id"].isin([p.person.label for p in plans])]
    labels = {g: analysed.loc[analysed["group"] == g, "participant_id"].tolist() for g in order}
    contrasts = [contrast_result(config, lake, name, p) for name, p in cohort.contrasts.items()]
    receptors = results.receptor_rows(lake, cohort)
    tested, _ = usable(rows_of(people, plans), plans)
    own = tested["participant_id"].tolist()
    compared = {g: [own[k] for k in rows] for g, rows in first_lists(config, tested).items()}
    return ReportContent(
        cohort=config.cohort.name,
        settings=config.science(),
        method=config.method,
        groups={group: len(labels[group]) for group in order},
        reference=config.cohort.reference,
        simulated=config.simulated,
        seed=getattr(config.source, "seed", None),
        stages=stages_run(plans, cohort),
        participants=shown(analysed),
        demographics=compare(analysed, order, config.cohort.reference),
        age_pairs=age_pairs(config, analysed),
        contrasts=contrasts,
        template=to_volume(lake.read(study.template.part)["t1w"]),
        receptors=receptors,
        fisher_z=results.fisher_z_rows(lake, cohort, compared),
        receptor_details=receptor_details(lake, cohort, compared),
        parcels=results.parcel_table(lake, plans),
        quality=quality,
        calibration_sensitivity=calibration_rows(lake, config, study.sensitivity, cohort),
        edge_sensitivity=edge_rows(lake, config, study.sensitivity, cohort),
        failures=failure_table(study.failures),
        excluded=_excluded(config, study),
        lesion_count=lesion_count(lake, plans),
        assets=[assets.resolve(name) for name in used_assets(plans, cohort, study.template)],
        notes=[
            *cohort.notes,
            *_notes(config, cohort),
            *_missing(contrasts),
            *missing_receptors(receptors),
        ],
        provenance=provenance,
        mosaics=mosaics,
        quality_limits=config.quality.pairs(),
        coverage=_coverage(lake, plans),
        flow=flow(plans, cohort, study.template),
        sections=(
            people_section(config, analysed, _found(study)),
            *calibration_sections(study, calibration),
            *site_sections(study, analysed),
        ),
        places=[Place(point.name, point.mm) for point in config.report.slices],
    )


def _found(study: Finished) -> list[str]:
    """Say what was found for whom is studied, and who is not, nobody named."""
    files = {plan.person.label: plan.scans for plan in study.plans}
    return found_lines(sites.configs(study.config), files, None, named=False)


def _coverage(lake: Lake, plans: Sequence[PersonPlan]) -> Volume | None:
    """Return the share of people measured at each voxel; None where maps differ in grid."""
    total: Volume | None = None
    parts = [plan.map for plan in plans if plan.map is not None]
    for part in parts:
        ratio = to_volume(lake.read(part)["ratio"])
        measured = np.isfinite(ratio.data).astype(np.float32)
        if total is not None and not total.grid.same_as(ratio.grid):
            return None
        total = ratio.with_data(measured if total is None else total.data + measured)
    return None if total is None else total.with_data(total.data / len(parts))


def _excluded(config: Config, study: Finished) -> pd.DataFrame:
    labels = ["sub-" + label.removeprefix("sub-") for label in config.cohort.exclude]
    rows = [(label, "cohort.exclude") for label in labels]
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


def stages_run(plans: Sequence[PersonPlan], cohort: CohortPlan) -> list[str]:
    """Name the stages behind the results, in order."""
    image = list(plans[0].tasks) if plans else []
    there = {
        "contrast": bool(cohort.contrasts),
        "permute": any(plan.permute for plan in cohort.contrasts.values()),
        "receptors": bool(cohort.receptors),
    }
    return image + [s for s in GROUP_STAGES if s not in image and there.get(s, True)]


def flow(plans: Sequence[PersonPlan], cohort: CohortPlan, template: Task) -> list[FlowStep]:
    """Return every stage with the stages it reads, from the parts that were made."""
    people = Counter(stage for plan in plans for stage in plan.tasks)
    reads: dict[str, set[str]] = {}
    for task in [template, *(t for p in plans for t in p.tasks.values()), *cohort.tasks()]:
        sources = {shown_stage(part.stage).name for part in task.sources}
        if cohort.gain is not None:
            sources |= {cohort.gain.stage} & set(stage_named(task.stage).follows)
        reads.setdefault(shown_stage(task.stage).name, set()).update(sources)
    known = {*reads, *(source for sources in reads.values() for source in sources)}
    return [
        _step(shown_stage(name), reads.get(name, set()) - {name}, people[name])
        for name in [*reads, *sorted(known - set(reads))]
    ]


def _step(stage: Stage, reads: set[str], people: int) -> FlowStep:
    return FlowStep(stage.name, tuple(sorted(reads)), people, stage.words, stage.config)


def used_assets(plans: Sequence[PersonPlan], cohort: CohortPlan, template: Task) -> list[str]:
    """Name every atlas, template and map that was read."""
    tasks = [template, *cohort.tasks(), *(t for p in plans for t in p.tasks.values())]
    return sorted({name for task in tasks for name in task.assets})


def lesion_count(lake: Lake, plans: Sequence[PersonPlan]) -> Volume | None:
    """Count the people with a lesion at each voxel; None where nobody has a mask."""
    masks = []
    for plan in plans:
        dataset = lake.read(plan.part("ratio")) if "ratio" in plan.tasks else {}
        if "lesion_template" in dataset:
            masks.append(to_volume(dataset["lesion_template"]))
    if not masks:
        return None
    return masks[0].with_data(np.sum([mask.data > 0 for mask in masks], axis=0).astype(np.float32))


def contrast_result(config: Config, lake: Lake, name: str, plan: ContrastPlan) -> ContrastResult:
    """Read what the report shows of one contrast."""
    said = words(plan.form)
    pair = plan.form.groups if isinstance(plan.form, TwoSample) else ("", "")
    height = lake.record(plan.clusters.part)["height"]
    dof = lake.record(plan.contrast.part)["dof"]
    return ContrastResult(
        name=name,
        first=pair[0],
        second=pair[1],
        heading=said.title,
        higher=said.positive,
        lower=said.negative,
        n=plan.design.n,
        counts=Counter(plan.design.group.tolist()),
        paired=isinstance(plan.form, Paired),
        statistic="t" if plan.design.q == 1 else "F",
        details=results.contrast_details(lake, plan, config.cohort.reference),
        t_map=to_volume(lake.read(plan.contrast.part)["stat_t"]),
        clusters=results.cluster_rows(lake, plan),
        threshold=Threshold(config.contrast.p, height, config.contrast.extent_mm3, dof),
        permutation=results.permutation_summary(lake, plan),
    )


def _missing(contrasts: Sequence[ContrastResult]) -> list[str]:
    """Say why columns are n/a that depend on the data at hand."""
    notes = []
    tabled = [result.clusters for result in contrasts if len(result.clusters)]
    if tabled and all(rows["lesion_overlap"].isna().all() for rows in tabled):
        notes.append("lesion_overlap is n/a: nobody in the contrast has a lesion mask.")
    return notes


def _own_atlas_note(config: Config) -> list[str]:
    if config.receptors.atlas is None:
        return []
    return [
        f"The receptor analysis used the regions of receptors.atlas ({config.receptors.atlas.image}"
        "), which its spatial null takes as one structure; group/parcels.tsv and the contrasts "
        "have those of Neuromorphometrics."
    ]


def _notes(config: Config, cohort: CohortPlan) -> list[str]:
    notes = []
    if cohort.receptors:
        notes += [spatial_note(config), *own_maps_note(config), *_own_atlas_note(config)]
    if cohort.contrasts and config.permute.n and config.contrast.variance != "equal":
        notes.append(VARIANCE_NOTES[config.contrast.variance])
    if "cluster" in config.permute.statistic and config.permute.forming_p != config.contrast.p:
        notes.append(
            "extent_p_fwe_permutation is n/a: clusters of the table are formed at "
            f"contrast.p={config.contrast.p}, the permuted ones at "
            f"permute.forming_p={config.permute.forming_p}."
        )
    if cohort.contrasts and not config.permute.n:
        notes.append("Permutation p of extent and peak are n/a: permute.n=0.")
    if config.space != "MNI152NLin2009aSym":
        notes.append(
            f"The maps lie in {config.space}; the atlas and the receptor maps in other variants "
            "of MNI space. They are compared millimetre by millimetre, without a transform."
        )
    return notes
