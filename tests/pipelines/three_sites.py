"""A study of three sites as folders of maps, and its parts made without an output folder."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from rt1t2_dask.cli.command_line import Job, _configure, _search_path
from rt1t2_dask.cluster.graph import SerialExecutor
from rt1t2_dask.pipelines.analyses import plan_analyses
from rt1t2_dask.pipelines.contrasts.analysis import contrasts_of
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.engine.work import complete_parts, missing_tasks, run_tasks
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.pipelines.sites.analysis import Harmony, MetaAnalyses, SiteEffects
from rt1t2_dask.storage.parts import Lake

SHAPE, GRID_MM, ORIGIN = (33, 39, 32), 6.0, (-98.0, -134.0, -72.0)
NAMES = ("north", "south", "west")
GAIN = {"north": 1.0, "south": 1.3, "west": 0.8}
COHORT = """
name: three
participants: participants.tsv
group_column: group
groups: {pat: P, hc: C}
reference: hc
contrasts: {patVsHc: [pat, hc]}
covariates: [age]
"""
PLACED = COHORT + "sites:\n" + "".join(f"  {n}: {{source: {{root: ROOT/{n}}}}}\n" for n in NAMES)
ONE_FOLDER = COHORT + "site_column: site\n"


def map_affine() -> np.ndarray:
    affine = np.diag([GRID_MM, GRID_MM, GRID_MM, 1.0])
    affine[:3, 3] = ORIGIN
    return affine


def write_sites(root: Path, each: int = 12) -> pd.DataFrame:
    """Maps of smooth noise; patients are 0.3 lower in one cube, sites differ in gain."""
    rng = np.random.default_rng(5)
    tables = []
    for s, name in enumerate(NAMES):
        folder = root / name
        folder.mkdir(parents=True)
        labels = [f"sub-{name[0]}{k:02d}" for k in range(each)]
        group = np.tile(["P", "C"], each // 2)
        age = np.round(rng.uniform(20 + 10 * s, 70, each), 1)
        for k, label in enumerate(labels):
            data = 1.5 + ndimage.gaussian_filter(rng.normal(size=SHAPE), 1.0) * 0.5
            data -= 0.002 * age[k]
            if group[k] == "P":
                data[15:19, 18:22, 18:22] -= 0.3
            data[:, :, :2] = np.nan
            if k == 3:
                data[10:14, 10:14, 10:14] = np.nan
            image = nib.Nifti1Image((GAIN[name] * data).astype(np.float32), map_affine())
            image.to_filename(folder / f"{label}_T1wT2wratio.nii.gz")
        table = pd.DataFrame(
            {"participant_id": labels, "group": group, "age": age, "sex": ["M", "M", "F"] * 4}
        )
        table.to_csv(folder / "participants.tsv", sep="\t", index=False)
        paths = [f"{name}/{label}_T1wT2wratio.nii.gz" for label in labels]
        tables.append(table.assign(site=name, map=paths))
    both = pd.concat(tables)
    both.to_csv(root / "participants.tsv", sep="\t", index=False)
    return both


@pytest.fixture(scope="session")
def three(tmp_path_factory):
    base = tmp_path_factory.mktemp("sites")
    write_sites(base / "data")
    folder = base / "studies" / "cohort"
    folder.mkdir(parents=True)
    (folder / "placed.yaml").write_text(PLACED.replace("ROOT", str(base / "data")))
    (folder / "one.yaml").write_text(ONE_FOLDER)
    return base


def words(base: Path, cohort: str, out: str, *more: str) -> list[str]:
    return [
        "--config-dir", str(base / "studies"), f"+cohort={cohort}", "source=maps",
        f"source.root={base / 'data'}", f"storage.url={base / 'lake'}",
        f"output_dir={base / out}", "cluster=synchronous", "smooth.fwhm_mm=0",
        "permute.n=19", "receptors.n_permutations=0", "receptors.spatial=none",
        "report.mosaics=0", "report.figures=false", *more,
    ]  # fmt: skip


class Parts:
    """The group parts of a study, made without its output folder."""

    def __init__(self, base: Path, cohort: str, *more: str) -> None:
        asked = words(base, cohort, "none", "permute.n=0", *more)
        overrides = _search_path(asked[1]) + asked[2:]
        self.config = _configure(Job(tuple(overrides)))
        self.lake = Lake(self.config.storage.url)
        people = sites.read_everybody(self.config)
        images = sites.plan_study(self.config, people)
        self.plan = plan_analyses(self.config, self.lake, people, images, predicted=True)
        self.contrasts = contrasts_of(self.plan)
        harmony, effects = self.plan.of(Harmony), self.plan.of(SiteEffects)
        self.harmony = harmony.parts if harmony else ()
        self.combat = harmony.learnt if harmony else None
        self.site_effects = effects.parts[-1] if effects else None
        self.meta = self.plan.of(MetaAnalyses).contrasts
        wanted = [plan.contrast.part for plan in self.contrasts.values()]
        wanted += [task.part for task in self.harmony]
        wanted += [task.part for plan in self.meta.values() for task in plan.tasks()]
        wanted += [task.part for task in (self.site_effects,) if task]
        tasks = [*images.tasks(), *self.plan.tasks()]
        todo = missing_tasks(tasks, wanted, complete_parts(self.lake, tasks))
        assert run_tasks(SerialExecutor(), self.lake, todo, lambda _: None) == {}

    def map(self, name: str) -> np.ndarray:
        part = self.contrasts["patVsHc"].contrast.part
        return to_volume(self.lake.read(part)[name]).data
