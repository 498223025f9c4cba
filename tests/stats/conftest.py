"""The SPM12 oracle: simulated images of 29 people and what SPM made of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

REFERENCE = Path(__file__).parent.parent / "reference"


@dataclass(frozen=True)
class Oracle:
    folder: Path
    design: pd.DataFrame
    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]
    data: NDArray[np.float32]

    def image(self, name: str) -> NDArray[np.float64]:
        return nib.load(self.folder / "out" / name).get_fdata()

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "out" / name)

    def summary(self, case: str, key: str) -> list[float]:
        for line in (self.folder / "out" / f"{case}_summary.txt").read_text().splitlines():
            if line.startswith(key + " "):
                return [float(v) for v in line[len(key) :].strip(" []").split()]
        raise KeyError(key)


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    assets = os.environ.get("RT1T2_ASSETS")
    if not assets:
        pytest.skip("SPM12 oracle not looked for: RT1T2_ASSETS is not set")
    folder = Path(assets).parent / "reference" / "spm_two_sample"
    if not folder.is_dir():
        pytest.skip("SPM12 oracle not found beside RT1T2_ASSETS")
    design = pd.read_csv(folder / "inputs" / "design.csv")
    mask_image = nib.load(folder / "inputs" / "explicit_mask.nii.gz")
    mask = mask_image.get_fdata() > 0
    rows = [nib.load(folder / "inputs" / f"{n}.nii.gz").get_fdata()[mask] for n in design["image"]]
    data = np.stack(rows).astype(np.float64)
    data[data == 0] = np.nan
    return Oracle(folder, design, mask, mask_image.affine, data)


@pytest.fixture(scope="session")
def spm_tables() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "spm_tables.csv")


@pytest.fixture(scope="session")
def reference() -> Path:
    return REFERENCE
