"""What several tests need: the shared assets, small studies and BIDS datasets on disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from studies_of_maps import maps_words, once, write_maps_study

from rt1t2_dask.cli.command_line import Job, _configure, _search_path, command
from rt1t2_dask.config.study import Config

# A busy machine is no fault of the code.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture
def shared() -> Path:
    """The folder beside the assets, with scans and reference outputs."""
    first = os.environ.get("RT1T2_ASSETS", "").split(os.pathsep)[0]
    if not first or not Path(first).is_dir():
        pytest.skip("RT1T2_ASSETS names no folder of assets")
    return Path(first).resolve().parent


@pytest.fixture
def maps_study(tmp_path: Path, finished_maps: Path) -> Callable[..., tuple[Path, np.ndarray]]:
    """Write the study; the template, which nothing in it changes, is in its lake already."""
    place = Path("lake") / "parts" / "template"
    shutil.copytree(finished_maps / place, tmp_path / place, dirs_exist_ok=True)
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
    shutil.copytree(
        finished_maps / "lake" / "parts", tmp_path / "lake" / "parts", dirs_exist_ok=True
    )
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
