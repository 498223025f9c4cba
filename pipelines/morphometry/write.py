"""The output folder of a study of regional tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.config.defaults import changed
from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.analysis import Results
from rt1t2_dask.pipelines.contrasts.results import table_of
from rt1t2_dask.pipelines.engine.task import Task, keys_by_stage
from rt1t2_dask.pipelines.images.plan import Failure
from rt1t2_dask.pipelines.morphometry.compute import MISSING, OUTLIERS
from rt1t2_dask.pipelines.outputs import dataset
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.finished import Finished, assets_of, study_key
from rt1t2_dask.pipelines.outputs.people_section import (
    age_pairs,
    demographics_by_contrast,
    people_tables,
)
from rt1t2_dask.pipelines.outputs.settings_file import write_settings
from rt1t2_dask.pipelines.outputs.states import METHODS, REFERENCES
from rt1t2_dask.pipelines.outputs.tables import json_bytes, write_table
from rt1t2_dask.pipelines.people.table import shown
from rt1t2_dask.pipelines.quality.ratings import rated_out, said_by
from rt1t2_dask.report.figures.picture import PRINT_DPI
from rt1t2_dask.report.figures.surface_figure import BrainSurface, brain_surface
from rt1t2_dask.report.morphometry.approximate import approximate_surface
from rt1t2_dask.report.morphometry.content import MorphometryContent
from rt1t2_dask.report.morphometry.page import draw, render
from rt1t2_dask.report.morphometry.planted import every_table
from rt1t2_dask.report.morphometry.words import described
from rt1t2_dask.storage.provenance import environment
from rt1t2_dask.storage.stores import Store

# BIDS allows a participants table only beside their folders.
PEOPLE_WITHOUT_FOLDERS = ("participants.tsv", "participants.json")
ATLAS = "desikan_killiany"


@dataclass(frozen=True)
class FinishedTables(Finished):
    """A study of regional tables whose parts are there.

    Parameters
    ----------
    features : Task or None
        Everybody's features.
    rows : tuple of int
        Who is used, places in ``people``.
    """

    features: Task | None = None
    rows: tuple[int, ...] = ()

    @property
    def analysed(self) -> pd.DataFrame:
        """Return the rows of those who are in the group results."""
        return self.people.iloc[list(self.rows)]

    def own_tasks(self) -> list[Task]:
        """Return the task that reads everybody's tables."""
        return [self.features] if self.features else []

    def tasks(self) -> list[Task]:
        """Return the tasks whose parts are there."""
        every = [*self.own_tasks(), *self.group.tasks()]
        return [task for task in every if self.lake.is_complete(task.part)]

    def shows(self) -> list[Any]:
        """Return the atlas of the pictures."""
        atlas = assets.find(ATLAS)
        return ["" if atlas is None else atlas.sha256]

    def write_dataset(self, store: Store) -> None:
        """Write the files about the dataset and who failed."""
        _write_dataset(store, self.config, self.people)
        outputs.write_failures(store, self.failures)

    def write_report(
        self,
        store: Store,
        results: Sequence[Results],
        people: Mapping[str, Any],
        provenance: Mapping[str, Any],
    ) -> None:
        """Write tables, figures and the page."""
        content = gather(self, results, provenance)
        for name, rows in every_table(content).items():
            write_table(store, f"group/{name}.tsv", rows)
        for name, summary in content.summaries().items():
            document = {"simulated": self.simulated} | summary
            store.write(f"group/{name}.json", json_bytes(document))
        pictures = draw(content)
        for stem, picture in pictures.items():
            store.write(f"figures/{stem}.png", picture.png(PRINT_DPI))
        said = described(content)
        store.write(METHODS, said.markdown.encode())
        store.write(REFERENCES, said.bibtex.encode())
        write_settings(store, self.config)
        store.write("report.html", render(content, pictures).encode())

    def provenance(self) -> dict[str, Any]:
        """Describe settings, seeds, versions, inputs and parts."""
        config, tasks = self.config, self.tasks()
        keys = keys_by_stage(tasks)
        return {
            "config": config.model_dump(mode="json"),
            "seeds": {
                "permute": config.permute.seed,
                "transcriptome": config.transcriptome.seed,
                "simulated": getattr(config.source, "seed", None),
            },
            "environment": environment(),
            "assets": {n: assets.resolve(n).sha256 for n in _assets(tasks)},
            "inputs": {f.path: f.sha256 for task in tasks for _, f in task.each_file()},
            "parts": {s: [own] if isinstance(own, str) else own for s, own in keys.items()},
            "measures": list(config.similarity.measures),
        }


def write_lost(
    store: Store, config: Config, people: pd.DataFrame, failures: Sequence[Failure]
) -> None:
    """Write failures; there are no group results."""
    outputs.claim_folder(store, config, study_key(config))
    _write_dataset(store, config, people)
    outputs.write_failures(store, failures)


def _write_dataset(store: Store, config: Config, people: pd.DataFrame) -> None:
    rows = shown(people)
    ignored = "\n".join((*outputs.IGNORED, *PEOPLE_WITHOUT_FOLDERS))
    store.write("dataset_description.json", json_bytes(dataset.description(config)))
    store.write("README.md", dataset.readme(config).encode())
    store.write(".bidsignore", f"{ignored}\n".encode())
    write_table(store, "participants.tsv", rows)


def left_out_notes(config: Config) -> list[str]:
    """Say who is left out by rating, by whom and why."""
    return [f"Left out: {one.participant_id}, {said_by(one)}." for one in rated_out(config.cohort)]


def gather(
    study: FinishedTables, results: Sequence[Results], provenance: Mapping[str, Any]
) -> MorphometryContent:
    """Collect all that the folder and the report show."""
    config, lake, used = study.config, study.lake, study.analysed
    assert study.features is not None
    part = study.features.part
    record, order = lake.record(part), list(config.cohort.groups)
    groups = used["group"].to_numpy()
    fields = {name: value for each in results for name, value in each.content.items()}
    return MorphometryContent(
        cohort=config.cohort.name,
        method=config.method,
        simulated=study.simulated,
        simulated_genes=config.transcriptome.simulated,
        seed=getattr(config.source, "seed", None),
        groups={group: int((groups == group).sum()) for group in order},
        features=tuple(config.similarity.features),
        regions=tuple(record["regions"]),
        participants=shown(used),
        demographics=demographics_by_contrast(config, used),
        age_pairs=age_pairs(config, used),
        people=people_tables(config, used),
        missing=_named(table_of(lake, part, MISSING), study.people),
        outliers=_named(table_of(lake, part, OUTLIERS), study.people),
        surface=_surface(),
        assets=[assets.resolve(name) for name in _assets(study.tasks())],
        failures=outputs.failure_table(study.failures),
        notes=[*_feature_notes(config, record), *left_out_notes(config), *study.notes],
        settings=config.science(),
        changed=changed(config),
        provenance=provenance,
        **fields,
    )


def _named(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    labels = people["participant_id"].to_numpy()
    named = rows.drop(columns="person")
    named.insert(0, "participant_id", labels[rows["person"].to_numpy(int)] if len(rows) else [])
    return named


def _surface() -> BrainSurface:
    """Project the atlas to the surface; without it, borders are approximate."""
    if assets.find(ATLAS) is None:
        return approximate_surface(_surface_bytes())
    return brain_surface(_atlas_bytes(), _surface_bytes())


def _atlas_bytes() -> bytes:
    return assets.read(assets.resolve(ATLAS))


def _surface_bytes() -> dict[str, bytes]:
    from rt1t2_dask.morphometry.surface import SURFACES

    names = [f"fsaverage5_{part}_{side}" for part in SURFACES for side in ("left", "right")]
    return {name: assets.read(assets.resolve(name)) for name in names}


def _assets(tasks: Sequence[Task]) -> list[str]:
    drawn = {"fsaverage5_infl_left"} | ({ATLAS} if assets.find(ATLAS) else set())
    return sorted(drawn | set(assets_of(tasks)))


def _feature_notes(config: Config, record: Mapping[str, Any]) -> list[str]:
    treated = config.similarity.outliers
    used = "left out of the person's network" if treated == "leave_out" else "used as they are"
    notes = [
        f"{record['missing']} values are missing (group/missing_regions.tsv): those regions are "
        "left out of the person's network, nothing is filled in.",
        f"{record['outliers']} values are over {config.similarity.outlier:g} robust "
        f"deviations from everybody's median (group/outliers.tsv); they are {used}.",
    ]
    if record["left_out"]:
        notes.append(f"Regions missing a feature in everybody: {', '.join(record['left_out'])}.")
    if assets.find(ATLAS) is None:
        notes.append(
            "Borders of regions in the brain pictures are approximate: for those of the "
            "Desikan-Killiany atlas, put atlas-desikankilliany_1mm_MNI152.nii.gz into a folder of "
            "RT1T2_ASSETS."
        )
    return notes
