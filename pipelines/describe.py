"""The plan of a study in words: what is there, what is to do, how large."""

from __future__ import annotations

import sys
from collections import Counter

from rt1t2_dask.cluster_jobs import job_script
from rt1t2_dask.config import Config, SimulatedSource
from rt1t2_dask.pipelines.catalogue import stage_named
from rt1t2_dask.pipelines.cohort import CohortPlan
from rt1t2_dask.pipelines.contrast_plan import TEMPLATE_MM3, contrast_bytes
from rt1t2_dask.pipelines.plan import SCAN_STAGES, ImagePlan
from rt1t2_dask.pipelines.work import complete_parts
from rt1t2_dask.storage.parts import Lake

HEAD_MM3 = 240.0 * 280.0 * 250.0
FLOAT_BYTES = 4
HEADS = {"ingest": 2.0, "bias": 2.0, "brain": 0.25}
MAPS = {"ratio": 1.0, "map": 1.0, "smooth": 1.0, "contrast": 6.0, "clusters": 1.0, "permute": 2.0}
FIELDS = {"normalise": 3.0}


def describe(config: Config, lake: Lake, images: ImagePlan, cohort: CohortPlan) -> None:
    """Print the plan: stages, parts done and to do, bytes before compression, memory a task."""
    tasks = {task.part: task for task in (*images.tasks(), *cohort.tasks())}
    whole = complete_parts(lake, tasks.values())
    total = Counter(part.stage for part in tasks)
    done = Counter(part.stage for part in whole)
    lines = _table(config, len(images.people), total, done)
    lines += [f"{f.stage} cannot be planned for one person: {f.reason}" for f in images.failures]
    script = job_script(config.cluster)
    asked = [] if script is None else [f"job of each {config.cluster.kind} worker:", script]
    sys.stdout.write("\n".join([*lines, *cohort.notes, *asked]) + "\n")


def describe_simulation(config: Config, people: int, missing: int) -> None:
    """Print the plan of a study whose people are not all simulated yet; keys need their files."""
    contrasts = len(config.cohort.every_contrast())
    total = Counter({"template": 2, "head": 1})
    total.update({stage.name: people for stage, _ in SCAN_STAGES})
    total.update({"contrast": contrasts, "clusters": contrasts, "permute": contrasts})
    total.update({"pet": 1, "receptors": len(config.cohort.groups) - 1})
    lines = [f"SIMULATED: {missing} of {people} people are to be simulated first"]
    lines += _table(config, people, total, Counter())
    sys.stdout.write("\n".join(lines) + "\n")


def _table(config: Config, people: int, total: Counter[str], done: Counter[str]) -> list[str]:
    lines = [f"{config.cohort.name}: {people} people, lake {config.storage.url}"]
    lines.append(
        f"{'stage':<11}{'parts':>6}{'done':>6}{'to do':>7}{'MB a part':>11}{'GB a task':>11}"
    )
    for stage, n in total.items():
        size, memory = bytes_a_part(stage, config) / 1e6, _gigabytes(stage, config, people)
        lines.append(
            f"{stage:<11}{n:>6}{done[stage]:>6}{n - done[stage]:>7}{size:>11.1f}{memory:>11.1f}"
        )
    to_do = sum(bytes_a_part(stage, config) * n for stage, n in (total - done).items())
    return [*lines, f"to write: at most {to_do / 1e9:.2f} GB before compression"]


def _gigabytes(stage: str, config: Config, people: int) -> float:
    """Peak memory of one part, from the shapes where it depends on them."""
    if stage == "contrast":
        columns = len(config.cohort.groups) + len(config.cohort.columns)
        return contrast_bytes(config, people, columns) / 1e9
    return stage_named(stage).gigabytes


def bytes_a_part(stage: str, config: Config) -> float:
    """Estimate the bytes of one part of a stage before compression."""
    source = config.source
    scan_mm = source.voxel_mm if isinstance(source, SimulatedSource) else 1.0
    head = HEAD_MM3 / scan_mm**3 * HEADS.get(stage, 0.0)
    maps = TEMPLATE_MM3 / config.output_voxel_mm**3 * MAPS.get(stage, 0.0)
    field = TEMPLATE_MM3 / config.registration_voxel_mm**3 * FIELDS.get(stage, 0.0)
    return (head + maps + field) * FLOAT_BYTES
