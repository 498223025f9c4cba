"""The output folder of a study of regional tables."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.contrasts.group_design import words
from rt1t2_dask.pipelines.engine.code import code_version
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.images.plan import Failure
from rt1t2_dask.pipelines.morphometry.compute import (
    ACROSS as ACROSS_TABLE,
)
from rt1t2_dask.pipelines.morphometry.compute import (
    CORRELATIONS,
    EFFECTS,
    MISSING,
    OUTLIERS,
)
from rt1t2_dask.pipelines.morphometry.plan import MorphometryPlan
from rt1t2_dask.pipelines.outputs import dataset
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.finished import study_key
from rt1t2_dask.pipelines.outputs.folder import json_bytes, tsv_bytes
from rt1t2_dask.pipelines.people.section import age_pairs, demographics_by_contrast, people_tables
from rt1t2_dask.pipelines.people.table import shown
from rt1t2_dask.pipelines.transcriptome.compute import ENRICHED, GENES, SUMMARY
from rt1t2_dask.report.figures.picture import PRINT_DPI
from rt1t2_dask.report.figures.surface_figure import BrainSurface, brain_surface
from rt1t2_dask.report.morphometry.content import MorphometryContent, RegionResult, TestedMap
from rt1t2_dask.report.morphometry.page import draw, render
from rt1t2_dask.storage.keys import digest
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.provenance import environment
from rt1t2_dask.storage.stores import Store

# BIDS takes a table of people only beside their folders.
PEOPLE_WITHOUT_FOLDERS = ("participants.tsv", "participants.json")
ATLAS = "desikan_killiany"


@dataclass(frozen=True)
class FinishedMorphometry:
    """A study of regional tables whose parts are all there."""

    config: Config
    lake: Lake
    people: pd.DataFrame
    rows: Sequence[int]
    plan: MorphometryPlan
    failures: Sequence[Failure] = ()
    notes: Sequence[str] = ()

    def made(self) -> list[Task]:
        """Return the tasks whose parts are there."""
        return [task for task in self.plan.tasks() if self.lake.is_complete(task.part)]

    def key(self) -> str:
        """Return the digest of all that the output folder depends on."""
        code = code_version((__name__,))
        failed = [[f.label, f.reason] for f in self.failures]
        parts = [task.part.key for task in self.made()]
        labels = self.people["participant_id"].tolist()
        atlas = assets.find(ATLAS)
        drawn = "" if atlas is None else atlas.sha256
        return digest([parts, labels, failed, self.config.science(), code, drawn])


def write_lost(
    store: Store, config: Config, people: pd.DataFrame, failures: Sequence[Failure]
) -> None:
    """Write who failed; there are no group results."""
    outputs.claim_folder(store, config, study_key(config))
    _write_dataset(store, config, people)
    outputs.write_failures(store, failures)


def write_study(store: Store, study: FinishedMorphometry, timing: Mapping[str, Any]) -> None:
    """Write tables, figures and the report; the provenance, which says so, last."""
    config = study.config
    _write_dataset(store, config, study.people)
    outputs.write_failures(store, study.failures)
    document = _provenance(study, timing)
    content = gather(study, document)
    for name, rows in content.tables().items():
        store.write(f"group/{name}.tsv", tsv_bytes(rows))
    for name, summary in content.summaries().items():
        store.write(f"group/{name}.json", json_bytes({"simulated": config.simulated} | summary))
    pictures = draw(content)
    for stem, picture in pictures.items():
        store.write(f"figures/{stem}.png", picture.png(PRINT_DPI))
    store.write("report.html", render(content, pictures).encode())
    state = {
        "state": outputs.COMPLETE,
        "study": study_key(config),
        "run": study.key(),
        "simulated": config.simulated,
    }
    store.write(outputs.PROVENANCE, json_bytes(state | document))


def _write_dataset(store: Store, config: Config, people: pd.DataFrame) -> None:
    rows = shown(people)
    ignored = "\n".join((*outputs.IGNORED, *PEOPLE_WITHOUT_FOLDERS))
    store.write("dataset_description.json", json_bytes(dataset.description(config)))
    store.write("README.md", dataset.readme(config).encode())
    store.write(".bidsignore", f"{ignored}\n".encode())
    store.write("participants.tsv", tsv_bytes(rows))
    store.write("participants.json", json_bytes(dataset.columns(rows)))


def _table(lake: Lake, part: Part, name: str) -> pd.DataFrame:
    content = io.BytesIO(lake.file(part, name))
    return pd.read_csv(content, sep="\t", keep_default_na=False, na_values=[""])


def gather(study: FinishedMorphometry, provenance: Mapping[str, Any]) -> MorphometryContent:
    """Collect all that the folder and the report show."""
    config, lake, plan = study.config, study.lake, study.plan
    record = lake.record(plan.features.part)
    used = study.people.iloc[list(study.rows)]
    labels = used["participant_id"].tolist()
    order = list(config.cohort.groups)
    regional, whole, networks = _similarity(lake, plan, len(used), len(record["regions"]))
    groups = used["group"].to_numpy()
    tested = [_tested(lake, name, task) for name, task in plan.transcriptome.items()]
    return MorphometryContent(
        cohort=config.cohort.name,
        method=config.method,
        simulated=config.simulated,
        seed=getattr(config.source, "seed", None),
        groups={group: int((groups == group).sum()) for group in order},
        features=tuple(config.similarity.features),
        regions=tuple(record["regions"]),
        participants=shown(used),
        demographics=demographics_by_contrast(config, used),
        age_pairs=age_pairs(config, used),
        people=people_tables(config, used),
        similarity=_by_person(labels, regional, record["regions"]),
        global_similarity=pd.DataFrame(
            {"participant_id": labels, "group": groups, "global_similarity": whole}
        ),
        networks={g: _mean(networks[groups == g]) for g in order} if plan.blocks else {},
        missing=_named(_table(lake, plan.features.part, MISSING), study.people),
        outliers=_named(_table(lake, plan.features.part, OUTLIERS), study.people),
        contrasts=[
            RegionResult(
                c.map_name, c.name, c.measure, words(c.form).title, words(c.form).positive,
                _table(lake, c.task.part, EFFECTS), "t" if c.design.q == 1 else "F", c.design.n,
            )
            for c in plan.contrasts
        ],
        across={m: _table(lake, t.part, ACROSS_TABLE) for m, t in plan.across.items()},
        correlations=None
        if plan.correlations is None
        else _table(lake, plan.correlations.part, CORRELATIONS),
        tested=[found for found in tested if found is not None],
        surface=_surface(),
        assets=[assets.resolve(name) for name in _assets(study)],
        failures=outputs.failure_table(study.failures),
        notes=[*_feature_notes(study, record), *plan.notes, *study.notes],
        settings=config.science(),
        provenance=provenance,
    )  # fmt: skip


def _similarity(
    lake: Lake, plan: MorphometryPlan, people: int, regions: int
) -> tuple[Any, Any, Any]:
    """Read regional and global similarity and the networks; NaN where there are no networks."""
    if not plan.blocks:
        shapes = (people, regions), (people,), (people, regions, regions)
        return tuple(np.full(shape, np.nan) for shape in shapes)  # type: ignore[return-value]
    blocks = [lake.read(task.part).load() for task in plan.blocks]
    names = ("regional_similarity", "global_similarity", "similarity")
    found = [np.concatenate([b[name].to_numpy() for b in blocks]) for name in names]
    return found[0], found[1], found[2]


def _by_person(labels: Sequence[str], values: Any, regions: Sequence[str]) -> pd.DataFrame:
    rows = pd.DataFrame(values, columns=list(regions))
    rows.insert(0, "participant_id", list(labels))
    return rows


def _named(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    labels = people["participant_id"].to_numpy()
    named = rows.drop(columns="person")
    named.insert(0, "participant_id", labels[rows["person"].to_numpy(int)] if len(rows) else [])
    return named


def _mean(networks: Any) -> Any:
    known = np.isfinite(networks)
    total, count = np.where(known, networks, 0.0).sum(axis=0), known.sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _tested(lake: Lake, name: str, task: Task) -> TestedMap | None:
    if not lake.is_complete(task.part):
        return None
    data = lake.read(task.part).load()
    return TestedMap(
        name,
        json.loads(lake.file(task.part, SUMMARY)),
        tuple(lake.record(task.part)["regions"]),
        data["tested_map"].to_numpy(),
        data["pls_score"].to_numpy(),
        data["pls_null"].to_numpy(),
        _table(lake, task.part, GENES),
        _table(lake, task.part, ENRICHED),
    )


def _surface() -> BrainSurface | None:
    """Lay the atlas on the surface, where it is installed."""
    return None if assets.find(ATLAS) is None else brain_surface(_atlas_bytes(), _surface_bytes())


def _atlas_bytes() -> bytes:
    return assets.read(assets.resolve(ATLAS))


def _surface_bytes() -> dict[str, bytes]:
    from rt1t2_dask.morphometry.surface import SURFACES

    names = [f"fsaverage5_{part}_{side}" for part in SURFACES for side in ("left", "right")]
    return {name: assets.read(assets.resolve(name)) for name in names}


def _assets(study: FinishedMorphometry) -> list[str]:
    read = {name for task in study.made() for name in task.assets}
    drawn = set() if assets.find(ATLAS) is None else {ATLAS, "fsaverage5_infl_left"}
    return sorted(read | drawn)


def _feature_notes(study: FinishedMorphometry, record: Mapping[str, Any]) -> list[str]:
    treated = study.config.similarity.outliers
    used = "left out of the person's network" if treated == "leave_out" else "used as they are"
    notes = [
        f"{record['missing']} values are missing (group/missing_regions.tsv): those regions are "
        "left out of the person's network, nothing is filled in.",
        f"{record['outliers']} values are over {study.config.similarity.outlier:g} robust "
        f"deviations from everybody's median (group/outliers.tsv); they are {used}.",
    ]
    if record["left_out"]:
        notes.append(f"Regions that lack a feature in everybody: {', '.join(record['left_out'])}.")
    if assets.find(ATLAS) is None:
        notes.append(
            "No brain pictures: put the Desikan-Killiany atlas "
            "(atlas-desikankilliany_1mm_MNI152.nii.gz) into a folder named in RT1T2_ASSETS."
        )
    return notes


def _provenance(study: FinishedMorphometry, timing: Mapping[str, Any]) -> dict[str, Any]:
    config, tasks = study.config, study.made()
    return {
        "config": config.model_dump(mode="json"),
        "seeds": {
            "permute": config.permute.seed,
            "transcriptome": config.transcriptome.seed,
            "simulated": getattr(config.source, "seed", None),
        },
        "environment": environment(),
        "assets": {n: assets.resolve(n).sha256 for n in _assets(study)},
        "inputs": {f.path: f.sha256 for task in tasks for _, f in task.each_file()},
        "parts": {
            stage: [task.part.key for task in tasks if task.stage == stage]
            for stage in dict.fromkeys(task.stage for task in tasks)
        },
        "measures": list(config.similarity.measures),
        "timings": dict(timing),
    }
