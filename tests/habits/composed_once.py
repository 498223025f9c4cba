"""Hydra's composition, once for cases that differ in their places alone: 80 % of their time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from rt1t2_dask.cli.overrides import searched

# What every case writes elsewhere, to the same effect on all other settings.
PLACES = ("source.root", "output_dir", "storage.url")
Compose = Callable[[Sequence[str]], DictConfig]


def once(compose: Compose) -> Compose:
    """Return a composition that remembers: same words and cohort file, other places."""
    known: dict[tuple[str, ...], DictConfig] = {}

    def composed(words: Sequence[str]) -> DictConfig:
        places = [word for word in words if _key(word) in PLACES]
        key = (*_cohorts(words), *(w for w in words if not (searched(w) or w in places)))
        if key not in known:
            known[key] = compose(words)
        made = copy.deepcopy(known[key])
        for word in places:
            value = OverridesParser.create().parse_override(word).value()
            OmegaConf.update(made, _key(word), value)
        return made

    return composed


def _key(word: str) -> str:
    return word.split("=")[0].lstrip("+")


def _cohorts(words: Sequence[str]) -> list[str]:
    """List what the cohort files say in the folders that are searched."""
    folders = [Path(folder) for word in words if (folder := searched(word)) is not None]
    return [path.read_text() for folder in folders for path in sorted(folder.rglob("*.yaml"))]
