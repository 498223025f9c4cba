"""What several tests need: the shared assets, small studies and BIDS datasets on disk."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from rt1t2_dask.cli.command_line import Job, _configure, _search_path, command
from rt1t2_dask.config.study import Config

# A busy machine is no fault of the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

GRID_MM = 6.0
SHAPE = (33, 39, 32)
ORIGIN = (-98.0, -134.0, -72.0)


@pytest.fixture
def shared() -> Path:
    """The folder beside the assets, with scans and reference outputs."""
    first = os.environ.get("RT1T2_ASSETS", "").split(os.pathsep)[0]
    if not first or not Path(first).is_dir():
        pytest.skip("RT1T2_ASSETS names no folder of assets")
    return Path(first).resolve().parent


def map_affine() -> np.ndarray:
    affine = np.diag([GRID_MM, GRID_MM, GRID_MM, 1.0])
    affine[:3, 3] = ORIGIN
    return affine


COHORT = """
name: small
participants: participants.tsv
group_column: group
groups: {{pat: P, hc: C}}
reference: hc
contrasts: {{patVsHc: [pat, hc]}}
covariates: {covariates}
exclude: {exclude}
"""


def write_maps_study(
    folder: Path,
    n_patients: int = 6,
    n_controls: int = 7,
    covariates: str = "[]",
    exclude: str = "[]",
) -> tuple[Path, np.ndarray]:
    """Write a study of ready-made maps (random numbers) and its cohort file."""
    rng = np.random.default_rng(1)
    n = n_patients + n_controls
    maps = rng.normal(1.5, 0.1, size=(n, *SHAPE)).astype(np.float32)
    maps[:n_patients, 15:18, 18:21, 18:21] -= 1.0
    root = folder / "maps"
    root.mkdir(parents=True, exist_ok=True)
    labels = [f"sub-{i:02d}" for i in range(n)]
    for label, data in zip(labels, maps, strict=True):
        image = nib.Nifti1Image(data, map_affine())
        image.to_filename(root / f"{label}_T1wT2wratio.nii.gz")
    table = pd.DataFrame(
        {
            "participant_id": labels,
            "group": ["P"] * n_patients + ["C"] * n_controls,
            "age": rng.integers(30, 80, n),
            "sex": ["M", "F"] * (n // 2) + ["M"] * (n % 2),
        }
    )
    table.to_csv(root / "participants.tsv", sep="\t", index=False)
    cohort = folder / "studies" / "cohort"
    cohort.mkdir(parents=True, exist_ok=True)
    text = COHORT.format(covariates=covariates, exclude=exclude)
    (cohort / "small.yaml").write_text(text)
    return root, maps


def maps_words(folder: Path) -> list[str]:
    """Return the command line of the study that `write_maps_study` writes."""
    return [
        "--config-dir",
        str(folder / "studies"),
        "+cohort=small",
        "source=maps",
        f"source.root={folder / 'maps'}",
        f"storage.url={folder / 'lake'}",
        f"output_dir={folder / 'out'}",
        "cluster=synchronous",
        "smooth.fwhm_mm=0",
        "permute.n=50",
        "receptors.n_permutations=50",
        "report.mosaics=1",
        "report.figures=false",
    ]


@contextmanager
def once(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """Make a folder once for all processes of the tests: the first one finds it empty."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture
def maps_study(tmp_path: Path) -> Callable[..., tuple[Path, np.ndarray]]:
    return partial(write_maps_study, tmp_path)


@pytest.fixture
def maps_arguments(tmp_path: Path) -> list[str]:
    """The command line of the study that `maps_study` writes."""
    return maps_words(tmp_path)


@pytest.fixture(scope="session")
def finished_maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the study of maps as it stands; to be read, or copied."""
    with once(tmp_path_factory, "finished_maps") as folder:
        if not (folder / "out" / "report.html").exists():
            write_maps_study(folder)
            assert command(maps_words(folder)) == 0
    return folder


@pytest.fixture
def lake_before(finished_maps: Path, tmp_path: Path) -> Path:
    """Fill the study's lake with the parts of a finished run, so that those that fit are there."""
    shutil.copytree(finished_maps / "lake" / "parts", tmp_path / "lake" / "parts")
    return tmp_path / "lake"


MINE = """
name: mine
groups: {pat: P, hc: C}
reference: hc
contrasts: {patVsHc: [pat, hc]}
"""


@pytest.fixture
def studies(tmp_path: Path) -> str:
    folder = tmp_path / "studies" / "cohort"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(MINE)
    return str(folder.parent)


@pytest.fixture
def configure(studies: str, tmp_path: Path) -> Callable[..., Config]:
    """Compose a configuration of ``tmp_path / bids``."""

    def make(*words: str, source: str = "bids") -> Config:
        root = f"source.root={tmp_path / 'bids'}"
        job = Job((*_search_path(studies), "+cohort=mine", f"source={source}", root, *words), "")
        return _configure(job)

    return make


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write files that hold their own name, and a table of four people."""

    def make(names: tuple[str, ...] = ("T1w.nii.gz", "T2w.nii.gz"), column: str = "") -> Path:
        root = tmp_path / "bids"
        header = "participant_id\tgroup" + ("\tlesion" if column else "")
        rows = [header]
        for i in range(4):
            label = f"sub-{i:02d}"
            rows.append(
                f"{label}\t{'PPCC'[i]}"
                + (f"\t{column}" if column and i == 0 else "\tn/a" if column else "")
            )
            for name in names:
                path = root / label / "anat" / f"{label}_{name}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{label} {name}")
        (root / "participants.tsv").write_text("\n".join(rows) + "\n")
        return root

    return make
