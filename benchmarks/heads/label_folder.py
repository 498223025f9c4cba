"""Where the label maps of ten people's heads lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "head_labels"


def path_of(person: int) -> Path:
    """Give the label map of a person, 1 to 10."""
    found = label_maps()
    if not 1 <= person <= len(found):
        sys.exit(f"person={person}: {len(found)} label maps were found; take 1 to {len(found)}.")
    return found[person - 1]


def label_maps() -> list[Path]:
    """Give the label maps in order; ends with one line where none are found."""
    for folder in _candidates():
        maps = sorted(folder.glob("*_seg_*.nii.gz"))
        if maps:
            return maps
    looked = ", ".join(str(folder) for folder in _candidates())
    sys.exit(f"No head label maps in {looked}; name their folder in RT1T2_HEAD_LABELS.")


def _candidates() -> list[Path]:
    named = [os.environ[k] for k in ("RT1T2_HEAD_LABELS",) if os.environ.get(k)]
    assets = [part for part in os.environ.get("RT1T2_ASSETS", "").split(os.pathsep) if part]
    beside = [Path(part).resolve().parent / "scans" / _NAME for part in assets]
    return [
        *map(Path, named),
        *beside,
        Path(__file__).resolve().parents[3] / "shared/scans" / _NAME,
    ]
