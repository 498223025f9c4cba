"""Small BIDS datasets on disk, and their configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rt1t2_dask.cli.command_line import Job, _configure, _search_path
from rt1t2_dask.config.study import Config

COHORT = """
name: mine
groups: {pat: P, hc: C}
reference: hc
contrasts: {patVsHc: [pat, hc]}
"""


@pytest.fixture
def studies(tmp_path: Path) -> str:
    folder = tmp_path / "studies" / "cohort"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(COHORT)
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
