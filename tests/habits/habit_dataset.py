"""A small BIDS dataset of six people that a case may spoil. SIMULATED: noise in boxes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np

LABELS = tuple(f"sub-{k:02d}" for k in range(1, 7))
COHORT = """name: mine
participants: participants.tsv
group_column: group
groups: {pat: P, hc: C}
reference: hc
contrasts: {patVsHc: [pat, hc]}
"""
SHAPE = (12, 13, 14)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


@dataclass
class Dataset:
    """The dataset and the settings of its study.

    Parameters
    ----------
    folder : Path
        Holds ``bids``, ``studies``, and what a run would write.
    words : list of str
        Further words of the command line; a case may add to them.
    """

    folder: Path
    words: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The BIDS dataset."""
        return self.folder / "bids"

    @property
    def cohort(self) -> Path:
        """The cohort file."""
        return self.folder / "studies" / "cohort" / "mine.yaml"

    @property
    def table(self) -> Path:
        """The participants table."""
        return self.root / "participants.tsv"

    @property
    def command(self) -> list[str]:
        """The command line of the study."""
        own = {word.split("=")[0] for word in self.words}
        usual = [
            "source=bids", f"source.root={self.root}", f"output_dir={self.folder / 'out'}",
            f"storage.url={self.folder / 'lake'}", "cluster=synchronous",
        ]  # fmt: skip
        kept = [word for word in usual if word.split("=")[0] not in own]
        folder = str(self.cohort.parents[1])
        return ["--config-dir", folder, "+cohort=mine", *kept, *self.words]

    def path(self, label: str, name: str) -> Path:
        """Return the path of a file of a person, ``name`` as ``T1w.nii.gz``."""
        return self.root / label / "anat" / f"{label}_{name}"

    def scan(
        self, label: str, name: str, data: np.ndarray | None = None, affine: np.ndarray = AFFINE
    ) -> Path:
        """Write an image; noise of its own where no data are given."""
        if data is None:
            seed = zlib.crc32(f"{label}{name}".encode())
            data = np.random.default_rng(seed).uniform(1, 900, SHAPE).astype(np.float32)
        path = self.path(label, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.Nifti1Image(data, affine).to_filename(path)
        return path

    def mask(self, label: str, name: str) -> Path:
        """Write a mask of some voxels on the grid of the T1w."""
        data = np.zeros(SHAPE, np.uint8)
        data[4:7, 5:8, 6:9] = 1
        return self.scan(label, name, data)

    def rows(self, rows: Sequence[str]) -> None:
        """Write the participants table."""
        self.table.write_text("\n".join(rows) + "\n")

    def column(self, name: str, values: Sequence[str]) -> None:
        """Add a column to the participants table."""
        rows = self.table.read_text().splitlines()
        self.rows([f"{row}\t{value}" for row, value in zip(rows, [name, *values], strict=True)])

    def setting(self, line: str) -> None:
        """Add a line to the cohort file."""
        self.cohort.write_text(f"{self.cohort.read_text()}{line}\n")


def sound(folder: Path) -> Dataset:
    """Write a dataset without a fault: three patients, three controls."""
    made = Dataset(folder)
    made.cohort.parent.mkdir(parents=True)
    made.cohort.write_text(COHORT)
    for label in LABELS:
        for name in ("T1w.nii.gz", "T2w.nii.gz"):
            made.scan(label, name)
    made.rows(["participant_id\tgroup", *(f"{s}\t{'PPPCCC'[k]}" for k, s in enumerate(LABELS))])
    return made
