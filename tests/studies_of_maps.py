"""Small studies of ready-made maps on disk, and folders made once for all processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

GRID_MM = 6.0
SHAPE = (33, 39, 32)
ORIGIN = (-98.0, -134.0, -72.0)


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
        "report.age_and_sex=false",
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
